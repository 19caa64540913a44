"""Writes the trained weights as a checkpoint with the published file and tensor names (float16 safetensors).

  python export.py JOINT.pt TARGET_DIRECTORY"""
import base64
import json
import os
import sys
import torch
import state as state_file
from safetensors.torch import save_file
import geometry as g
import model

SPECIALS = ["<|begin_of_text|>", "<|end_of_text|>", "<unk>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
            "<image>", "</image>", "<slice>", "</slice>", "<image_id>", "</image_id>"]


def config():
    v, t = model.VISION, model.TEXT
    return {
        "_name_or_path": "pocketlens-tiny", "license": "Apache-2.0",
        "model_type": "minicpmv", "architectures": ["MiniCPMV"], "version": "2.6", "torch_dtype": "float16",
        "hidden_size": t["dim"], "intermediate_size": t["mlp"], "num_hidden_layers": t["layers"], "num_attention_heads": t["heads"],
        "num_key_value_heads": t["heads"], "hidden_act": "silu", "rms_norm_eps": t["eps"], "rope_theta": t["theta"], "rope_scaling": None,
        "max_position_embeddings": 8192, "vocab_size": t["vocab"], "tie_word_embeddings": True,
        "bos_token_id": model.BOS, "eos_token_id": model.EOS, "query_num": model.CELLS, "resampler_num_attention_heads": model.RESAMPLER_HEADS,
        "image_size": 448, "patch_size": g.PATCH, "drop_vision_last_layer": False, "batch_vision_input": False, "slice_mode": True,
        "slice_config": {"max_slice_nums": g.MOST, "scale_resolution": 336, "patch_size": g.PATCH, "model_type": "minicpmv"},
        "vision_config": {"model_type": "siglip_vision_model", "hidden_size": v["dim"], "intermediate_size": v["mlp"], "num_hidden_layers": v["layers"],
                          "num_attention_heads": v["heads"], "image_size": g.SIDE * g.PATCH, "patch_size": g.PATCH, "num_channels": 3,
                          "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6},
    }


def tensors(state):
    v, d = state["vision"], state["decoder"]
    out = {}
    e = "vpm.embeddings."
    out[e + "patch_embedding.weight"] = v["tower.patch.weight"].reshape(-1, 3, g.PATCH, g.PATCH)
    out[e + "patch_embedding.bias"] = v["tower.patch.bias"]
    out[e + "position_embedding.weight"] = (v["tower.row"][:, None] + v["tower.col"][None]).reshape(g.SIDE * g.SIDE, -1)
    for i in range(model.VISION["layers"]):
        a, b = "tower.layers.%d." % i, "vpm.encoder.layers.%d." % i
        for kind in ("weight", "bias"):
            for name, part in zip("qkv", v[a + "qkv." + kind].chunk(3)):
                out[b + "self_attn.%s_proj.%s" % (name, kind)] = part
            out[b + "self_attn.out_proj." + kind] = v[a + "out." + kind]
            for x, y in (("ln1", "layer_norm1"), ("ln2", "layer_norm2"), ("fc1", "mlp.fc1"), ("fc2", "mlp.fc2")):
                out[b + y + "." + kind] = v[a + x + "." + kind]
    for kind in ("weight", "bias"):
        out["vpm.post_layernorm." + kind] = v["tower.post." + kind]
        out["resampler.attn.out_proj." + kind] = v["resampler.out." + kind]
        for n in ("ln_q", "ln_kv", "ln_post"):
            out["resampler.%s.%s" % (n, kind)] = v["resampler.%s.%s" % (n, kind)]
    out["resampler.query"], out["resampler.kv_proj.weight"] = v["resampler.query"], v["resampler.kv_proj.weight"]
    out["resampler.attn.in_proj_weight"], out["resampler.attn.in_proj_bias"] = v["resampler.in_w"], v["resampler.in_b"]
    out["resampler.proj"] = v["resampler.proj"]
    out["llm.model.embed_tokens.weight"], out["llm.model.norm.weight"] = d["embed.weight"], d["norm.weight"]
    for i in range(model.TEXT["layers"]):
        a, b = "layers.%d." % i, "llm.model.layers.%d." % i
        for name, part in zip("qkv", d[a + "qkv.weight"].chunk(3)):
            out[b + "self_attn.%s_proj.weight" % name] = part
        out[b + "self_attn.o_proj.weight"] = d[a + "o.weight"]
        for name, part in zip(("gate", "up"), d[a + "gate_up.weight"].chunk(2)):
            out[b + "mlp.%s_proj.weight" % name] = part
        out[b + "mlp.down_proj.weight"] = d[a + "down.weight"]
        out[b + "input_layernorm.weight"], out[b + "post_attention_layernorm.weight"] = d[a + "n1.weight"], d[a + "n2.weight"]
    return {k: t.to(torch.float16).contiguous().clone() for k, t in out.items()}


def main():
    state, target = state_file.load(sys.argv[1]), sys.argv[2]
    os.makedirs(target, exist_ok=True)
    out = tensors(state)
    name = "model.safetensors"
    save_file(out, os.path.join(target, name), metadata={"format": "pt"})
    put = lambda f, o: open(os.path.join(target, f), "w").write(json.dumps(o, indent=2, ensure_ascii=False) + "\n")
    put("model.safetensors.index.json", {"metadata": {"total_size": sum(t.numel() * 2 for t in out.values())}, "weight_map": {k: name for k in sorted(out)}})
    put("config.json", config())
    put("generation_config.json", {"bos_token_id": model.BOS, "eos_token_id": [model.EOS, model.EOT]})
    put("preprocessor_config.json", {"max_slice_nums": g.MOST, "scale_resolution": 336, "patch_size": g.PATCH, "image_feature_size": model.CELLS,
                                     "slice_mode": True, "use_image_id": False, "norm_mean": [0.5] * 3, "norm_std": [0.5] * 3, "version": 2.6})
    put("tokenizer_config.json", {"added_tokens_decoder": {str(256 + i): {"content": s, "special": True} for i, s in enumerate(SPECIALS)},
                                  "bos_token": SPECIALS[0], "eos_token": SPECIALS[1], "unk_token": SPECIALS[2]})
    with open(os.path.join(target, "tokenizer.model"), "w") as f:
        for b in range(256):
            f.write(base64.b64encode(bytes([b])).decode() + " %d\n" % b)
    print("%d tensors, %.1f M parameters" % (len(out), sum(t.numel() for t in out.values()) / 1e6))


if __name__ == "__main__":
    main()
