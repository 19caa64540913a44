"""llama.cpp through llama-cpp-python's low-level functions: loading, reading and writing token ids, memory."""

import ctypes
import time

import llama_cpp as lib
import numpy as np
from measure import MemoryWatch, measure, measure_steps, parse_options, print_report

BATCH = 2048
PHYSICAL_BATCH = 512


class Engine:
    def __init__(self, path, threads, positions):
        lib.llama_log_set(QUIET, ctypes.c_void_p(0))
        lib.llama_backend_init()
        self.model = lib.llama_model_load_from_file(path.encode(), lib.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {path}")
        params = lib.llama_context_default_params()
        params.n_ctx = positions
        params.n_batch = BATCH
        params.n_ubatch = PHYSICAL_BATCH
        params.n_threads = threads
        params.n_threads_batch = threads
        self.context = lib.llama_init_from_model(self.model, params)
        self.vocabulary = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(self.model))
        self.batch = lib.llama_batch_init(BATCH, 0, 1)
        self.length = 0

    def append(self, ids):
        """Adds ids; logits of the last one only."""
        for begin in range(0, len(ids), BATCH):
            part = ids[begin : begin + BATCH]
            self.batch.n_tokens = len(part)
            for index, token in enumerate(part):
                self.batch.token[index] = token
                self.batch.pos[index] = self.length + index
                self.batch.n_seq_id[index] = 1
                self.batch.seq_id[index][0] = 0
                self.batch.logits[index] = begin + index == len(ids) - 1
            if lib.llama_decode(self.context, self.batch) != 0:
                raise SystemExit("llama_decode failed")
            self.length += len(part)

    def best(self):
        """The id with the highest score; also waits for the result."""
        scores = np.ctypeslib.as_array(lib.llama_get_logits_ith(self.context, -1), (self.vocabulary,))
        token = int(scores.argmax())
        assert np.isfinite(scores[token]), "the model computes no finite scores"
        return token

    def truncate(self, length):
        lib.llama_memory_seq_rm(lib.llama_get_memory(self.context), 0, length, -1)
        self.length = length


@lib.llama_log_callback
def QUIET(_level, _text, _data):
    pass


def random_ids(rng, count, vocabulary):
    return [int(token) for token in rng.integers(0, min(vocabulary, 128_000), count)]


def bench_prefill(engine, rng, tokens, options):
    ids = random_ids(rng, tokens, engine.vocabulary)

    def work():
        engine.truncate(0)
        engine.append(ids)
        engine.best()

    return {"tokens": tokens, **measure(work, options.rounds, options.seconds)}


def bench_decode(engine, rng, context, options):
    if context < engine.length:
        engine.truncate(0)
    engine.append(random_ids(rng, context - engine.length, engine.vocabulary))
    token = engine.best()

    def step():
        nonlocal token
        engine.append([token])
        token = engine.best()

    result = {"context": context, **measure_steps(step, options)}
    engine.truncate(context)
    return result


def main():
    options = parse_options(__doc__, ("--model", {"required": True}))
    rng = np.random.default_rng(1)
    positions = max([512, *options.prefill, *(context + options.new_tokens + 2 for context in options.decode)])
    cpu, start = time.process_time(), time.perf_counter()
    engine = Engine(options.model, options.threads, positions)
    load = {"ms": (time.perf_counter() - start) * 1000, "cpuMs": (time.process_time() - cpu) * 1000}
    memory = MemoryWatch()
    loaded = memory.look()
    prefill = []
    for tokens in options.prefill:
        prefill.append(bench_prefill(engine, rng, tokens, options))
        memory.look()
    engine.truncate(0)
    decode = []
    for context in sorted(set(options.decode)):
        decode.append(bench_decode(engine, rng, context, options))
        memory.look()
    print_report(
        {
            "version": f"llama-cpp-python {lib.__version__}, {lib.llama_print_system_info().decode()}",
            "load": load,
            "encode": [],
            "prefill": prefill,
            "decode": decode,
            "memory": memory.report(loaded),
        }
    )


if __name__ == "__main__":
    main()
