"""Writes a GGUF file with random Q4_0 weights in the shape that a config.json names: a stand-in for llama.cpp's own conversion.

One quantised block of random numbers is written again and again, from another place for each tensor. The vocabulary has the
256 single bytes and made-up names: the peers are measured on token ids, but some refuse a file without any.
"""

import argparse
import json
import os

import gguf
import numpy as np

Q4_0 = gguf.GGMLQuantizationType.Q4_0
BLOCK_VALUES, BLOCK_BYTES = gguf.GGML_QUANT_SIZES[Q4_0]
# A prime number of blocks, so that rows of one matrix start at different places.
POOL_BLOCKS = 131_071
SPECIAL_TOKENS = 16


def tensor_list(config):
    """(name, rows, columns) of every matrix, in the order of llama.cpp's own files."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    kv = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    yield "token_embd.weight", config["vocab_size"], hidden
    for layer in range(config["num_hidden_layers"]):
        for name, rows, columns in [
            ("attn_q", hidden, hidden),
            ("attn_k", kv, hidden),
            ("attn_v", kv, hidden),
            ("attn_output", hidden, hidden),
            ("ffn_gate", inner, hidden),
            ("ffn_up", inner, hidden),
            ("ffn_down", hidden, inner),
        ]:
            yield f"blk.{layer}.{name}.weight", rows, columns
    yield "output.weight", config["vocab_size"], hidden


def norm_list(config):
    for layer in range(config["num_hidden_layers"]):
        yield f"blk.{layer}.attn_norm.weight"
        yield f"blk.{layer}.ffn_norm.weight"
    yield "output_norm.weight"


def write_metadata(writer, config):
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    writer.add_name("random weights")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(hidden // heads)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    write_vocabulary(writer, config["vocab_size"])


def byte_characters():
    """GPT-2's printable characters for bytes, in the order of its vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(256 - len(printable))]


def write_vocabulary(writer, size):
    special = size - SPECIAL_TOKENS
    names = byte_characters() + [f"token{index}" for index in range(256, special)]
    names += [f"<|special{index}|>" for index in range(SPECIAL_TOKENS)]
    types = [gguf.TokenType.NORMAL] * special + [gguf.TokenType.CONTROL] * SPECIAL_TOKENS
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(names)
    writer.add_token_types(types)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(special)
    writer.add_eos_token_id(special + 1)


def quantised_rows(pool, rng, rows, columns):
    """Bytes of one matrix `[rows, bytes of a row]`."""
    blocks = rows * columns // BLOCK_VALUES
    at = int(rng.integers(POOL_BLOCKS))
    return pool[(at + np.arange(blocks)) % POOL_BLOCKS].reshape(rows, columns // BLOCK_VALUES * BLOCK_BYTES)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config.json of a checkpoint or model directory")
    parser.add_argument("out", help="the GGUF file to write")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with open(options.config, encoding="utf-8") as file:
        config = json.load(file)
    rng = np.random.default_rng(options.seed)
    values = (rng.standard_normal((POOL_BLOCKS, BLOCK_VALUES)) * 0.02).astype(np.float32)
    pool = gguf.quants.quantize(values, Q4_0)

    partial = options.out + ".partial"
    writer = gguf.GGUFWriter(partial, "llama")
    write_metadata(writer, config)
    matrices, norms = list(tensor_list(config)), list(norm_list(config))
    gains = np.ones(config["hidden_size"], dtype=np.float32)
    for name, rows, columns in matrices:
        size = rows * columns // BLOCK_VALUES * BLOCK_BYTES
        writer.add_tensor_info(name, (rows, columns // BLOCK_VALUES * BLOCK_BYTES), np.dtype(np.uint8), size, Q4_0)
    for name in norms:
        writer.add_tensor_info(name, gains.shape, gains.dtype, gains.nbytes)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, rows, columns in matrices:
        writer.write_tensor_data(quantised_rows(pool, rng, rows, columns))
    for _ in norms:
        writer.write_tensor_data(gains)
    writer.close()
    os.replace(partial, options.out)
    print(f"{options.out}: {os.path.getsize(options.out) / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
