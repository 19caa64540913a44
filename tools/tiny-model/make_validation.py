"""Draws a reading folder (answers.jsonl and images) with families and words that training never sees.

  python make_validation.py FOLDER [--per-kind 8] [--seed 20261124]"""
import argparse
import json
import os
import random
import documents
import fonts
import reading
import render


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("folder")
    ap.add_argument("--per-kind", type=int, default=8)
    ap.add_argument("--seed", type=int, default=20261124)
    a = ap.parse_args()
    os.makedirs(a.folder + "/images", exist_ok=True)
    r = random.Random(a.seed)
    o = {"faces": fonts.validation_faces(), "plain": False, "held": True}
    with open(a.folder + "/answers.jsonl", "w", encoding="utf8") as f:
        for kind in documents.MIX:
            for n in range(a.per_kind):
                d = documents.make(r, o, {kind: 1})
                image, _ = render.distort(r, render.draw(d), [], 0.6)
                name = "images/%s-%03d.png" % (kind, n)
                image.save(a.folder + "/" + name)
                for i, (q, answer) in enumerate(d["qa"]):
                    f.write(json.dumps({"id": "%s-%03d-q%d" % (kind, n, i + 1), "image": name, "width": image.width, "height": image.height, "category": kind,
                                        "question": q, "answer": answer, "metric": reading.metric_of(q)}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
