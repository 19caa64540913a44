"""Training state on disk: a torch file while training, float16 safetensors to keep.

  python state.py JOINT.pt weights/state.safetensors"""
import sys
import torch
from safetensors.torch import load_file, save_file


def load(path):
    """{part: {name: tensor}} for the parts that the file holds: "vision" and "decoder"."""
    if not path.endswith(".safetensors"):
        return torch.load(path)
    out = {}
    for name, t in load_file(path).items():
        part, key = name.split(".", 1)
        out.setdefault(part, {})[key] = t.float()
    return out


def main():
    state = load(sys.argv[1])
    flat = {part + "." + k: t.to(torch.float16).contiguous() for part in ("vision", "decoder") for k, t in state[part].items()}
    save_file(flat, sys.argv[2])


if __name__ == "__main__":
    main()
