"""Tower and resampler, without a decoder: name the characters of every patch and of every cell.

  python train_vision.py RUN --minutes 60 [--from CHECKPOINT]"""
import argparse
import os
import random
import time
import torch
import state as state_file
import torch.nn.functional as F
import torch.distributed as dist
import torch.multiprocessing as mp
import alphabet
import documents
import fonts
import model
import vision_data

SCALE = 336
ALL = {"line": 14, "wide": 10, "paragraph": 24, "receipt": 20, "sign": 8, "screen": 7, "table": 9, "tall": 7, "page": 2, "shape": 4}
TEXTY = {"paragraph": 40, "receipt": 25, "table": 15, "line": 10, "wide": 10}


def stage(progress, every=ALL):
    """What the data looks like as training goes on (0..1): plain, few faces and crops first, everything later."""
    p = progress
    if p < 0.08:
        return dict(faces=fonts.plain_faces(), plain=1.0, level=0.0, crop=1.0, area=15 * 15 * 196, mix={"paragraph": 70, "receipt": 30}, scale=400)
    if p < 0.25:
        return dict(faces=fonts.plain_faces() + fonts.train_faces(), plain=0.7, level=0.15, crop=0.35, area=20 * 20 * 196, mix={"paragraph": 50, "receipt": 35, "table": 15}, scale=SCALE)
    if p < 0.45:
        return dict(faces=fonts.train_faces(), plain=0.45, level=0.4, crop=0.3, area=20 * 20 * 196, mix=TEXTY, scale=SCALE)
    return dict(faces=fonts.train_faces(), plain=0.2, level=0.4 + 0.6 * min(1, (p - .45) / .3), crop=0.0, area=20 * 20 * 196, mix=every, scale=SCALE)


def weights():
    w = torch.ones(alphabet.COUNT)
    w[alphabet.NONE] = 0.1
    return w


def some_cells(cell, count):
    """The cells with characters first, then random empty ones: [B, count]."""
    return (torch.rand(cell.shape[:2]) + 2 * (cell[..., 0] > 0)).topk(count, dim=1).indices


def losses(net, batch, wt, count=128):
    cells = some_cells(batch["cell"], count)
    rows = torch.arange(len(cells))[:, None]
    label = batch["cell"][rows, cells]
    with torch.autocast("cpu", torch.bfloat16):
        x, out, route = net(batch, cells=cells)
        patch = net.patch_head(x)
        cell = net.resampler.head(out)
    b, n = batch["mask"].shape
    patch = F.cross_entropy(patch.float().reshape(-1, alphabet.COUNT), batch["patch"].reshape(-1), wt, ignore_index=-1)
    cell = F.cross_entropy(cell.float().reshape(-1, alphabet.COUNT), label.reshape(-1), wt)
    target = model.oracle(batch["cell"])[rows, cells]
    full = (label[..., 0] > 0).float() * 0.9 + 0.1
    code = ((out.float() - target).pow(2).sum(-1) * full).sum() / full.sum()
    return patch, cell, route, code


@torch.no_grad()
def accuracy(net, items):
    """Share of characters named right at the patches and at the cells (first slot and all slots)."""
    right = [0, 0]
    total = [0, 0]
    near = 0
    for i in range(0, len(items), 8):
        batch = vision_data.collate(items[i:i + 8])
        with torch.autocast("cpu", torch.bfloat16):
            x, out, _ = net(batch, route=False)
            p = net.patch_head(x).float().reshape(*batch["patch"].shape, -1).argmax(-1)
            c = net.resampler.head(out).float().reshape(*batch["cell"].shape, -1).argmax(-1)
        o = (out[..., :192].float().reshape(*batch["cell"].shape, model.BLOCK) @ model.GLYPHS.T).argmax(-1)
        for j, (got, want) in enumerate(((p, batch["patch"]), (c, batch["cell"]))):
            known = want > 0
            right[j] += (got == want)[known].sum().item()
            total[j] += known.sum().item()
        near += (o == batch["cell"])[batch["cell"] > 0].sum().item()
    return right[0] / total[0], right[1] / total[1], near / total[1]


def feed(queue, progress, seed, size, every):
    """A process that renders batches ahead."""
    os.sched_setaffinity(0, range(os.cpu_count()))
    torch.set_num_threads(1)
    r = random.Random(seed)
    while True:
        st, items = stage(progress.value, every), []
        while len(items) < size:
            items += vision_data.samples(r, st)
        queue.put(items[:size])


def average(params, ranks):
    """Mean gradient over the processes."""
    flat = torch.cat([p.grad.flatten() if p.grad is not None else torch.zeros(p.numel()) for p in params])
    dist.all_reduce(flat)
    flat /= ranks
    at = 0
    for p in params:
        if p.grad is not None:
            p.grad = flat[at:at + p.numel()].view_as(p).clone()
        at += p.numel()


@torch.no_grad()
def mean_weights(params, ranks):
    """Every rank goes on from the mean of all ranks' weights."""
    if ranks > 1:
        flat = torch.cat([p.flatten() for p in params])
        dist.all_reduce(flat)
        flat /= ranks
        for p, w in zip(params, flat.split([p.numel() for p in params])):
            p.copy_(w.view_as(p))


def together(values, ranks):
    """What rank 0 says, on every rank."""
    t = torch.tensor(values, dtype=torch.float64)
    if ranks > 1:
        dist.broadcast(t, 0)
    return t.tolist()


def join(run, rank, ranks):
    torch.set_num_threads(1)
    os.sched_setaffinity(0, {rank % os.cpu_count()})
    if ranks > 1:
        dist.init_process_group("gloo", init_method="file://" + os.path.abspath(run) + "/store", rank=rank, world_size=ranks)


def launch(worker, a):
    """One process a rank; two processes beat two threads on a busy machine."""
    os.makedirs(a.run, exist_ok=True)
    if os.path.exists(a.run + "/store"):
        os.remove(a.run + "/store")
    ranks = [mp.Process(target=worker, args=(rank, a)) for rank in range(1, a.ranks)]
    for p in ranks:
        p.start()
    worker(0, a)
    for p in ranks:
        p.join()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("run")
    ap.add_argument("--minutes", type=float, default=60)
    ap.add_argument("--from", dest="start")
    ap.add_argument("--at", type=float, default=0)
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--ranks", type=int, default=1)
    ap.add_argument("--rate", type=float, default=1)
    ap.add_argument("--mix", default="", help="shares of the kinds of document in the second half, as shape=30,tall=12")
    ap.add_argument("--chroma", action="store_true", help="give older weights the colour filters that new ones start with")
    launch(worker, ap.parse_args())


def check(run, net, sets, ema, line, p):
    net.eval()
    acc = {k: "%.3f/%.3f/%.3f" % accuracy(net, v) for k, v in sets.items()}
    net.train()
    torch.save({"vision": net.state_dict(), "progress": p}, run + "/vision.tmp")
    os.replace(run + "/vision.tmp", run + "/vision.pt")
    print("CHECK", line, acc, {k: round(v, 3) for k, v in ema.items()}, flush=True)


def worker(rank, a):
    join(a.run, rank, a.ranks)
    torch.manual_seed(a.seed)
    net = model.Vision()
    if a.start:
        net.load_state_dict(state_file.load(a.start)["vision"])
        if a.chroma:
            add_chroma(net)
    else:
        whiten(net)
    opt, wt = Optimiser(net.named_parameters(), muon=0.02 * a.rate, adam=2e-3 * a.rate), weights()
    progress = mp.Value("d", a.at)
    queue = mp.Queue(4)
    feeder = mp.Process(target=feed, args=(queue, progress, a.seed * 1000 + rank * 17 + int(a.at * 100), a.batch, documents.weighted(a.mix, ALL)), daemon=True)
    feeder.start()
    checks = {"line": vision_data.validation({"line": 1, "wide": 1}, 24, SCALE, 0.5), "para": vision_data.validation({"paragraph": 1, "receipt": 1}, 24, SCALE, 0.5)}
    begin, step, chars, last, ema = time.time(), 0, 0, 0, {}
    params = [p for p in net.parameters()]
    while True:
        spent, = together([(time.time() - begin) / 60], a.ranks)
        p = a.at + (1 - a.at) * spent / a.minutes
        progress.value = min(p, 1)
        if spent - last > 3 or p >= 1:
            last = spent
            if rank == 0:
                check(a.run, net, checks, ema, "%.1f min step %d p %.3f chars %d" % (spent, step, p, chars), p)
            if p >= 1:
                break
        batch = vision_data.collate(queue.get())
        patch, cell, route, code = losses(net, batch, wt)
        loss = patch + 1.0 * cell + 0.15 * route + 0.15 * code
        opt.zero()
        loss.backward()
        if a.ranks > 1:
            average(params, a.ranks)
        torch.nn.utils.clip_grad_norm_(params, 2.0)
        rate = min(1, (step + 1) / 60) * (1 if p < 0.35 else max(0.02, (1 - p) / 0.65))
        opt.step(rate)
        step += 1
        chars += int((batch["cell"] > 0).sum())
        for k, v in (("patch", patch), ("cell", cell), ("route", route), ("code", code)):
            ema[k] = v.item() if k not in ema else 0.95 * ema[k] + 0.05 * v.item()
        if rank == 0 and step % 50 == 0:
            print("%.2f min step %d rate %.2f %s" % (spent, step, rate, {k: round(v, 3) for k, v in ema.items()}), flush=True)


def whiten(net):
    """Patch filters start as whitened principal components of text patches: the input arrives decorrelated."""
    r = random.Random(5)
    st = stage(0.3)
    rows = []
    while len(rows) < 60:
        rows += [s["patches"] for s in vision_data.samples(r, st)]
    x = torch.cat([torch.from_numpy(p if p.dtype.kind == "f" else vision_data.g.to_patches(p)) for p in rows])
    grey = x.reshape(-1, 3, 196).mean(1)
    c = grey - grey.mean(0)
    e, v = torch.linalg.eigh(c.T @ c / len(c))
    keep = 120
    f = (v[:, -keep:] / (e[-keep:] + 0.02 * e[-1] / 10).sqrt()).T * 0.9
    w = f[:, None].expand(-1, 3, -1).reshape(keep, 588) / 3
    net.tower.patch.weight.data *= 0.1
    net.tower.patch.bias.data.zero_()
    # the first 96 dimensions carry the place; contents go to the other 96, the rest of the filters are mixed in
    net.tower.patch.weight.data[96:] = w.flip(0)[:96]
    net.tower.patch.weight.data[:24] += 0.3 * w.flip(0)[96:]
    mean = grey.mean(0).repeat(3)
    net.tower.patch.bias.data -= net.tower.patch.weight.data @ mean
    add_chroma(net)


@torch.no_grad()
def add_chroma(net):
    """The patch's mean red against green and blue against yellow, on the last eight dimensions: whitened filters are those of
    grey pictures, and without a start colours are hardly learnt. Grey pixels pass unchanged."""
    red, green, blue = (torch.zeros(3, 196) for _ in range(3))
    red[0], green[1], blue[2] = 1 / 196, 1 / 196, 1 / 196
    w = net.tower.patch.weight.data
    for i, f in enumerate((red - green, blue - (red + green) / 2)):
        for j in range(4):
            w[184 + 4 * i + j] += (1.2 if j % 2 == 0 else -1.2) * f.flatten()


from optimiser import Optimiser  # noqa: E402

if __name__ == "__main__":
    mp.set_start_method("fork")
    main()
