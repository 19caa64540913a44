"""Draws PocketRead: the embedded model's own benchmark, with families and words that training never sees.

  python make_pocketread.py ../../packages/evaluation/pocketread

The same seed, layouts, fonts and Pillow give the same files. Layouts of tables and strips have become more varied since the pictures were
drawn: a benchmark stays as it is, so another drawing would be a new version of it, with figures of its own."""
import argparse
import json
import os
import random
import documents
import fonts
import reading
import render
import words

SEED = 725
PICTURES = {"line": 14, "wide": 6, "paragraph": 12, "receipt": 14, "sign": 14, "screen": 8, "table": 8, "tall": 10, "page": 4}
QUALITY = 80


def held_out_lists(r):
    """Every list that training draws names from, replaced by words held out of it; only the commonest words stay."""
    held = [w for w in words.held_words() if w.islower() and 4 <= len(w) <= 9]
    r.shuffle(held)
    names = [w.capitalize() for w in held]
    take = iter(range(0, len(names)))
    some = lambda n, of=names: [of[next(take)] for _ in range(n)]
    words.SHOPS_A, words.SHOPS_B, words.GOODS_A = some(40), some(40), some(30)
    words.GOODS, words.CITIES, words.UI = some(120), some(40), some(40)
    words.HEADERS = [w for w in names[600:] if len(w) <= 6][:24]
    words.SIGN = [w.upper() for w in names[700:] if len(w) <= 8][:60]
    every = words.held_words()
    words._lists = lambda: (every, every)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("folder")
    a = ap.parse_args()
    os.makedirs(a.folder + "/images", exist_ok=True)
    r = random.Random(SEED)
    held_out_lists(r)
    o = {"faces": fonts.validation_faces(), "plain": False, "held": True}
    families = {os.path.basename(p).split("-")[0].removesuffix("12") for p in o["faces"]}
    if families != {"Cantarell", "Cabin", "Vollkorn", "EBGaramond", "ComicNeue"}:
        raise SystemExit("Expected the five families of validation (README.md), found %s" % sorted(families))
    with open(a.folder + "/answers.jsonl", "w", encoding="utf8") as f:
        for kind, count in PICTURES.items():
            for n in range(1, count + 1):
                d = documents.make(r, o, {kind: 1})
                image, _ = render.distort(r, render.draw(d), [], 0.6)
                name = "images/%s-%02d.jpg" % (kind, n)
                image.save(a.folder + "/" + name, "JPEG", quality=QUALITY, optimize=True)
                for i, (q, answer) in enumerate(d["qa"]):
                    f.write(json.dumps({"id": "%s-%02d-q%d" % (kind, n, i + 1), "image": name, "width": image.width, "height": image.height, "category": kind,
                                        "question": q, "answer": answer, "metric": reading.metric_of(q)}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
