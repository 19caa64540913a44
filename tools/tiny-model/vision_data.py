"""Batches for the tower and the resampler: crops at first, whole views later."""
import functools
import random
import numpy as np
import torch
from PIL import Image
import documents
import fonts
import geometry as g
import model
import render


@functools.lru_cache(maxsize=2000)
def grid_tables(rows, cols):
    r, c = g.positions(rows, cols)
    pos = model.sincos_2d(model.TEXT["dim"], rows, cols)
    py, px = (np.repeat(np.arange(rows), cols) + .5) / rows, (np.tile(np.arange(cols), rows) + .5) / cols
    cy, cx = (np.repeat(np.arange(g.ROWS), g.COLS) + .5) / g.ROWS, (np.tile(np.arange(g.COLS), g.ROWS) + .5) / g.COLS
    near = (np.abs(py - cy[:, None]) <= .5 / g.ROWS + .5 / rows) & (np.abs(px - cx[:, None]) <= .5 / g.COLS + .5 / cols)
    return torch.from_numpy(r.astype(np.int64)), torch.from_numpy(c.astype(np.int64)), pos, torch.from_numpy(near)


def crop(r, im, marks, scale, area):
    """A window of about `area` pixels at the product's pixel scale around some character."""
    k = scale / (im.width * im.height) ** 0.5
    ratio = r.uniform(0.8, 3)
    rows = max(2, min(round((area / ratio) ** 0.5 / 14), int(im.height * k / 14)))
    cols = max(2, min(round(area / 196 / rows), int(im.width * k / 14)))
    w, h = cols * 14 / k, rows * 14 / k
    _, mx, my = r.choice(marks)
    x0 = min(max(mx - w * r.uniform(.2, .8), 0), max(0, im.width - w))
    y0 = min(max(my - h * r.uniform(.2, .8), 0), max(0, im.height - h))
    out = im.resize((cols * 14, rows * 14), Image.BICUBIC, box=(x0, y0, min(im.width, x0 + w), min(im.height, y0 + h)))
    inside = [(s, x - x0, y - y0) for s, x, y in marks if x0 <= x < x0 + w and y0 <= y < y0 + h]
    patch, cell, _ = render.labels(inside, w, h, rows, cols)
    return {"patches": np.asarray(out), "grid": (rows, cols), "patch": patch, "cell": cell}


def samples(r, stage):
    """stage: faces, plain, level, mix, crop share, scale, slices (at most; 1 unless given)."""
    o = {"faces": stage["faces"], "plain": r.random() < stage["plain"], "held": False}
    d = documents.make(r, o, stage["mix"])
    scale = stage["scale"]
    if r.random() < stage["crop"] and max(d["w"], d["h"]) < 5 * min(d["w"], d["h"]):
        im, marks = render.distort(r, render.draw(d), render.centres(d), stage["level"])
        return [crop(r, im, marks, scale * r.uniform(.85, 1.2), stage["area"]) for _ in range(2)]
    every = render.views(r, d, scale, stage["level"], most=stage.get("slices", 1))["views"]
    return every if len(every) < 3 else [every[0], r.choice(every[1:])]


def collate(items):
    n = max(i["grid"][0] * i["grid"][1] for i in items)
    b = len(items)
    out = {"patches": torch.zeros(b, n, 588), "rows": torch.zeros(b, n, dtype=torch.long), "cols": torch.zeros(b, n, dtype=torch.long),
           "pos": torch.zeros(b, n, model.TEXT["dim"]), "mask": torch.zeros(b, n, dtype=torch.bool),
           "route": torch.zeros(b, model.CELLS, n, dtype=torch.bool), "patch": torch.full((b, n, 2), -1), "cell": torch.zeros(b, model.CELLS, g.SLOTS, dtype=torch.long)}
    for i, s in enumerate(items):
        rows, cols = s["grid"]
        m = rows * cols
        r, c, pos, near = grid_tables(rows, cols)
        p = s["patches"]
        out["patches"][i, :m] = torch.from_numpy(p if p.dtype == np.float32 else g.to_patches(p))
        out["rows"][i, :m], out["cols"][i, :m], out["pos"][i, :m] = r, c, pos
        out["mask"][i, :m], out["route"][i, :, :m] = True, near
        out["patch"][i, :m], out["cell"][i] = torch.from_numpy(s["patch"]), torch.from_numpy(s["cell"])
    return out


def validation(kind_mix, count, scale, level, seed=99):
    """Unseen families, held-out words."""
    r = random.Random(seed)
    o = {"faces": fonts.validation_faces(), "plain": False, "held": True}
    return [render.views(r, documents.make(r, o, kind_mix), scale, level, most=1)["views"][0] for _ in range(count)]
