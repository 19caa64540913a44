"""Scores a checkpoint on a folder in the format of tools/golden/reading. A check of the harness: never train or tune on it.

  python sample_check.py JOINT.pt FOLDER [--show]"""
import json
import os
import sys
import numpy as np
import torch
import state as state_file
from PIL import Image
import geometry as g
import model
import reading
import render


def one_view(pixels):
    h, w, _ = pixels.shape
    grid = h // g.PATCH, w // g.PATCH
    return {"patches": g.to_patches(pixels), "grid": grid, "patch": np.full((grid[0] * grid[1], 2), -1), "cell": np.zeros((model.CELLS, g.SLOTS), np.int64)}


def main():
    torch.set_num_threads(1)
    state = state_file.load(sys.argv[1])
    vision, dec = model.Vision().eval(), model.Decoder().eval()
    vision.load_state_dict(state["vision"])
    dec.load_state_dict(state["decoder"])
    folder = sys.argv[2]
    rows = [json.loads(l) for l in open(os.path.join(folder, "answers.jsonl"), encoding="utf8")]
    table = {}
    for image in dict.fromkeys(r["image"] for r in rows):
        im = Image.open(os.path.join(folder, image)).convert("RGB")
        source, cell, shape = g.plan(*im.size, 336, g.MOST)
        views = [one_view(pixels) for pixels in render.picture_views(im, source, cell, shape)]
        qs = [r for r in rows if r["image"] == image]
        got = reading.answers(vision, dec, {"views": views, "shape": shape}, [r["question"] for r in qs], [int(len(r["answer"].encode()) * 1.5) + 20 for r in qs])
        for r, a in zip(qs, got):
            kind = r["category"] + ("" if r["category"] not in ("receipt", "page", "screen", "shape", "table") else " " + " ".join(r["question"].split()[:4])) + " " + r["metric"]
            row = table.setdefault(kind, [0, 0])
            if r["metric"] == "cer":
                want = reading.normal(r["answer"])
                row[0] += min(reading.distance(reading.normal(a), want), len(want))
                row[1] += len(want)
            else:
                row[0] += reading.exact(a, r["answer"], r["metric"])
                row[1] += 1
            if "--show" in sys.argv:
                print(r["id"], "|", r["question"], "|", repr(r["answer"][:50]), "->", repr(a[:50]))
    for k, (a, b) in sorted(table.items()):
        print("%-44s %.2f  (%d/%d)" % (k, a / b, a, b))


if __name__ == "__main__":
    main()
