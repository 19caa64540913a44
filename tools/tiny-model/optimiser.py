"""Muon for hidden matrices (Jordan et al., 2024), AdamW for the rest, in one object with one rate multiplier."""
import torch


def orthogonalise(m, steps=5):
    x = m.bfloat16()
    flip = x.shape[0] > x.shape[1]
    x = x.T if flip else x
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.T if flip else x).float()


class Optimiser:
    def __init__(self, named, muon=0.02, adam=2e-3, decay=0.01):
        named = [(n, p) for n, p in named if p.requires_grad]
        hidden = lambda n, p: p.ndim == 2 and ("layers." in n or "in_w" in n or "kv_proj" in n or n.endswith("out.weight") or n.endswith("resampler.proj"))
        self.muon = [p for n, p in named if hidden(n, p)]
        self.rate, self.state = muon, {}
        self.adam = torch.optim.AdamW([p for n, p in named if not hidden(n, p)], lr=adam, betas=(0.9, 0.98), weight_decay=decay)
        self.base = adam

    def zero(self):
        self.adam.zero_grad(set_to_none=True)
        for p in self.muon:
            p.grad = None

    @torch.no_grad()
    def step(self, scale):
        for group in self.adam.param_groups:
            group["lr"] = self.base * scale
        self.adam.step()
        for p in self.muon:
            if p.grad is None:
                continue
            m = self.state.setdefault(p, torch.zeros_like(p))
            m.mul_(0.95).add_(p.grad)
            # a packed q, k, v is three matrices
            parts = 3 if p.shape[0] == 3 * p.shape[1] else 1
            u = torch.cat([orthogonalise(t) for t in (p.grad + 0.95 * m).chunk(parts)])
            p.mul_(1 - self.rate * scale * 0.01)
            p.add_(u, alpha=-self.rate * scale * max(1, (p.shape[0] / parts) / p.shape[1]) ** 0.5)
