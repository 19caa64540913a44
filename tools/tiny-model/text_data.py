"""Prompts and answers as token sequences: one picture, several independent questions packed behind it."""
import random
import numpy as np
import torch
import geometry as g
import model

HEAD = [model.BOS, model.SH, *b"user", model.EH, *b"\n\n", model.IM]
TURN = [model.EOT, model.SH, *b"assistant", model.EH, *b"\n\n"]
CURRENT, NEXT = (1, 2), (3, 4)      # layers whose head 0 is shown the current and the next cell


def answer_cells(d, where):
    """Returns a function from an answer to the cell of each of its characters (-1 unknown), or None where it is ambiguous."""
    text, cells, i = "", [], 0
    for run in d["runs"]:
        if text:
            text += "\n"
            cells.append(-1)
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


def item(r, d, v, keep, limit=4, longest=260):
    """keep: the cells handed to the decoder, in order. Returns ids, positions, groups, targets and guides."""
    index = {c: len(HEAD) + i for i, c in enumerate(keep)}
    ids = HEAD + [model.UNK] * len(keep) + [model.IM_END, *b"\n"]
    pre = len(ids)
    pos, group = list(range(pre)), [0] * pre
    target = [-1] * pre
    guides = {l: [] for l in CURRENT + NEXT}
    find = answer_cells(d, v["where"])
    qa = [q for q in d["qa"] if len(q[1].encode()) <= longest]
    for n, (q, a) in enumerate(r.sample(qa, min(limit, len(qa)))):
        prompt, reply = list(q.encode()) + TURN, list(a.encode()) + [model.EOT]
        cells = [v["where"][2 * d["about"][q]]] * len(a) if q in d["about"] else find(a) if a.isascii() else None
        start = len(ids) + len(prompt) - 1                      # the token that predicts the first character
        ids += prompt + reply[:-1]
        target += [-1] * (len(prompt) - 1) + reply
        pos += range(pre, pre + len(prompt) + len(reply) - 1)
        group += [n + 1] * (len(prompt) + len(reply) - 1)
        for j, c in enumerate(cells or []):
            if c in index:
                for l in NEXT:
                    guides[l].append((start + j, index[c]))
                if j + 1 < len(reply):
                    for l in CURRENT:
                        guides[l].append((start + j + 1, index[c]))
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
    mask = (order[None, :, None] >= order[None, None]) & ((group[:, None, :] == 0) | (group[:, :, None] == group[:, None, :]))
    mask |= torch.eye(n, dtype=torch.bool)
    guides = {}
    for l in CURRENT + NEXT:
        t = [(i, row, col) for i, s in enumerate(items) for row, col in s["guides"][l]]
        guides[l] = tuple(torch.tensor(x) for x in zip(*t)) if t else (torch.zeros(0, dtype=torch.long),) * 3
    return {"ids": ids, "pos": pos, "mask": mask[:, None], "target": target, "guides": guides, "items": items}


def embed(decoder, batch, features):
    """Token embeddings with the picture's vectors in place. features: list of [kept cells, 256]."""
    x = decoder.embed(batch["ids"])
    rows = []
    for i, f in enumerate(features):
        rows.append(torch.cat([x[i, :len(HEAD)], f.to(x.dtype), x[i, len(HEAD) + len(f):]]))
    return torch.stack(rows)


def kept_rows(r, cell, spare):
    """Cells of the rows that hold something, plus some empty rows: a short sequence teaches the same and costs less."""
    rows = cell.reshape(g.ROWS, g.COLS, -1)[..., 0] > 0
    use = rows.any(1) | (np.array([r.random() for _ in range(g.ROWS)]) < spare)
    if not use.any():
        use[0] = True
    return [int(y) * g.COLS + x for y in np.nonzero(use)[0] for x in range(g.COLS)]


def kept_cells(r, cell, spare):
    """Only the cells that hold something, and a share of the empty ones."""
    use = (cell[:, 0] > 0) | (np.random.default_rng(r.randrange(1 << 30)).random(len(cell)) < spare)
    return [int(i) for i in np.nonzero(use)[0]] or [0]


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
