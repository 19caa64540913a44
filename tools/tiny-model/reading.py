"""Greedy answers and their scores, as the product will give them: for checks while training."""
import random
import re
import unicodedata
import torch
import torch.nn.functional as F
import documents
import fonts
import geometry as g
import model
import render
import text_data as td
import vision_data


class Cache:
    def __init__(self):
        self.k, self.v = [None] * model.TEXT["layers"], [None] * model.TEXT["layers"]


@torch.no_grad()
def advance(dec, x, start, cache):
    """x [1, T, d] appended at position `start`; returns logits of the last position."""
    n, hd = x.shape[1], model.TEXT["dim"] // model.TEXT["heads"]
    inv = 1.0 / model.TEXT["theta"] ** (torch.arange(0, hd, 2).float() / hd)
    a = (torch.arange(start, start + n).float()[:, None] * inv).repeat(1, 2)
    cos, sin = a.cos(), a.sin()
    for i, l in enumerate(dec.layers):
        q, k, v = l.qkv(l.n1(x)).view(1, n, 3, model.TEXT["heads"], hd).permute(2, 0, 3, 1, 4)
        q, k = model.rotate(q, cos, sin), model.rotate(k, cos, sin)
        if cache.k[i] is not None:
            k, v = torch.cat([cache.k[i], k], 2), torch.cat([cache.v[i], v], 2)
        cache.k[i], cache.v[i] = k, v
        mask = torch.ones(n, k.shape[2], dtype=torch.bool).tril(k.shape[2] - n)
        x = x + l.o(F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(1, n, -1))
        u, w = l.gate_up(l.n2(x)).chunk(2, -1)
        x = x + l.down(F.silu(u) * w)
    return dec.norm(x[:, -1]) @ dec.embed.weight.T


@torch.no_grad()
def answers(vision, dec, v, questions, limits):
    """Greedy answer to each question about one picture, as render.views gives it."""
    feats = torch.cat([vision(vision_data.collate([one]), route=False)[1][0] for one in v["views"]])
    e = dec.embed.weight
    ids, _ = td.placeholder(range(len(feats)), v["shape"])
    pre = td.embed(dec, {"ids": torch.tensor(ids)[None]}, [feats])
    base = Cache()
    advance(dec, pre, 0, base)
    out = []
    for q, limit in zip(questions, limits):
        c = Cache()
        c.k, c.v = list(base.k), list(base.v)
        ids, at, got = list(q.encode()) + td.TURN, pre.shape[1], []
        while len(got) < limit:
            t = int(advance(dec, e[ids][None], at, c).argmax())
            at += len(ids)
            if t in (model.EOT, model.EOS):
                break
            got.append(t)
            ids = [t]
        out.append(bytes(t for t in got if t < 256).decode("utf8", "replace"))
    return out


def normal(s):
    s = re.sub(r"[ \t]+", " ", unicodedata.normalize("NFC", s).strip())
    return re.sub(r" ?\n ?", "\n", s)


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        new = [i + 1]
        for j, y in enumerate(b):
            new.append(min(row[j] + (x != y), row[j + 1] + 1, new[-1] + 1))
        row = new
    return row[-1]


def last_number(s):
    m = re.findall(r"-?[0-9][0-9,]*(?:\.[0-9]+)?", s)
    return float(m[-1].replace(",", "")) if m else None


def exact(got, want, metric="exact"):
    if metric == "number":
        return last_number(got) is not None and last_number(got) == last_number(want)
    f = lambda s: normal(s).casefold().removesuffix(".")
    return f(got) == f(want)


def metric_of(q):
    if q.startswith(("Read the text", "What does the message", "Read line 1 below")):
        return "cer"
    return "number" if q.startswith(("What is the total", "How much", "How many", "What is the page")) else "exact"


def validation_set(per_kind=4, seed=4242, level=0.6, slices=g.MOST):
    """Pictures of unseen families with held-out words: [(kind, views, [(question, answer)])]."""
    r, out = random.Random(seed), []
    o = {"faces": fonts.validation_faces(), "plain": False, "held": True}
    for kind in documents.MIX:
        for _ in range(per_kind):
            d = documents.make(r, o, {kind: 1})
            out.append((kind, render.views(r, d, 336, level, most=slices), d["qa"]))
    return out


def score(vision, dec, items, show=0):
    """{kind: CER of whole-text questions, share right of the others}; prints `show` samples."""
    table = {}
    for kind, v, qa in items:
        got = answers(vision, dec, v, [q for q, _ in qa], [int(len(a.encode()) * 1.5) + 20 for _, a in qa])
        for (q, want), reply in zip(qa, got):
            row = table.setdefault(kind, [0, 0, 0, 0])
            if metric_of(q) == "cer":
                w = normal(want)
                row[0] += min(distance(normal(reply), w), len(w))
                row[1] += len(w)
            else:
                row[2] += exact(reply, want, metric_of(q))
                row[3] += 1
            if show:
                show -= 1
                print("   ", kind, "|", q, "|", repr(want[:60]), "->", repr(reply[:60]))
    return {k: "%s %s" % ("%.2f" % (a / b) if b else "-", "%d/%d" % (c, n) if n else "-") for k, (a, b, c, n) in table.items()}
