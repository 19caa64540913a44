"""Makes a tiny random vision-language model in the form that transformers.js loads (Idefics3, as SmolVLM).

    pip install torch transformers onnx onnxscript && python make.py TARGET

Made with torch 2.8.0 and transformers 5.24.0. The weights are random (seed 0): the model says nothing, but says the same each time.
"""

import json
import sys
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import Idefics3Config, Idefics3ForConditionalGeneration
from transformers.cache_utils import DynamicCache

SIDE, PATCH, SCALE = 28, 14, 2
IMAGE_TOKENS = (SIDE // PATCH // SCALE) ** 2
LAYERS, KV_HEADS, HEAD_DIM, HIDDEN = 2, 1, 16, 32
SPECIAL = ["<pad>", "<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>"]
ROWS = [f"<row_{row}_col_{column}>" for row in range(1, 3) for column in range(1, 3)]
TEXT = "User: Assistant: System: What is in the picture? What does the sign say? How many are there? Read the text. 0123456789"
TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% if message['content'] is string %} {{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %} {{ part['text'] }}{% elif part['type'] == 'image' %}<image>{% endif %}{% endfor %}"
    "{% endif %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def make_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    added = [AddedToken(text, special=True, normalized=False) for text in SPECIAL + ROWS]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=added, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([TEXT], trainer)
    return tokenizer


def make_model(tokenizer: Tokenizer) -> Idefics3ForConditionalGeneration:
    torch.manual_seed(0)
    ids = tokenizer.token_to_id
    vocab_size = tokenizer.get_vocab_size()
    text = dict(
        model_type="llama", hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=2,
        num_key_value_heads=KV_HEADS, head_dim=HEAD_DIM, vocab_size=vocab_size, max_position_embeddings=512, pad_token_id=ids("<pad>"),
        bos_token_id=ids("<|im_start|>"), eos_token_id=ids("<end_of_utterance>"),
        # Weights large enough that the most probable token is not a tie in float32.
        initializer_range=0.2,
    )
    vision = dict(
        hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, image_size=SIDE, patch_size=PATCH,
        initializer_range=0.2,
    )
    config = Idefics3Config(
        text_config=text, vision_config=vision, scale_factor=SCALE, image_token_id=ids("<image>"),
        pad_token_id=ids("<pad>"), tie_word_embeddings=False, attn_implementation="eager",
    )
    model = Idefics3ForConditionalGeneration(config).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.2)
    return model


class Embed(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.table = model.get_input_embeddings()

    def forward(self, input_ids):
        return self.table(input_ids)


class Vision(nn.Module):
    """All pictures are whole squares here, so that the mask is all true and positions are those of the table."""

    def __init__(self, model):
        super().__init__()
        self.vision, self.connector = model.model.vision_model, model.model.connector
        self.register_buffer("positions", torch.arange((SIDE // PATCH) ** 2)[None])

    def forward(self, pixel_values, pixel_attention_mask):
        pixels = pixel_values.flatten(0, 1)
        embeddings = self.vision.embeddings
        hidden = embeddings.patch_embedding(pixels).flatten(2).transpose(1, 2) + embeddings.position_embedding(self.positions)
        for layer in self.vision.encoder.layers:
            hidden = layer(hidden, None)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        used = pixel_attention_mask.flatten(1).any().to(hidden.dtype)
        return self.connector(self.vision.post_layernorm(hidden)) * used


class Decoder(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.text, self.head = model.model.text_model, model.lm_head

    def forward(self, inputs_embeds, attention_mask, position_ids, *past):
        new, total = inputs_embeds.shape[1], attention_mask.shape[1]
        columns = torch.arange(total)[None, :]
        rows = torch.arange(total - new, total)[:, None]
        allowed = (columns <= rows)[None, None] & attention_mask[:, None, None, :].bool()
        mask = torch.where(allowed, 0.0, torch.finfo(torch.float32).min)
        cache = DynamicCache()
        for layer in range(LAYERS):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        hidden = inputs_embeds
        rotary = self.text.rotary_emb(hidden, position_ids)
        for layer in self.text.layers:
            hidden = layer(
                hidden, attention_mask=mask, position_ids=position_ids, past_key_values=cache, use_cache=True,
                position_embeddings=rotary,
            )
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        present = [tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]
        return self.head(self.text.norm(hidden)), *present


def export(module, arguments, path, inputs, outputs, axes):
    with torch.no_grad():
        torch.onnx.export(
            module.eval(), arguments, path, input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=18, dynamo=False,
        )


def main(folder: Path) -> None:
    target = folder / "model"
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    export(
        Embed(model), (torch.zeros(1, 3, dtype=torch.long),), target / "onnx/embed_tokens.onnx",
        ["input_ids"], ["inputs_embeds"], {"input_ids": {0: "batch", 1: "length"}, "inputs_embeds": {0: "batch", 1: "length"}},
    )
    export(
        Vision(model), (torch.randn(1, 2, 3, SIDE, SIDE), torch.ones(1, 2, SIDE, SIDE, dtype=torch.bool)),
        target / "onnx/vision_encoder.onnx", ["pixel_values", "pixel_attention_mask"], ["image_features"],
        {"pixel_values": {0: "batch", 1: "pictures"}, "pixel_attention_mask": {0: "batch", 1: "pictures"}, "image_features": {0: "all"}},
    )
    past = [torch.randn(1, KV_HEADS, 4, HEAD_DIM) for _ in range(2 * LAYERS)]
    kinds = [f"{layer}.{kind}" for layer in range(LAYERS) for kind in ("key", "value")]
    axes = {
        "inputs_embeds": {0: "batch", 1: "length"}, "attention_mask": {0: "batch", 1: "total"}, "position_ids": {0: "batch", 1: "length"},
        "logits": {0: "batch", 1: "length"},
        **{f"past_key_values.{kind}": {0: "batch", 2: "past"} for kind in kinds},
        **{f"present.{kind}": {0: "batch", 2: "total"} for kind in kinds},
    }
    export(
        Decoder(model), (torch.randn(1, 3, HIDDEN), torch.ones(1, 7, dtype=torch.long), torch.tensor([[4, 5, 6]]), *past),
        target / "onnx/decoder_model_merged.onnx",
        ["inputs_embeds", "attention_mask", "position_ids", *[f"past_key_values.{kind}" for kind in kinds]],
        ["logits", *[f"present.{kind}" for kind in kinds]], axes,
    )
    write_configs(target, tokenizer, model)
    write_golden(folder, tokenizer, model)


def write_configs(target: Path, tokenizer: Tokenizer, model) -> None:
    tokenizer.save(str(target / "tokenizer.json"))
    ids = tokenizer.token_to_id
    save(target / "config.json", {**model.config.to_dict(), "architectures": ["Idefics3ForConditionalGeneration"]})
    save(target / "generation_config.json", {"bos_token_id": ids("<|im_start|>"), "eos_token_id": ids("<end_of_utterance>"), "pad_token_id": ids("<pad>")})
    save(target / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|im_start|>", "eos_token": "<end_of_utterance>", "pad_token": "<pad>",
        "chat_template": TEMPLATE, "clean_up_tokenization_spaces": False, "model_max_length": 512,
    })
    save(target / "preprocessor_config.json", {
        "image_processor_type": "Idefics3ImageProcessor", "processor_class": "Idefics3Processor", "do_convert_rgb": True,
        "do_image_splitting": True, "do_normalize": True, "do_pad": True, "do_rescale": True, "do_resize": True,
        "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "max_image_size": {"longest_edge": SIDE}, "resample": 1,
        "rescale_factor": 1 / 255, "size": {"longest_edge": 2 * SIDE},
    })
    save(target / "processor_config.json", {"image_seq_len": IMAGE_TOKENS, "processor_class": "Idefics3Processor"})


def write_golden(target: Path, tokenizer: Tokenizer, model) -> None:
    """What PyTorch answers to a prompt without a picture, greedily."""
    prompt = "<|im_start|>User: What is in the picture?<end_of_utterance>\nAssistant:"
    ids = torch.tensor([tokenizer.encode(prompt).ids])
    with torch.no_grad():
        answer = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=32, do_sample=False)
    save(target / "golden.json", {"prompt": prompt, "promptIds": ids[0].tolist(), "answerIds": answer[0, ids.shape[1]:].tolist()})


def save(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
