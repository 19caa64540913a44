"""The same network in PyTorch with random weights, float32 or bfloat16: vision encoder with resampler, and decoder."""

import json

import torch
import torch.nn.functional as F
from measure import MemoryWatch, measure, measure_steps, parse_options, print_report

PATCHES_PER_SIDE = 32
POOL_VALUES = 4_194_301


class Weights:
    """Random matrices cut from one pool: filling billions of values one by one would take minutes."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.pool = torch.randn(POOL_VALUES, generator=torch.Generator().manual_seed(1)) * 0.02
        self.pool = self.pool.to(dtype)
        self.at = 0

    def __call__(self, *shape):
        tensor = torch.empty(shape, dtype=self.dtype)
        flat = tensor.view(-1)
        for begin in range(0, flat.numel(), POOL_VALUES):
            end = min(begin + POOL_VALUES, flat.numel())
            flat[begin:end] = self.pool[: end - begin]
        self.at += 1
        self.pool = self.pool.roll(12_345)
        return tensor

    def ones(self, width):
        return torch.ones(width, dtype=self.dtype)


def heads_first(x, heads):
    return x.view(1, x.shape[1], heads, -1).transpose(1, 2)


def merged(x):
    return x.transpose(1, 2).reshape(1, x.shape[2], -1)


class Vision:
    """SigLIP tower and perceiver resampler over one slice of 32 x 32 patches."""

    def __init__(self, config, weights):
        vision = config["vision_config"]
        width, inner = vision["hidden_size"], vision["intermediate_size"]
        self.heads = vision["num_attention_heads"]
        self.patch = weights(width, 3 * vision["patch_size"] ** 2)
        self.positions = weights(PATCHES_PER_SIDE**2, width)
        self.layers = [
            {
                "norm1": weights.ones(width),
                "qkv": weights(3 * width, width),
                "out": weights(width, width),
                "norm2": weights.ones(width),
                "fc1": weights(inner, width),
                "fc2": weights(width, inner),
            }
            for _ in range(vision["num_hidden_layers"])
        ]
        self.norm = weights.ones(width)
        hidden = config["hidden_size"]
        self.hidden_heads = config.get("resampler_num_attention_heads", hidden // 128)
        self.query = weights(1, config["query_num"], hidden)
        self.kv = weights(hidden, width)
        self.resampler = {name: weights(hidden, hidden) for name in ("q", "k", "v", "out", "proj")}
        self.hidden_norm = weights.ones(hidden)

    def __call__(self, patches):
        x = F.linear(patches, self.patch) + self.positions
        for layer in self.layers:
            normed = F.layer_norm(x, x.shape[-1:], layer["norm1"])
            q, k, v = (heads_first(part, self.heads) for part in F.linear(normed, layer["qkv"]).chunk(3, -1))
            x = x + F.linear(merged(F.scaled_dot_product_attention(q, k, v)), layer["out"])
            normed = F.layer_norm(x, x.shape[-1:], layer["norm2"])
            x = x + F.linear(F.gelu(F.linear(normed, layer["fc1"]), approximate="tanh"), layer["fc2"])
        x = F.layer_norm(x, x.shape[-1:], self.norm)
        return self.resample(F.linear(x, self.kv))

    def resample(self, x):
        parts = self.resampler
        key = heads_first(F.linear(x, parts["k"]), self.hidden_heads)
        value = heads_first(F.linear(x, parts["v"]), self.hidden_heads)
        query = heads_first(F.linear(self.query, parts["q"]), self.hidden_heads)
        x = merged(F.scaled_dot_product_attention(query, key, value))
        x = F.layer_norm(F.linear(x, parts["out"]), x.shape[-1:], self.hidden_norm)
        return x @ parts["proj"]


class Decoder:
    """Llama layers with a preallocated key-value cache; batch of one."""

    def __init__(self, config, weights, positions):
        hidden, inner = config["hidden_size"], config["intermediate_size"]
        self.heads, self.kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        self.head_dim = hidden // self.heads
        self.epsilon = config["rms_norm_eps"]
        kv = self.kv_heads * self.head_dim
        self.embedding = weights(config["vocab_size"], hidden)
        self.layers = [
            {
                "norm1": weights.ones(hidden),
                "qkv": weights(hidden + 2 * kv, hidden),
                "out": weights(hidden, hidden),
                "norm2": weights.ones(hidden),
                "gate_up": weights(2 * inner, hidden),
                "down": weights(hidden, inner),
                "key": torch.zeros(1, self.kv_heads, positions, self.head_dim, dtype=weights.dtype),
                "value": torch.zeros(1, self.kv_heads, positions, self.head_dim, dtype=weights.dtype),
            }
            for _ in range(config["num_hidden_layers"])
        ]
        self.norm = weights.ones(hidden)
        self.head = weights(config["vocab_size"], hidden)
        inverse = config["rope_theta"] ** (-torch.arange(0, self.head_dim, 2) / self.head_dim)
        angles = torch.outer(torch.arange(positions), inverse).repeat(1, 2)
        self.cos, self.sin = angles.cos().to(weights.dtype), angles.sin().to(weights.dtype)
        self.length = 0

    def rotate(self, x, begin, end):
        first, second = x.chunk(2, -1)
        return x * self.cos[begin:end] + torch.cat((-second, first), -1) * self.sin[begin:end]

    def attend(self, layer, x, begin, end):
        kv = self.kv_heads * self.head_dim
        q, k, v = F.linear(x, layer["qkv"]).split([self.heads * self.head_dim, kv, kv], -1)
        layer["key"][:, :, begin:end] = self.rotate(heads_first(k, self.kv_heads), begin, end)
        layer["value"][:, :, begin:end] = heads_first(v, self.kv_heads)
        q = self.rotate(heads_first(q, self.heads), begin, end)
        key, value = layer["key"][:, :, :end], layer["value"][:, :, :end]
        # Only the whole prompt or one token comes here, so the causal mask is either square or not needed.
        out = F.scaled_dot_product_attention(q, key, value, is_causal=begin == 0 and end > 1, enable_gqa=True)
        return F.linear(merged(out), layer["out"])

    def __call__(self, ids):
        begin, end = self.length, self.length + len(ids)
        x = F.embedding(torch.tensor([ids]), self.embedding)
        for layer in self.layers:
            x = x + self.attend(layer, F.rms_norm(x, x.shape[-1:], layer["norm1"], self.epsilon), begin, end)
            normed = F.rms_norm(x, x.shape[-1:], layer["norm2"], self.epsilon)
            gate, up = F.linear(normed, layer["gate_up"]).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, layer["down"])
        self.length = end
        logits = F.linear(F.rms_norm(x[:, -1], x.shape[-1:], self.norm, self.epsilon), self.head)
        token = int(logits.argmax())
        assert torch.isfinite(logits[0, token]), "the network computes no finite scores"
        return token


def random_ids(count, vocabulary):
    return torch.randint(0, vocabulary, (count,), generator=torch.Generator().manual_seed(count)).tolist()


def bench_encode(vision, dtype, patch_values, slices, options):
    patches = torch.rand(1, PATCHES_PER_SIDE**2, patch_values, dtype=dtype) * 2 - 1

    def work():
        for _ in range(slices):
            vision(patches)

    result = measure(work, options.rounds, options.seconds)
    return {"slices": slices, "patches": PATCHES_PER_SIDE**2, **result}


def bench_prefill(decoder, vocabulary, tokens, options):
    ids = random_ids(tokens, vocabulary)

    def work():
        decoder.length = 0
        decoder(ids)

    return {"tokens": tokens, **measure(work, options.rounds, options.seconds)}


def bench_decode(decoder, vocabulary, context, options):
    decoder.length = 0
    token = decoder(random_ids(context, vocabulary))

    def step():
        nonlocal token
        token = decoder([token])

    return {"context": context, **measure_steps(step, options)}


def main():
    options = parse_options(
        __doc__,
        ("--config", {"required": True, "help": "config.json of a checkpoint or model directory"}),
        ("--dtype", {"choices": ["float32", "bfloat16"], "default": "bfloat16"}),
    )
    torch.set_num_threads(options.threads)
    with open(options.config, encoding="utf-8") as file:
        config = json.load(file)
    dtype = getattr(torch, options.dtype)
    memory = MemoryWatch()
    report = {"version": f"PyTorch {torch.__version__}, {options.dtype}", "encode": [], "prefill": [], "decode": []}
    report["load"] = None  # Making random weights is not loading.
    with torch.inference_mode():
        weights = Weights(dtype)
        positions = max([2, *options.prefill, *(context + options.new_tokens + 2 for context in options.decode)])
        vision = Vision(config, weights) if options.slices else None
        decoder = Decoder(config, weights, positions) if options.prefill or options.decode else None
        loaded = memory.look()
        patch_values = 3 * config["vision_config"]["patch_size"] ** 2
        for slices in options.slices:
            report["encode"].append(bench_encode(vision, dtype, patch_values, slices, options))
            memory.look()
        for tokens in options.prefill:
            report["prefill"].append(bench_prefill(decoder, config["vocab_size"], tokens, options))
            memory.look()
        for context in sorted(set(options.decode)):
            report["decode"].append(bench_decode(decoder, config["vocab_size"], context, options))
            memory.look()
    print_report({**report, "memory": memory.report(loaded)})


if __name__ == "__main__":
    main()
