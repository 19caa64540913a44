"""The tiny model for training: MiniCPM-V's architecture (SigLIP-like tower on variable grids, perceiver resampler, Llama decoder).

Auxiliary heads and initial values exist only here; export.py writes the published tensor names."""
import math
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
import alphabet
import geometry as g

VISION = dict(dim=192, layers=4, heads=6, mlp=768)
TEXT = dict(dim=256, layers=6, heads=4, mlp=512, vocab=288, theta=10000.0, eps=1e-5)
RESAMPLER_HEADS = 8
CELLS = g.ROWS * g.COLS
BLOCK = 48                      # dimensions of one character slot; the last 64 carry the cell's place
BOS, EOS, UNK, SH, EH, EOT, IM, IM_END, SLICE, SLICE_END = range(256, 266)


def fourier(fractions, count, top):
    """cos and sin of fractions at `count` frequencies from half a turn to `top` turns over the picture: [n, 2 * count]."""
    f = torch.as_tensor(np.asarray(fractions, dtype=np.float64))[:, None] * torch.logspace(math.log10(0.5), math.log10(top), count, dtype=torch.float64) * 2 * math.pi
    return torch.cat([f.cos(), f.sin()], -1).float()


def glyph_codes():
    """A fixed unit vector for every symbol."""
    z = torch.randn(alphabet.COUNT, BLOCK, generator=torch.Generator().manual_seed(7))
    return F.normalize(z, dim=-1)


def place_codes():
    """[cells, 64]: where a cell lies, as rotations that a linear map can move by one row or column."""
    rows = fourier((np.arange(g.ROWS) + .5) / g.ROWS, 16, 8)
    cols = fourier((np.arange(g.COLS) + .5) / g.COLS, 16, 12)
    out = torch.cat([rows[:, None].expand(-1, g.COLS, -1), cols[None].expand(g.ROWS, -1, -1)], -1).reshape(CELLS, 64)
    return out * 0.25


GLYPHS, PLACES = glyph_codes(), place_codes()


def oracle(cell):
    """Cell labels [..., CELLS, SLOTS] -> the vectors that a perfect resampler would hand on, [..., CELLS, 256]."""
    code = GLYPHS[cell].flatten(-2)
    return torch.cat([code, PLACES.expand(*code.shape[:-1], 64)], -1)


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        d = VISION["dim"]
        self.patch = nn.Linear(588, d)
        self.row, self.col = nn.Parameter(torch.zeros(g.SIDE, d)), nn.Parameter(torch.zeros(g.SIDE, d))
        self.layers = nn.ModuleList([TowerLayer(d, VISION["heads"], VISION["mlp"]) for _ in range(VISION["layers"])])
        self.post = nn.LayerNorm(d, eps=1e-6)
        p = (np.arange(g.SIDE) + .5) / g.SIDE
        self.row.data[:, :48] = fourier(p, 24, 16)
        self.col.data[:, 48:96] = fourier(p, 24, 16)

    def forward(self, patches, row_ids, col_ids, mask):
        x = self.patch(patches) + self.row[row_ids] + self.col[col_ids]
        for layer in self.layers:
            x = layer(x, mask)
        return self.post(x)


class TowerLayer(nn.Module):
    def __init__(self, d, heads, mlp):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.fc1, self.fc2 = nn.Linear(d, mlp), nn.Linear(mlp, d)
        nn.init.normal_(self.qkv.weight, std=d ** -0.5)
        for m in (self.out, self.fc2):
            nn.init.normal_(m.weight, std=0.3 * m.in_features ** -0.5)
        for m in (self.qkv, self.out, self.fc1, self.fc2):
            nn.init.zeros_(m.bias)
        self.look_around(d, heads)

    def look_around(self, d, heads):
        """Queries and keys start as local attention: the same place, one step to each side, one step up and down."""
        hd = d // heads
        steps = [(0, 0), (0, .045), (0, -.045), (.06, 0), (-.06, 0), (0, .1)]
        freq = torch.logspace(math.log10(0.5), math.log10(16), 24) * 2 * math.pi
        pick = torch.arange(1, 24, 3)                       # 8 of the 24 frequencies for each axis
        for h in range(heads):
            q, k = torch.zeros(hd, d), torch.zeros(hd, d)
            for axis in (0, 1):
                w = freq[pick] * steps[h % 6][axis]
                cos, sin = axis * 48 + pick, axis * 48 + 24 + pick
                a, b = axis * 16 + torch.arange(8), axis * 16 + 8 + torch.arange(8)
                k[a, cos], k[b, sin] = 1.0, 1.0
                q[a, cos], q[a, sin] = w.cos(), -w.sin()
                q[b, sin], q[b, cos] = w.cos(), w.sin()
            s = 1.3 if h else 0.7
            self.qkv.weight.data[h * hd:(h + 1) * hd] = q * s + 0.02 * torch.randn(hd, d)
            self.qkv.weight.data[d + h * hd:d + (h + 1) * hd] = k * s + 0.02 * torch.randn(hd, d)

    def forward(self, x, mask):
        b, n, d = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(a.transpose(1, 2).reshape(b, n, d))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x)), approximate="tanh"))


def sincos_2d(dim, rows, cols):
    omega = np.float32(1) / np.power(np.float32(10000), np.arange(dim // 4, dtype=np.float32) / np.float32(dim / 4))
    axis = lambda p: np.concatenate([np.sin(p[:, None].astype(np.float32) * omega), np.cos(p[:, None].astype(np.float32) * omega)], -1)
    r, c = np.repeat(np.arange(rows), cols), np.tile(np.arange(cols), rows)
    return torch.from_numpy(np.concatenate([axis(c), axis(r)], -1).astype(np.float32))


class Resampler(nn.Module):
    def __init__(self):
        super().__init__()
        d, kv = TEXT["dim"], VISION["dim"]
        self.query = nn.Parameter(torch.zeros(CELLS, d))
        self.kv_proj = nn.Linear(kv, d, bias=False)
        self.in_w, self.in_b = nn.Parameter(torch.zeros(3 * d, d)), nn.Parameter(torch.zeros(3 * d))
        self.out = nn.Linear(d, d)
        self.ln_q, self.ln_kv, self.ln_post = (nn.LayerNorm(d, eps=1e-6) for _ in range(3))
        self.proj = nn.Parameter(torch.zeros(d, d))
        self.head = nn.Linear(d, g.SLOTS * alphabet.COUNT)      # auxiliary: names the characters of a cell
        self.start(d, kv)

    def start(self, d, kv):
        """Query (r, c) begins by looking at the patches of its cell; the norm after attention begins almost linear."""
        self.kv_proj.weight.data[:kv] = torch.eye(kv)
        self.kv_proj.weight.data[:96] *= 2.0
        rows = fourier((np.arange(g.ROWS) + .5) / g.ROWS, 24, 16)
        cols = fourier((np.arange(g.COLS) + .5) / g.COLS, 24, 16)
        self.query.data[:, :48] = rows[:, None].expand(-1, g.COLS, -1).reshape(CELLS, 48)
        self.query.data[:, 48:96] = cols[None].expand(g.ROWS, -1, -1).reshape(CELLS, 48)
        self.query.data += 0.02 * torch.randn(CELLS, d)
        hd = d // RESAMPLER_HEADS
        for h in range(RESAMPLER_HEADS):
            pick = torch.arange(0, 24, 3) + h % 3
            for axis in (0, 1):
                at = torch.arange(8)
                for part in (0, 1):
                    src, dst = axis * 48 + part * 24 + pick, h * hd + axis * 16 + part * 8 + at
                    self.in_w.data[dst, src] = 1.2
                    self.in_w.data[d + dst, src] = 1.2
        nn.init.normal_(self.in_w.data[2 * d:], std=d ** -0.5)
        self.in_w.data[:2 * d] += 0.01 * torch.randn(2 * d, d)
        nn.init.normal_(self.out.weight, std=d ** -0.5)
        nn.init.normal_(self.out.bias, std=2.0)
        nn.init.normal_(self.proj, std=0.2 * d ** -0.5)
        with torch.no_grad():
            b = self.out.bias
            self.ln_post.bias.copy_(-(b - b.mean()) / b.std(correction=0))
            nn.init.normal_(self.head.weight, std=0.1)

    def forward(self, x, pos, mask, route=None, cells=None):
        """x [B, N, 192], pos [B, N, 256], mask [B, 1, 1, N]; route [B, Q, N] asks for the routing loss too;
        cells [B, Q] picks queries (they do not see each other, so some can be left out of a training step)."""
        b, n, _ = x.shape
        d, h = self.proj.shape[0], RESAMPLER_HEADS
        kv = self.ln_kv(self.kv_proj(x))
        w, c = self.in_w.chunk(3), self.in_b.chunk(3)
        split = lambda t, i: F.linear(t, w[i], c[i]).view(t.shape[0], -1, h, d // h).transpose(1, 2)
        query = self.ln_q(self.query)
        query = query[None].expand(b, -1, -1) if cells is None else query[cells]
        q, k, v = split(query, 0), split(kv + pos, 1), split(kv, 2)
        loss = None
        if route is None:
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            s = (q @ k.transpose(2, 3)).float() * (d // h) ** -0.5
            s = s.masked_fill(~mask, float("-inf"))
            p = s.softmax(-1)
            loss = -(p * route[:, None]).sum(-1).clamp_min(1e-6).log().mean()
            a = p.to(v.dtype) @ v
        out = self.out(a.transpose(1, 2).reshape(b, -1, d))
        return self.ln_post(out) @ self.proj, loss


class Vision(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower, self.resampler = Tower(), Resampler()
        self.patch_head = nn.Linear(VISION["dim"], 2 * alphabet.COUNT)

    def forward(self, batch, route=True, cells=None):
        mask = batch["mask"][:, None, None, :]
        x = self.tower(batch["patches"], batch["rows"], batch["cols"], mask)
        near = batch["route"] if route else None
        if route and cells is not None:
            near = near[torch.arange(len(x))[:, None], cells]
        out, loss = self.resampler(x, batch["pos"], mask, near, cells)
        return x, out, loss


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


class DecoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        d, m = TEXT["dim"], TEXT["mlp"]
        self.n1, self.n2 = nn.RMSNorm(d, eps=TEXT["eps"]), nn.RMSNorm(d, eps=TEXT["eps"])
        self.qkv, self.o = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)
        self.gate_up, self.down = nn.Linear(d, 2 * m, bias=False), nn.Linear(m, d, bias=False)
        for lin, s in ((self.qkv, 1.0), (self.o, 0.4), (self.gate_up, 1.0), (self.down, 0.4)):
            nn.init.normal_(lin.weight, std=s * lin.in_features ** -0.5)

    def forward(self, x, cos, sin, mask, guide=None):
        """mask [B, 1, R, T]: what the last R positions see; those before are the picture, plainly causal. guide: (batch index, row, two
        columns, or one twice) whose weight in head 0 is asked for, rows among the last R; returns x, -log of it."""
        b, n, d = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, n, 3, TEXT["heads"], -1).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        loss = None
        if guide is not None and len(guide[0]):
            bi, row, left, right = guide
            counts = torch.bincount(bi, minlength=b).tolist()      # of each document: the guides come in the order of the batch
            s = torch.cat([q[j, 0, n - mask.shape[2] + part] @ k[j, 0].T for j, part in enumerate(row.split(counts))]).float() * q.shape[-1] ** -0.5
            s = s.masked_fill(~mask[bi, 0, row], float("-inf"))
            s = s.log_softmax(-1)
            here, there = s.gather(1, left[:, None]), s.gather(1, right[:, None])
            loss = -torch.where(left[:, None] == right[:, None], here, torch.logaddexp(here, there)).mean()
        first = n - mask.shape[2]
        a = F.scaled_dot_product_attention(q[:, :, first:], k, v, attn_mask=mask)
        if first:
            a = torch.cat([F.scaled_dot_product_attention(q[:, :, :first], k[:, :, :first], v[:, :, :first], is_causal=True), a], 2)
        x = x + self.o(a.transpose(1, 2).reshape(b, n, d))
        u, w = self.gate_up(self.n2(x)).chunk(2, -1)
        return x + self.down(F.silu(u) * w), loss


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        d = TEXT["dim"]
        self.embed = nn.Embedding(TEXT["vocab"], d)
        self.layers = nn.ModuleList([DecoderLayer() for _ in range(TEXT["layers"])])
        self.norm = nn.RMSNorm(d, eps=TEXT["eps"])
        nn.init.normal_(self.embed.weight, std=0.05)
        for s, i in alphabet.INDEX.items():
            if len(s) == 1 and ord(s) < 128:
                self.embed.weight.data[ord(s), :192] = GLYPHS[i].repeat(4) * 0.5
        self.norm.weight.data.fill_(0.5)

    def forward(self, x, position, mask, guides=None):
        """x [B, T, d] embeddings; position [B, T]; mask [B, 1, R, T] of the last R positions; guides: layer -> guide."""
        hd = TEXT["dim"] // TEXT["heads"]
        inv = 1.0 / TEXT["theta"] ** (torch.arange(0, hd, 2).float() / hd)
        a = (position[..., None].float() * inv).repeat(1, 1, 2)[:, None]
        cos, sin = a.cos(), a.sin()
        guided = []
        for i, layer in enumerate(self.layers):
            x, loss = layer(x, cos, sin, mask, guides.get(i) if guides else None)
            if loss is not None:
                guided.append(loss)
        return self.norm(x), guided
