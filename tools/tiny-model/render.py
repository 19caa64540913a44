"""Pixels and labels of a document."""
import io
import math
import numpy as np
from PIL import Image, ImageDraw, ImageFilter
import fonts
import geometry as g
from alphabet import INDEX, NONE


def _shape(draw, x, y, rad, kind, colour):
    if kind == "circle":
        draw.ellipse((x - rad, y - rad, x + rad, y + rad), fill=colour)
    elif kind == "square":
        s = rad * 0.9
        draw.rectangle((x - s, y - s, x + s, y + s), fill=colour)
    elif kind == "triangle":
        draw.polygon([(x, y - rad), (x - rad, y + rad * .8), (x + rad, y + rad * .8)], fill=colour)
    else:
        p = [(x + (rad if i % 2 == 0 else rad * .42) * math.sin(i * math.pi / 5), y - (rad if i % 2 == 0 else rad * .42) * math.cos(i * math.pi / 5)) for i in range(10)]
        draw.polygon(p, fill=colour)


def draw(d):
    from alphabet import COLOURS
    im = Image.new("RGB", (d["w"], d["h"]), d["bg"])
    dr = ImageDraw.Draw(im)
    for op in d["draw"]:
        if op[0] == "line":
            dr.line(op[1], fill=op[2], width=op[3])
        else:
            _, box, fill, edge, width, radius = op
            dr.rounded_rectangle(box, radius, fill=fill, outline=edge if width else None, width=max(1, width))
    for x, y, rad, kind, colour in d["shapes"]:
        _shape(dr, x, y, rad, kind, COLOURS[colour])
    for text, x, cy, face, size, ink in d["runs"]:
        dr.text((x, cy + size * 0.35), text, font=fonts.font(face, size), fill=ink, anchor="ls")
    return im


def centres(d):
    """(symbols, x, y) of every character and shape, in pixels, reading order within a run."""
    out = []
    for text, x, cy, face, size, _ in d["runs"]:
        a = fonts.advances(face)
        for c in text:
            w = size * a.get(c, 0.6)
            if c in INDEX:
                out.append((INDEX[c], x + w / 2, cy))
            x += w
    for x, y, _, kind, colour in d["shapes"]:
        out += [(INDEX[kind], x, y), (INDEX[colour], x + 1, y)]
    return out


def distort(r, im, marks, level):
    """Small rotation, gradients, noise, blur and JPEG, all growing with level 0..1; marks follow the rotation."""
    w, h = im.size
    if level > 0 and r.random() < 0.35 * level and w / h < 4 and h / w < 4:
        deg = r.uniform(-3, 3) * level
        im = im.rotate(deg, Image.BICUBIC, fillcolor=im.getpixel((0, 0)))
        c, s = math.cos(math.radians(deg)), math.sin(math.radians(deg))
        marks = [(k, w / 2 + (x - w / 2) * c + (y - h / 2) * s, h / 2 - (x - w / 2) * s + (y - h / 2) * c) for k, x, y in marks]
    if r.random() < 0.4 * level:
        a = np.asarray(im, dtype=np.float32)
        if r.random() < 0.5:
            a = a * np.linspace(r.uniform(.75, 1), r.uniform(.75, 1), w, dtype=np.float32)[None, :, None]
        if r.random() < 0.7:
            a = a + np.random.default_rng(r.randrange(1 << 30)).normal(0, r.uniform(1, 14) * level, a.shape[:2]).astype(np.float32)[..., None]
        im = Image.fromarray(a.clip(0, 255).astype(np.uint8))
    if r.random() < 0.2 * level:
        im = im.filter(ImageFilter.GaussianBlur(r.uniform(0.2, 0.9) * level))
    if r.random() < 0.3 * level:
        b = io.BytesIO()
        im.save(b, "JPEG", quality=r.randint(40, 92))
        im = Image.open(b).convert("RGB")
    return im, marks


def labels(marks, w, h, rows, cols):
    """Patch labels [N, 2] (the characters whose centres lie in the patch) and cell labels [cells, SLOTS]; mark -> cell."""
    patch = np.full((rows * cols, 2), NONE, np.int64)
    cell = np.full((g.ROWS * g.COLS, g.SLOTS), NONE, np.int64)
    where = []
    for k, x, y in marks:
        fx, fy = min(max(x / w, 0), 0.9999), min(max(y / h, 0), 0.9999)
        p, c = int(fy * rows) * cols + int(fx * cols), int(fy * g.ROWS) * g.COLS + int(fx * g.COLS)
        for table, i in ((patch, p), (cell, c)):
            for s in range(table.shape[1]):
                if table[i, s] == NONE:
                    table[i, s] = k
                    break
        where.append(c)
    return patch, cell, where


def views(r, d, scale, level, pixels=True, most=g.MOST):
    """The source and its slices, as the product makes them.

    "views": patches [N, 588], grid, patch labels and cell labels of each; "shape": columns and rows of the slices or None;
    "where": for each mark its cell in the source and in its slice, as view * cells + cell."""
    marks = centres(d)
    w, h = d["w"], d["h"]
    source, cell, shape = g.plan(w, h, scale, most)
    im = None
    if pixels:
        im, marks = distort(r, draw(d), marks, level)
    boxes = [(0, 0, w, h, *source)]
    if shape:
        cols, rows = shape
        boxes += [(w * c / cols, h * k / rows, w / cols, h / rows, *cell) for k in range(rows) for c in range(cols)]
    pictures = picture_views(im, source, cell, shape) if pixels else [None] * len(boxes)
    marks = [(k, min(max(x, 0), w - 1e-3), min(max(y, 0), h - 1e-3)) for k, x, y in marks]
    out, where = [], [[-1, -1] for _ in marks]
    for i, (x0, y0, bw, bh, tw, th) in enumerate(boxes):
        inside = [n for n, (_, x, y) in enumerate(marks) if x0 <= x < x0 + bw and y0 <= y < y0 + bh]
        patch, named, cells = labels([(marks[n][0], marks[n][1] - x0, marks[n][2] - y0) for n in inside], bw, bh, th // g.PATCH, tw // g.PATCH)
        for n, c in zip(inside, cells):
            where[n][i > 0] = i * g.ROWS * g.COLS + c
        out.append({"patches": None if im is None else g.to_patches(pictures[i]), "grid": (th // g.PATCH, tw // g.PATCH), "patch": patch, "cell": named})
    return {"views": out, "shape": shape, "where": where, "marks": marks}


def picture_views(im, source, cell, shape):
    """Pixels of the source and of its slices, row by row."""
    out = [np.asarray(im.resize(source, Image.BICUBIC))]
    if shape:
        (cols, rows), (w, h) = shape, cell
        fine = np.asarray(im.resize((w * cols, h * rows), Image.BICUBIC))
        out += [fine[k * h:(k + 1) * h, c * w:(c + 1) * w] for k in range(rows) for c in range(cols)]
    return out
