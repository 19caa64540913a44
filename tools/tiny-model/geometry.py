"""Slicing plan, position numbers and patch layout, restated for training (the product's own are in TypeScript)."""
import math
import numpy as np

PATCH = 14
SIDE = 70           # rows and columns of the position table
ROWS, COLS = 16, 24  # the queries stand for a lattice of cells over a view
SLOTS = 4            # characters a cell can hold
MOST = 4             # slices at most: with 384 vectors a view, more would make long prompts


def fit(w, h, scale, grow, patch=PATCH):
    if grow or w * h > scale * scale:
        ratio = w / h
        h = int(scale / math.sqrt(ratio))
        w = int(h * ratio)
    near = lambda v: max(round(v / patch) * patch, patch)
    return near(w), near(h)


def grid(w, h, scale, most):
    """Columns and rows of the slices, or None where the source stands alone."""
    n = min(math.ceil(w * h / (scale * scale)), most)
    if n <= 1:
        return None
    shapes = [(c, m // c) for m in (n - 1, n, n + 1) if 1 < m <= most for c in range(1, m + 1) if m % c == 0]
    return min(shapes, key=lambda s: abs(math.log(w / h) - math.log(s[0] / s[1])))


def plan(w, h, scale, most):
    """Size of the source, size of a slice, grid (None, None without slices)."""
    shape = grid(w, h, scale, most)
    if shape is None:
        return fit(w, h, scale, True), None, None
    c, r = shape
    near = lambda v, u: max(round(v / u) * u, u)
    return fit(w, h, scale, False), fit(near(w, c) / c, near(h, r) / r, scale, True), shape


def arange32(start, step, n, lanes=8):
    """float32 torch.arange as x86 builds compute it: blocks of lanes restart from a base rounded to float32."""
    i = np.arange(n, dtype=np.float64)
    base = (start + step * (np.floor(i / lanes) * lanes)).astype(np.float32).astype(np.float64)
    blocked = (base + (i % lanes) * step).astype(np.float32)
    return np.where(i < n // (2 * lanes) * (2 * lanes), blocked, (start + step * i).astype(np.float32))


_bounds = arange32(1 / SIDE, 1 / SIDE, math.ceil((1.0 - 1 / SIDE) / (1 / SIDE)))


def buckets(n):
    return np.searchsorted(_bounds, arange32(0.0, float(np.float32(1) / np.float32(n)), n), side="right")


def positions(rows, cols):
    """Row and column bucket of each patch, row-major."""
    return np.repeat(buckets(rows), cols), np.tile(buckets(cols), rows)


def to_patches(rgb):
    """uint8 [H, W, 3] -> float32 [N, 3 * 14 * 14], values in [-1, 1], channel-major inside a patch as a convolution reads it."""
    h, w, _ = rgb.shape
    x = rgb.reshape(h // PATCH, PATCH, w // PATCH, PATCH, 3).transpose(0, 2, 4, 1, 3)
    return (x.reshape(-1, 3 * PATCH * PATCH).astype(np.float32) / 255 - 0.5) / 0.5
