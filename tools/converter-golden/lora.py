"""Makes LoRA adapters with PEFT, and what PEFT's own merge gives, for the converter's tests.

    pip install torch==2.8.0 peft==0.21.2 safetensors
    python tools/converter-golden/lora.py packages/converter/test/lora-golden

Writes base.safetensors (a module tree with the checkpoint's names) and a directory per case: the adapter as
`save_pretrained` writes it, and merged.safetensors with the tensors that `merge_and_unload` changes.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn

HIDDEN, INNER, VISION, VOCAB, QUERIES = 16, 24, 12, 19, 3


class Attention(nn.Module):
    def __init__(self, size, keys, bias, out):
        super().__init__()
        self.q_proj = nn.Linear(size, size, bias=bias)
        self.k_proj = nn.Linear(size, keys, bias=bias)
        self.v_proj = nn.Linear(size, keys, bias=bias)
        setattr(self, out, nn.Linear(size, size, bias=bias))


class LanguageMlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(HIDDEN, INNER, bias=False)
        self.up_proj = nn.Linear(HIDDEN, INNER, bias=False)
        self.down_proj = nn.Linear(INNER, HIDDEN, bias=False)


class VisionMlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(VISION, INNER)
        self.fc2 = nn.Linear(INNER, VISION)


class Layer(nn.Module):
    def __init__(self, attention, mlp):
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp


class Tree(nn.Module):
    """Holds children by name; nothing of it is ever run."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)


def build():
    torch.manual_seed(7)
    decoder = [Layer(Attention(HIDDEN, HIDDEN // 2, False, "o_proj"), LanguageMlp()) for _ in range(2)]
    tower = [Layer(Attention(VISION, VISION, True, "out_proj"), VisionMlp()) for _ in range(2)]
    model = Tree(
        llm=Tree(
            model=Tree(embed_tokens=nn.Embedding(VOCAB, HIDDEN), layers=nn.ModuleList(decoder)),
            lm_head=nn.Linear(HIDDEN, VOCAB, bias=False),
        ),
        vpm=Tree(
            embeddings=Tree(patch_embedding=nn.Conv2d(3, VISION, 2, 2)),
            encoder=Tree(layers=nn.ModuleList(tower)),
        ),
        resampler=Tree(kv_proj=nn.Linear(VISION, HIDDEN, bias=False), ln_q=nn.LayerNorm(HIDDEN)),
    )
    model.resampler.query = nn.Parameter(torch.randn(QUERIES, HIDDEN))
    return model


CASES = {
    "attention": dict(r=4, lora_alpha=8, target_modules=r"llm\..*self_attn\.(q_proj|k_proj|v_proj|o_proj)"),
    "patterns": dict(
        r=3,
        lora_alpha=5,
        use_rslora=True,
        target_modules=["q_proj", "v_proj", "down_proj", "fc1", "kv_proj"],
        rank_pattern={"layers.0.self_attn.q_proj": 6, r"vpm\..*\.fc1": 1},
        alpha_pattern={"down_proj": 11, "self_attn.v_proj": 2.5},
    ),
    "everything": dict(
        r=2,
        lora_alpha=3,
        target_modules=["embed_tokens", "patch_embedding", "fc2", "gate_proj"],
        modules_to_save=["lm_head", "ln_q"],
        bias="all",
        fan_in_fan_out=True,
    ),
}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    base = {name: value.detach().clone() for name, value in build().state_dict().items()}
    save_file(base, folder / "base.safetensors", {"format": "pt"})
    for name, settings in CASES.items():
        model = get_peft_model(build(), LoraConfig(**settings))
        torch.manual_seed(11)
        for key, value in model.named_parameters():
            if value.requires_grad:
                value.data = torch.randn(value.shape) * 0.3 + (value.data if "lora_" not in key else 0)
        model.save_pretrained(folder / name)
        (folder / name / "README.md").unlink(missing_ok=True)
        config = folder / name / "adapter_config.json"
        config.write_text(json.dumps(json.loads(config.read_text()), indent=1, sort_keys=True) + "\n")
        merged = model.merge_and_unload().state_dict()
        changed = {key: value.contiguous() for key, value in merged.items() if not torch.equal(value, base[key])}
        save_file(changed, folder / name / "merged.safetensors", {"format": "pt"})
        saved = load_file(folder / name / "adapter_model.safetensors")
        print(name, len(saved), "tensors saved,", len(changed), "changed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
