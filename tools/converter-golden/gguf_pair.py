"""Writes MiniCPM-V checkpoints as pairs of GGUF files, as llama.cpp's converters do, and golden data of that kind.

    pip install gguf==0.19.0 numpy safetensors
    python tools/converter-golden/gguf_pair.py write CHECKPOINT FOLDER f32|f16|q8_0|q4_0|...
    python tools/converter-golden/gguf_pair.py golden packages/converter/test/gguf-golden

`write` converts a checkpoint directory. `golden` writes: `float`, a small random checkpoint with its f16 pair; `quantised`, a
pair whose matrices have every quantised type, with random codes, and the SHA-256 of each tensor as the gguf package
dequantises it, by the checkpoint's names; `blocks.json`, blocks of each type and their values.
Names and layout: llama.cpp convert_hf_to_gguf.py and minicpmv-convert-image-encoder-to-gguf.py.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter
from gguf.quants import dequantize, quantize
from safetensors.numpy import load_file, save_file

LANGUAGE = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}
VISION = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.out_proj": "attn_out", "layer_norm1": "ln1", "layer_norm2": "ln2",
    "mlp.fc1": "ffn_down", "mlp.fc2": "ffn_up",
}


def permute(rows, heads):
    """The order of rows that llama.cpp's rotary embedding asks for (LlamaModel.permute)."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def language_name(name):
    if not name.startswith("llm."):
        return None
    fixed = {"llm.model.embed_tokens": "token_embd", "llm.model.norm": "output_norm", "llm.lm_head": "output"}
    stem, kind = name.rsplit(".", 1)
    if stem in fixed:
        return f"{fixed[stem]}.{kind}"
    _, _, _, layer, part = stem.split(".", 4)
    return f"blk.{layer}.{LANGUAGE[part]}.{kind}"


def vision_tensors(name, value):
    if name.startswith("vpm.encoder."):
        _, _, _, layer, rest = name.split(".", 4)
        part, kind = rest.rsplit(".", 1)
        return {f"v.blk.{layer}.{VISION[part]}.{kind}": value}
    if name.startswith("vpm."):
        new = name.replace("vpm.embeddings.", "v.").replace("vpm.post_layernorm", "v.post_ln")
        return {new.replace("embedding", "embd"): value}
    if name == "resampler.proj":
        return {"resampler.proj.weight": np.ascontiguousarray(value.T)}
    if name.startswith("resampler.attn.in_proj_"):
        kind = name.rsplit("_", 1)[1]
        return {f"resampler.attn.{part}.{kind}": piece for part, piece in zip("qkv", np.split(value, 3))}
    return {name.replace("_proj.", "."): value}


def write_language(path, config, tensors, tokens, raw=None):
    """`raw`: quantised rows and types by checkpoint name, instead of the values."""
    heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
    writer = GGUFWriter(path, "llama")
    writer.add_name("small")
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_rope_dimension_count(config.get("head_dim", config["hidden_size"] // heads))
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_heads)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if tokens is not None:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("llama-bpe")
        writer.add_token_list([content for content, _ in tokens["tokens"]])
        writer.add_token_types([kind for _, kind in tokens["tokens"]])
        writer.add_token_merges(tokens["merges"])
        writer.add_bos_token_id(tokens["bos"])
        writer.add_eos_token_id(tokens["eos"])
    for name, (value, kind) in tensors.items():
        order = heads if "q_proj" in name else key_heads if "k_proj" in name else None
        if order is not None:
            value = np.ascontiguousarray(permute(value, order))
        writer.add_tensor(language_name(name), value, raw_dtype=kind)
    finish(writer)


def write_projector(path, config, tensors, version):
    vision = config["vision_config"]
    writer = GGUFWriter(path, "clip")
    writer.add_bool("clip.has_text_encoder", False)
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_bool("clip.has_minicpmv_projector", True)
    writer.add_string("clip.projector_type", "resampler")
    writer.add_int32("clip.minicpmv_version", version)
    writer.add_uint32("clip.vision.image_size", 448)
    writer.add_uint32("clip.vision.patch_size", vision["patch_size"])
    writer.add_uint32("clip.vision.embedding_length", vision["hidden_size"])
    writer.add_uint32("clip.vision.feed_forward_length", vision["intermediate_size"])
    writer.add_uint32("clip.vision.projection_dim", 0)
    writer.add_uint32("clip.vision.attention.head_count", vision["num_attention_heads"])
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    writer.add_uint32("clip.vision.block_count", vision["num_hidden_layers"] - 1)
    writer.add_bool("clip.use_gelu", True)
    for name, value in tensors.items():
        for new, part in vision_tensors(name, value).items():
            is_half = part.ndim == 4 or (part.ndim == 2 and new.endswith(".weight"))
            writer.add_tensor(new, part.astype(np.float16 if is_half else np.float32))
    side = config["resampler_table"]
    writer.add_tensor("resampler.pos_embed_k", np.zeros((side, config["hidden_size"]), np.float32))
    finish(writer)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def stored(value, kind):
    """A language tensor as llama.cpp stores it: vectors as float32, matrices in the type asked for where it fits."""
    if value.ndim == 1 or kind == Type.F32:
        return np.ascontiguousarray(value.astype(np.float32)), Type.F32
    if value.shape[1] % gguf.GGML_QUANT_SIZES[kind][0] != 0:
        kind = Type.F16
    return quantize(value.astype(np.float32), kind), kind


def write_pair(config, tensors, folder, kind, tokens=None):
    folder.mkdir(parents=True, exist_ok=True)
    language = {name: stored(value, kind) for name, value in tensors.items() if name.startswith("llm.")}
    write_language(folder / f"ggml-model-{kind.name.lower()}.gguf", config, language, tokens)
    images = {name: value for name, value in tensors.items() if not name.startswith("llm.")}
    is_old = config.get("version", "2.5") == "2.5"
    write_projector(folder / "mmproj-model-f16.gguf", {"resampler_table": 4, **config}, images, 2 if is_old else 3)


def small_config(hidden, inner, vocabulary):
    return {
        "version": "2.5", "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": vocabulary, "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "query_num": 3, "patch_size": 14, "hidden_act": "silu",
        "resampler_num_attention_heads": 2, "tie_word_embeddings": False,
        "vision_config": {"hidden_size": 24, "intermediate_size": 20, "num_attention_heads": 2, "num_hidden_layers": 2,
                          "image_size": 42, "patch_size": 14},
    }


def shapes(config):
    hidden, inner, vision = config["hidden_size"], config["intermediate_size"], config["vision_config"]
    keys = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    size, wide = vision["hidden_size"], vision["intermediate_size"]
    side = vision["image_size"] // vision["patch_size"]
    yield "llm.model.embed_tokens.weight", (config["vocab_size"], hidden)
    for layer in range(config["num_hidden_layers"]):
        name = f"llm.model.layers.{layer}."
        yield name + "input_layernorm.weight", (hidden,)
        yield name + "post_attention_layernorm.weight", (hidden,)
        for part, rows in (("q", hidden), ("k", keys), ("v", keys), ("o", hidden)):
            yield f"{name}self_attn.{part}_proj.weight", (rows, hidden)
        yield name + "mlp.gate_proj.weight", (inner, hidden)
        yield name + "mlp.up_proj.weight", (inner, hidden)
        yield name + "mlp.down_proj.weight", (hidden, inner)
    yield "llm.model.norm.weight", (hidden,)
    yield "llm.lm_head.weight", (config["vocab_size"], hidden)
    linear = lambda name, *shape: ((name + ".weight", shape), (name + ".bias", shape[:1]))
    yield from linear("vpm.embeddings.patch_embedding", size, 3, 14, 14)
    yield "vpm.embeddings.position_embedding.weight", (side * side, size)
    for layer in range(vision["num_hidden_layers"]):
        name = f"vpm.encoder.layers.{layer}."
        for part in ("q", "k", "v", "out"):
            yield from linear(f"{name}self_attn.{part}_proj", size, size)
        yield from linear(name + "mlp.fc1", wide, size)
        yield from linear(name + "mlp.fc2", size, wide)
        yield from linear(name + "layer_norm1", size)
        yield from linear(name + "layer_norm2", size)
    yield from linear("vpm.post_layernorm", size)
    yield "resampler.query", (3, hidden)
    yield "resampler.kv_proj.weight", (hidden, size)
    yield "resampler.attn.in_proj_weight", (3 * hidden, hidden)
    yield "resampler.attn.in_proj_bias", (3 * hidden,)
    yield from linear("resampler.attn.out_proj", hidden, hidden)
    for norm in ("ln_q", "ln_kv", "ln_post"):
        yield from linear("resampler." + norm, hidden)
    yield "resampler.proj", (hidden, hidden)


def random_tensors(config, seed):
    random = np.random.default_rng(seed)
    values = {}
    for name, shape in shapes(config):
        scale = 1.0 if len(shape) == 1 else 1.5 / np.sqrt(np.prod(shape[1:]))
        values[name] = (random.standard_normal(shape) * scale).astype(np.float16)
    return values


def byte_characters():
    """GPT-2's spelling of bytes as characters."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {**{byte: chr(byte) for byte in plain}, **{byte: chr(256 + i) for i, byte in enumerate(rest)}}


def small_tokenizer():
    merges = ["t h", "th e", "Ġ the"]
    tokens = [(character, 1) for _, character in sorted(byte_characters().items())]
    tokens += [(merge.replace(" ", ""), 1) for merge in merges]
    bos = len(tokens)
    tokens += [("<|begin_of_text|>", 3), ("<|end_of_text|>", 3), ("<unk>", 3), ("<image>", 3), ("</image>", 3)]
    return {"tokens": tokens, "merges": merges, "bos": bos, "eos": bos + 1}


QUANTISED = [Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K]
# Where the float16 scales of a block lie.
HALVES = {Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0], Type.Q2_K: [80, 82],
          Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208]}


def random_rows(shape, kind, random):
    """Rows of random codes with scales of either sign."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (shape[0], shape[1] // block, size), dtype=np.uint8)
    for place in HALVES[kind]:
        scales = (random.standard_normal(blocks.shape[:2]) * 0.002).astype(np.float16)
        blocks[:, :, place : place + 2] = scales[..., None].view(np.uint8)
    return np.ascontiguousarray(blocks.reshape(shape[0], -1))


def digest(values):
    return hashlib.sha256(np.ascontiguousarray(values.astype("<f4")).tobytes()).hexdigest()


def golden(folder):
    tokens = small_tokenizer()
    config = small_config(128, 32, len(tokens["tokens"]))
    del config["resampler_num_attention_heads"]
    tensors = random_tensors(config, 1)
    checkpoint = folder / "float" / "checkpoint"
    checkpoint.mkdir(parents=True, exist_ok=True)
    save_file(tensors, checkpoint / "model.safetensors", {"format": "pt"})
    (checkpoint / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    write_pair(config, tensors, folder / "float" / "pair", Type.F16, tokens)

    config = small_config(256, 256, 40)
    random = np.random.default_rng(2)
    values, language, hashes, used = random_tensors(config, 3), {}, {}, 0
    values = {name: value for name, value in values.items() if name.startswith("llm.")}
    for name, value in values.items():
        if value.ndim == 1:
            language[name] = value.astype(np.float32), Type.F32
            hashes[name] = digest(value)
            continue
        kind = (QUANTISED + [Type.BF16])[used % 11]
        used += 1
        rows = quantize(value.astype(np.float32), kind) if kind == Type.BF16 else random_rows(value.shape, kind, random)
        language[name] = rows, kind
        hashes[name] = digest(dequantize(rows, kind))
    out = folder / "quantised"
    out.mkdir(parents=True, exist_ok=True)
    write_language(out / "ggml-model-mixed.gguf", config, language, None)
    (out / "sha256.json").write_text(json.dumps(hashes, indent=1) + "\n")

    blocks = {}
    for kind in QUANTISED:
        rows = random_rows((3, 256), kind, random)
        bits = dequantize(rows, kind).astype("<f4").tobytes()
        blocks[kind.name] = {"type": int(kind), "bytes": rows.tobytes().hex(), "float32": bits.hex()}
    (folder / "blocks.json").write_text(json.dumps(blocks, indent=1) + "\n")


def read_checkpoint(folder):
    """All tensors as float32; bfloat16 by hand, which numpy lacks."""
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        with open(path, "rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            header = json.loads(file.read(length))
        if any(entry.get("dtype") == "BF16" for entry in header.values()):
            data = np.memmap(path, np.uint8, "r", 8 + length)
            for name, entry in header.items():
                if name == "__metadata__":
                    continue
                begin, end = entry["data_offsets"]
                bits = data[begin:end].view(np.uint16).astype(np.uint32) << 16
                tensors[name] = bits.view(np.float32).reshape(entry["shape"])
        else:
            tensors.update(load_file(path))
    return tensors


def main(command, *arguments):
    if command == "golden":
        golden(Path(arguments[0]))
        return
    source, target, kind = arguments
    config = json.loads((Path(source) / "config.json").read_text())
    write_pair(config, read_checkpoint(Path(source)), Path(target), Type[kind.upper()])


if __name__ == "__main__":
    main(*sys.argv[1:])
