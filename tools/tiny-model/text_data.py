"""Prompts and answers as token sequences: one picture with its slices, several independent questions packed behind it."""
import random
import numpy as np
import torch
import geometry as g
import model

HEAD = [model.BOS, model.SH, *b"user", model.EH, *b"\n\n", model.IM]
TURN = [model.EOT, model.SH, *b"assistant", model.EH, *b"\n\n"]
CURRENT, NEXT = (1, 2), (3, 4)      # layers whose head 0 is shown the current and the next cell


def answer_cells(d, where):
    """Returns a function from an answer to the cells of each of its characters (-1 unknown), or None where it is ambiguous."""
    text, cells, i = "", [], 0
    for run in d["runs"]:
        if text:
            text += "\n"
            cells.append((-1, -1))
        text += run[0]
        cells += where[i:i + len(run[0])]
        i += len(run[0])
    flat = text.replace("\n", " ")

    def find(answer):
        for hay in (text, flat):
            at = hay.find(answer)
            if at >= 0:
                return cells[at:at + len(answer)] if hay.find(answer, at + 1) < 0 else None
        return None
    return find


def placeholder(keep, shape):
    """Ids from the beginning of the prompt to the question, and where in them each kept cell stands."""
    ids, index = list(HEAD), {}
    count = 1 + (shape[0] * shape[1] if shape else 0)
    for view in range(count):
        if view > 1 and (view - 1) % shape[0] == 0:
            ids += b"\n"
        ids += [model.SLICE] if view else []
        for c in keep:
            if c // model.CELLS == view:
                index[c] = len(ids)
                ids.append(model.UNK)
        ids.append(model.SLICE_END if view else model.IM_END)
    return ids + [*b"\n"], index


def item(r, d, v, keep, limit=4, longest=260):
    """keep: the cells handed to the decoder, in order. Returns ids, positions, groups, targets and guides."""
    ids, index = placeholder(keep, v["shape"])
    pre = len(ids)
    pos, group = list(range(pre)), [0] * pre
    target = [-1] * pre
    guides = {l: [] for l in CURRENT + NEXT}
    # Text is sharper in a slice. But borders from top to bottom cut its lines, and any border cuts shapes: there the source will do as well.
    sharp = v["shape"] is not None and d["kind"] != "shape"
    where = [(w[sharp], w[sharp and v["shape"][0] == 1]) for w in v["where"]]
    find = answer_cells(d, where)
    qa = [q for q in d["qa"] if len(q[1].encode()) <= longest]
    for n, (q, a) in enumerate(r.sample(qa, min(limit, len(qa)))):
        prompt, reply = list(q.encode()) + TURN, list(a.encode()) + [model.EOT]
        cells = [where[2 * d["about"][q]]] * len(a) if q in d["about"] else find(a) if a.isascii() else None
        start = len(ids) + len(prompt) - 1                      # the token that predicts the first character
        ids += prompt + reply[:-1]
        target += [-1] * (len(prompt) - 1) + reply
        pos += range(pre, pre + len(prompt) + len(reply) - 1)
        group += [n + 1] * (len(prompt) + len(reply) - 1)
        for j, pair in enumerate(cells or []):
            at = [index[c] for c in pair if c in index]
            if at:
                for l in NEXT:
                    guides[l].append((start + j, at[0], at[-1]))
                if j + 1 < len(reply):
                    for l in CURRENT:
                        guides[l].append((start + j + 1, at[0], at[-1]))
    return {"ids": ids, "pos": pos, "group": group, "target": target, "guides": guides, "keep": keep}


def collate(items):
    b, n = len(items), max(len(i["ids"]) for i in items)
    ids, pos = torch.zeros(b, n, dtype=torch.long), torch.zeros(b, n, dtype=torch.long)
    group, target = torch.full((b, n), -1), torch.full((b, n), -1)
    for i, s in enumerate(items):
        m = len(s["ids"])
        ids[i, :m], pos[i, :m] = torch.tensor(s["ids"]), torch.tensor(s["pos"])
        group[i, :m], target[i, :m] = torch.tensor(s["group"]), torch.tensor(s["target"])
    order = torch.arange(n)
    first = min(s["group"].count(0) for s in items)           # the picture is causal and needs no mask
    mask = (order[None, first:, None] >= order[None, None]) & ((group[:, None, :] == 0) | (group[:, first:, None] == group[:, None, :]))
    mask |= torch.eye(n, dtype=torch.bool)[first:]
    guides = {}
    for l in CURRENT + NEXT:
        t = [(i, row - first, a, b) for i, s in enumerate(items) for row, a, b in s["guides"][l]]
        guides[l] = tuple(torch.tensor(x) for x in zip(*t)) if t else (torch.zeros(0, dtype=torch.long),) * 4
    return {"ids": ids, "pos": pos, "mask": mask[:, None], "target": target, "guides": guides, "items": items}


def embed(decoder, batch, features):
    """Token embeddings with the picture's vectors in place. features: list of [kept cells, 256]."""
    x = decoder.embed(batch["ids"])
    return x.masked_scatter((batch["ids"] == model.UNK)[..., None], torch.cat(features).to(x.dtype))


def kept(r, v, sparse, spare):
    """Which cells of the source and of the slices the decoder gets: fewer than the product hands on teach the same and cost less."""
    pick = kept_cells if sparse else kept_rows
    return [i * model.CELLS + c for i, one in enumerate(v["views"]) for c in pick(r, one["cell"], spare)]


def kept_rows(r, cell, spare):
    """Cells of the rows that hold something, plus some empty rows."""
    rows = cell.reshape(g.ROWS, g.COLS, -1)[..., 0] > 0
    use = rows.any(1) | (np.array([r.random() for _ in range(g.ROWS)]) < spare)
    return [int(y) * g.COLS + x for y in np.nonzero(use)[0] for x in range(g.COLS)]


def kept_cells(r, cell, spare):
    """Only the cells that hold something, and a share of the empty ones."""
    use = (cell[:, 0] > 0) | (np.random.default_rng(r.randrange(1 << 30)).random(len(cell)) < spare)
    return [int(i) for i in np.nonzero(use)[0]]


def spoil(r, cell, level):
    """What an imperfect tower does to the codes: wrong and missing characters."""
    if level <= 0 or r.random() < 0.3:
        return cell
    out = cell.copy()
    p = r.uniform(0, level)
    full = out > 0
    dice = np.random.default_rng(r.randrange(1 << 30)).random(out.shape)
    out[full & (dice < p * 0.7)] = np.random.default_rng(r.randrange(1 << 30)).integers(1, 96, out.shape)[full & (dice < p * 0.7)]
    out[full & (dice > 1 - p * 0.3)] = 0
    return out
