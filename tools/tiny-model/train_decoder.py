"""Decoder on oracle vectors: layouts alone teach it to follow lines, to find answers, to copy. No pixels.

  python train_decoder.py RUN --minutes 40 [--from CHECKPOINT]"""
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
import render
import text_data as td
from optimiser import Optimiser

ALL = {"line": 14, "wide": 9, "paragraph": 18, "receipt": 22, "sign": 7, "screen": 8, "table": 10, "tall": 7, "page": 2, "shape": 8}


def stage(p, every=ALL):
    if p < 0.15:
        return dict(mix={"line": 50, "sign": 25, "wide": 10, "screen": 15}, spare=0.0, noise=0.0, longest=18 + 150 * p, limit=2, sparse=True)
    if p < 0.35:
        return dict(mix={"line": 25, "sign": 10, "wide": 10, "screen": 10, "paragraph": 15, "receipt": 15, "table": 8, "shape": 7}, spare=0.1, noise=0.05, longest=40 + 200 * (p - .15), limit=3, sparse=True)
    if p < 0.7:
        return dict(mix=every, spare=0.2, noise=0.12, longest=60 + 500 * (p - .35), limit=2, sparse=True)
    return dict(mix=every, spare=0.4, noise=0.2, longest=260, limit=3, sparse=p < 0.85)


def sample(r, st, o):
    while True:
        d = documents.make(r, o, st["mix"])
        v = render.views(r, d, 336, 0, pixels=False, most=st.get("slices", 1))
        if not any(len(a.encode()) <= st["longest"] for _, a in d["qa"]):
            continue
        s = td.item(r, d, v, td.kept(r, v, st["sparse"], 0.1 if st["sparse"] else st["spare"]), st["limit"], st["longest"])
        blur = 2.5 if v["shape"] else 1                     # a source that has slices is the coarser picture of the two
        code = torch.cat([model.oracle(torch.from_numpy(td.spoil(r, one["cell"], st["noise"] * (1 if i else blur)))) for i, one in enumerate(v["views"])])
        return s, code[s["keep"]]


def lm_loss(decoder, batch, features, guide=True):
    with torch.autocast("cpu", torch.bfloat16):
        x = td.embed(decoder, batch, features)
        h, guided = decoder(x, batch["pos"], batch["mask"], batch["guides"] if guide else None)
        on = batch["target"] >= 0
        logits = h[on] @ decoder.embed.weight.T
    target = batch["target"][on]
    loss = F.cross_entropy(logits.float(), target)
    right = (logits.argmax(-1) == target).float().mean()
    return loss, (sum(guided) / len(guided) if guided else torch.zeros(())), right, [round(g.item(), 2) for g in guided]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("run")
    ap.add_argument("--minutes", type=float, default=40)
    ap.add_argument("--from", dest="start")
    ap.add_argument("--at", type=float, default=0)
    ap.add_argument("--batch", type=int, default=12)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--rate", type=float, default=1)
    ap.add_argument("--slices", type=int, default=g.MOST, help="slices a picture may have at most")
    ap.add_argument("--mix", default="", help="shares of the kinds of document in the second half, as shape=30,tall=12")
    a = ap.parse_args()
    os.makedirs(a.run, exist_ok=True)
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)
    net = model.Decoder()
    if a.start:
        net.load_state_dict(state_file.load(a.start)["decoder"])
    opt, every = Optimiser(net.named_parameters(), muon=0.02 * a.rate, adam=2e-3 * a.rate), documents.weighted(a.mix, ALL)
    r = random.Random(a.seed * 77 + int(a.at * 100))
    o = {"faces": fonts.train_faces(), "plain": False, "held": False}
    begin, step, last, ema, tokens = time.process_time(), 0, 0, {}, 0
    while True:
        spent = (time.process_time() - begin) / 60
        p = a.at + (1 - a.at) * spent / a.minutes
        if spent - last > 2 or p >= 1:
            last = spent
            torch.save({"decoder": net.state_dict(), "step": step, "progress": p}, a.run + "/decoder.tmp")
            os.replace(a.run + "/decoder.tmp", a.run + "/decoder.pt")
            if p >= 1:
                break
        st = stage(p, every) | {"slices": a.slices}
        pairs = [sample(r, st, o) for _ in range(a.batch)]
        batch = td.collate([s for s, _ in pairs])
        noise = 0.03
        loss, guided, right, each = lm_loss(net, batch, [f + noise * torch.randn_like(f) for _, f in pairs])
        opt.zero()
        (loss + 0.3 * guided).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step(min(1, (step + 1) / 60) * (1 if p < 0.5 else max(0.05, (1 - p) / 0.5)))
        step += 1
        tokens += int((batch["target"] >= 0).sum())
        for k, v in (("lm", loss), ("guide", guided), ("right", right)):
            ema[k] = v.item() if k not in ema else 0.97 * ema[k] + 0.03 * v.item()
        if step % 50 == 0:
            print("%.2f min step %d T %d longest %d tokens %d %s %s" % (spent, step, batch["ids"].shape[1], st["longest"], tokens, {k: round(v, 3) for k, v in ema.items()}, each), flush=True)


if __name__ == "__main__":
    main()
