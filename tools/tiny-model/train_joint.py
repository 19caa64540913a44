"""Tower, resampler and decoder together, on whole views.

Each rank trains by itself; every `--meet` seconds the ranks take the mean of their weights (local SGD, Stich, 2019), so that a
core that is slowed for a while holds nobody up.

  python train_joint.py RUN --vision V.pt --decoder D.pt --minutes 60 [--ranks 2]   (or --from JOINT.pt)"""
import argparse
import os
import random
import time
import torch
import state as state_file
import torch.nn.functional as F
import documents
import fonts
import geometry as g
import model
import reading
import render
import text_data as td
import train_decoder
import train_vision
import vision_data
from optimiser import Optimiser
from train_decoder import lm_loss

MIX = {"line": 13, "wide": 6, "paragraph": 12, "receipt": 14, "sign": 12, "screen": 11, "table": 10, "tall": 12, "page": 4, "shape": 20}
LAYOUTS = {"receipt": 16, "screen": 14, "table": 16, "tall": 12, "page": 6, "shape": 28, "sign": 8}


def sample(r, p, mix, slices):
    level = 0.5 + 0.5 * min(1, p / 0.5)
    o = {"faces": fonts.train_faces(), "plain": r.random() < 0.2, "held": False}
    d = documents.make(r, o, mix)
    v = render.views(r, d, 336, level, most=slices)
    dice = r.random()
    if dice < 0.4:
        keep = list(range(len(v["views"]) * model.CELLS))     # as the product hands them on: empty cells are many, and must not confuse
    else:
        keep = td.kept(r, v, dice > 0.75, 0.15 if dice > 0.75 else r.uniform(0.2, 1))
    return v, td.item(r, d, v, keep, 3, 230)


def read(dec, items, features, guide):
    """Language loss, guided attention and share of right tokens; one document at a time, so that nothing is padded."""
    every = sum(t >= 0 for s in items for t in s["target"])
    lm = guided = right = 0.0
    for s, seen in zip(items, features):
        share = sum(t >= 0 for t in s["target"]) / every
        a, b, c, _ = lm_loss(dec, td.collate([s]), [seen], guide)
        lm, guided, right = lm + share * a, guided + share * b, right + share * c.item()
    return lm, guided, right


def layouts(r, dec, count, guide, slices):
    """Loss on documents without pixels: cheap practice in finding, counting and comparing."""
    o = {"faces": fonts.train_faces(), "plain": False, "held": False}
    st = dict(mix=LAYOUTS, spare=r.uniform(0.2, 1), noise=0.2, longest=120, limit=4, sparse=r.random() < 0.5, slices=slices)
    pairs = [train_decoder.sample(r, st, o) for _ in range(count)]
    lm, guided, _ = read(dec, [s for s, _ in pairs], [f + 0.05 * torch.randn_like(f) for _, f in pairs], guide > 0)
    return lm, guide * guided


def look(vision, pairs, learn, route):
    """What the decoder gets of each picture, [kept cells, 256]. The tower learns from at most `learn` views of a picture,
    drawn anew each time: the others cost a third of it. Also returns the batch of those views and what the tower says of it."""
    chosen, others = [], []
    for i, (v, s) in enumerate(pairs):
        views = sorted({c // model.CELLS for c in s["keep"]})
        some = set(random.sample(views, min(learn, len(views))))
        chosen += [(i, n) for n in views if n in some]
        others += [(i, n) for n in views if n not in some]
    out = {}
    with torch.no_grad():
        for at in range(0, len(others), 6):
            part = others[at:at + 6]
            _, seen, _ = vision(vision_data.collate([pairs[i][0]["views"][n] for i, n in part]), route=False)
            out |= dict(zip(part, seen))
    batch = vision_data.collate([pairs[i][0]["views"][n] for i, n in chosen])
    x, seen, route = vision(batch, route=route)
    out |= dict(zip(chosen, seen))
    features = []
    for i, (_, s) in enumerate(pairs):
        parts = [(n, [c % model.CELLS for c in s["keep"] if c // model.CELLS == n]) for n in sorted({c // model.CELLS for c in s["keep"]})]
        features.append(torch.cat([out[i, n][cells] for n, cells in parts]))
    return features, batch, x, seen, route


def losses(vision, dec, pairs, wt, aux, guide, frozen, routing):
    with torch.autocast("cpu", torch.bfloat16), torch.set_grad_enabled(not frozen):
        features, batch, x, out, route = look(vision, pairs, 1, routing > 0)
    lm, guided, right = read(dec, [s for _, s in pairs], features, guide > 0)
    total = lm + guide * guided
    parts = {"lm": lm.item(), "guide": float(guided.detach()), "right": right}
    if aux > 0:
        cells = train_vision.some_cells(batch["cell"], 128)
        rows = torch.arange(len(cells))[:, None]
        label = batch["cell"][rows, cells]
        with torch.autocast("cpu", torch.bfloat16):
            logits, named = vision.patch_head(x), vision.resampler.head(out[rows, cells])
        patch = F.cross_entropy(logits.float().reshape(-1, wt.numel()), batch["patch"].reshape(-1), wt, ignore_index=-1)
        cell = F.cross_entropy(named.float().reshape(-1, wt.numel()), label.reshape(-1), wt)
        full = (label[..., 0] > 0).float() * 0.9 + 0.1
        code = ((out[rows, cells].float() - model.oracle(batch["cell"])[rows, cells]).pow(2).sum(-1) * full).sum() / full.sum()
        total = total + aux * (patch + 0.7 * cell + 0.15 * code)
        if route is not None:
            total = total + aux * routing * route
        parts |= {"patch": patch.item(), "cell": cell.item(), "code": code.item()}
    return total, parts


def worker(rank, a):
    train_vision.join(a.run, rank, a.ranks)
    torch.manual_seed(a.seed)
    vision, dec = model.Vision(), model.Decoder()
    if a.start:
        state = state_file.load(a.start)
        vision.load_state_dict(state["vision"])
        dec.load_state_dict(state["decoder"])
    else:
        vision.load_state_dict(state_file.load(a.vision)["vision"])
        dec.load_state_dict(state_file.load(a.decoder)["decoder"])
    named = [("vision." + n, p) for n, p in vision.named_parameters()] + [("decoder." + n, p) for n, p in dec.named_parameters()]
    params, count = [p for _, p in named], len(list(vision.parameters()))
    slow = a.rate * a.vision_rate
    opts = [Optimiser(named[:count], muon=0.02 * slow, adam=2e-3 * slow), Optimiser(named[count:], muon=0.02 * a.rate, adam=2e-3 * a.rate)]
    wt = train_vision.weights()
    r, mix = random.Random(a.seed * 1000 + rank + int(a.at * 100)), documents.weighted(a.mix, MIX)
    check = reading.validation_set(a.check, slices=a.slices) if rank == 0 else None
    begin, step, last, met, ema = time.time(), 0, time.time(), time.time(), {}
    begin, = train_vision.together([begin], a.ranks)
    while True:
        p = a.at + (1 - a.at) * (time.time() - begin) / 60 / a.minutes
        if p >= 1 or time.time() - met > a.meet:
            met = time.time()
            p, due = train_vision.together([p, float(met - last > 60 * a.every)], a.ranks)
            train_vision.mean_weights(params, a.ranks)
            last = met if due else last
            if rank == 0 and (due or p >= 1):
                torch.save({"vision": vision.state_dict(), "decoder": dec.state_dict(), "progress": p, "step": step}, a.run + "/joint.tmp")
                os.replace(a.run + "/joint.tmp", a.run + "/joint.pt")
                print("CHECK %.1f min step %d %s" % ((time.time() - begin) / 60, step, reading.score(vision, dec, check, 6)), flush=True)
            if p >= 1:
                break
        pairs = [sample(r, p, mix, a.slices) for _ in range(a.batch)]
        guide = 0.2 if p < a.guide else 0.0
        frozen = p < a.freeze
        aux = 0.0 if frozen else 0.5 if p < 0.8 else 0.25
        loss, parts = losses(vision, dec, pairs, wt, aux, guide, frozen, a.route)
        for opt in opts:
            opt.zero()
        if a.layouts:
            lm, guided = layouts(r, dec, a.layouts, guide, a.slices)
            loss, parts["layouts"] = loss + 0.5 * (lm + guided), lm.item()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.5)
        for opt in opts[frozen:]:
            opt.step(min(1, (step + 1) / 40) * max(0.02, min(1, (1 - p) / 0.75)))
        step += 1
        for k, v in parts.items():
            ema[k] = v if k not in ema else 0.95 * ema[k] + 0.05 * v
        if rank == 0 and step % 25 == 0:
            print("%.2f min step %d p %.3f %s" % ((time.time() - begin) / 60, step, p, {k: round(v, 3) for k, v in ema.items()}), flush=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("run")
    ap.add_argument("--vision")
    ap.add_argument("--decoder")
    ap.add_argument("--from", dest="start")
    for name, kind, value in (("minutes", float, 60), ("freeze", float, 0), ("at", float, 0), ("batch", int, 6), ("ranks", int, 1), ("rate", float, .6), ("vision-rate", float, .4), ("every", float, 8), ("meet", float, 40), ("layouts", int, 4), ("check", int, 3), ("slices", int, g.MOST), ("guide", float, 0.6), ("route", float, 0.1), ("seed", int, 1)):
        ap.add_argument("--" + name, type=kind, default=value)
    ap.add_argument("--mix", default="", help="shares of the kinds of document, as shape=30,tall=12")
    train_vision.launch(worker, ap.parse_args())


if __name__ == "__main__":
    torch.multiprocessing.set_start_method("fork")
    main()
