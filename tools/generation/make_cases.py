"""Makes packages/runtime/test/generation-cases.json: answers of transformers' `generate` to compare ours with.

The model is the language part of the random checkpoint in tools/golden/model, as `LlamaForCausalLM`. Prompts go in as
embeddings, as MiniCPM-V's own code does, so that the repetition penalty covers generated tokens only. A case is kept when
float32 and float64 arithmetic agree, so that no case hangs on a last bit.

    pip install transformers==4.40.0 torch "numpy<2" safetensors
    python tools/generation/make_cases.py
"""

import json
import random
import re
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "tools" / "golden" / "model"
TARGET = ROOT / "packages" / "runtime" / "test" / "generation-cases.json"
BEAM_CASES = 100
GREEDY_CASES = 20
TOP = 5


def load_model(dtype):
    config = json.loads((CHECKPOINT / "config.json").read_text())
    names = [
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "rope_theta",
    ]
    model = LlamaForCausalLM(LlamaConfig(**{name: config[name] for name in names}))
    tensors = {}
    for shard in sorted(CHECKPOINT.glob("*.safetensors")):
        tensors.update(load_file(shard))
    state = {re.sub("^llm\\.", "", name): value for name, value in tensors.items() if name.startswith("llm.")}
    model.load_state_dict(state)
    return model.to(dtype).eval()


def generate(model, ids, **options):
    embeddings = model.get_input_embeddings()(torch.tensor([ids]))
    model.generation_config = transformers.GenerationConfig(pad_token_id=0)
    with torch.no_grad():
        return model.generate(
            inputs_embeds=embeddings,
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
            output_logits=True,
            **options,
        )


def to_options(case):
    options = {
        "max_new_tokens": case["maxNewTokens"],
        "num_beams": case["beams"],
        "repetition_penalty": case["repetitionPenalty"],
        "eos_token_id": case["stopIds"] or None,
    }
    if case["minNewTokens"] > 0:
        options["min_new_tokens"] = case["minNewTokens"]
    if case["beams"] > 1:
        options["length_penalty"] = case["lengthPenalty"]
        options["early_stopping"] = case["earlyStopping"]
    return options


def answer(model, case):
    """Ids without the stop id, whether a stop id ended them, and the score of the winning beam."""
    output = generate(model, case["ids"], **to_options(case))
    ids = output.sequences[0].tolist()
    stopped = len(ids) > 0 and ids[-1] in case["stopIds"]
    score = output.sequences_scores[0].item() if case["beams"] > 1 else None
    return ids[:-1] if stopped else ids, stopped, score, output


def visited(model, ids, beams, penalty):
    """Tokens that a search comes across: any of them as a stop id makes the search end somewhere."""
    output = generate(model, ids, max_new_tokens=16, num_beams=beams, repetition_penalty=penalty)
    return sorted({token for row in output.logits for beam in row for token in beam.topk(6).indices.tolist()})


def draw(random_, beams, reference):
    ids = [1] + [random_.randrange(10, 512) for _ in range(random_.randrange(2, 24))]
    penalty = random_.choice([1.0, 1.0, 1.05, 1.2, 1.5])
    near = visited(reference, ids, beams, penalty)
    stops = random_.sample(near, min(len(near), random_.choice([0, 3, 10, 30, 60])))
    most = random_.randrange(3, 25)
    return {
        "ids": ids,
        "beams": beams,
        "repetitionPenalty": penalty,
        "maxNewTokens": most,
        "minNewTokens": random_.choice([0, 0, 0, 1, most // 2, most]),
        "stopIds": sorted(stops),
        "lengthPenalty": random_.choice([-1.0, 0.0, 0.5, 1.0, 1.0, 2.0]),
        "earlyStopping": random_.choice([False, True, "never"]),
    }


def add_logprobs(case, output):
    rows = [torch.log_softmax(row[0].double(), dim=-1) for row in output.logits][: len(case["expected"])]
    case["logprobs"] = [
        {
            "logprob": round(row[token].item(), 6),
            "top": [[token, round(value, 6)] for value, token in zip(*(part.tolist() for part in row.topk(TOP)))],
        }
        for row, token in zip(rows, case["expected"])
    ]


def main():
    torch.set_num_threads(1)  # the matrices are tiny
    single, double = load_model(torch.float32), load_model(torch.float64)
    random_ = random.Random(20240520)
    cases, dropped = [], 0
    while len(cases) < BEAM_CASES + GREEDY_CASES:
        beams = random_.choice([2, 3, 3, 3, 4, 6]) if len(cases) < BEAM_CASES else 1
        case = draw(random_, beams, single)
        ids, stopped, score, output = answer(single, case)
        other = answer(double, case)
        if other[:2] != (ids, stopped):
            dropped += 1
            continue
        case["expected"], case["finishReason"] = ids, "stop" if stopped else "length"
        if score is None:
            add_logprobs(case, output)
        else:
            case["score"] = round(score, 6)
        cases.append(case)
    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    lines = ",\n".join(f"    {json.dumps(case, separators=(',', ':'))}" for case in cases)
    TARGET.write_text(f'{{\n  "madeWith": {json.dumps(versions)},\n  "cases": [\n{lines}\n  ]\n}}\n')
    stopped = sum(case["finishReason"] == "stop" for case in cases)
    print(f"{len(cases)} cases, {stopped} of them ended by a stop id, {dropped} dropped for a tie")


if __name__ == "__main__":
    main()
