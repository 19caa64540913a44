"""A tokenizer of Python with the Llama 3 vocabulary: `tokenizer_bench.py NAME FOLDER PATTERN ROUNDS SECONDS`.

NAME is tiktoken or huggingface-tokenizers-rust. FOLDER holds tokenizer.model, tokenizer.json and one NAME.txt per corpus.
"""

import hashlib
import pathlib
import sys
import time

from measure import measure, print_report, summary, timed

SENTENCE = "How long does it take until the first ids are there?"
WARM_UP_CHARACTERS = 32_768


def tiktoken_loader(folder, pattern):
    import base64

    import tiktoken

    def load():
        lines = (folder / "tokenizer.model").read_bytes().splitlines()
        ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
        encoding = tiktoken.Encoding("llama3", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        return encoding.encode_ordinary, encoding.decode

    return f"tiktoken {tiktoken.__version__}", load


def huggingface_loader(folder, _pattern):
    import tokenizers

    def load():
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        return (lambda text: tokenizer.encode(text, add_special_tokens=False).ids), tokenizer.decode

    return f"tokenizers {tokenizers.__version__}", load


LOADERS = {"tiktoken": tiktoken_loader, "huggingface-tokenizers-rust": huggingface_loader}


def measure_fresh(load, texts, name, rounds, seconds):
    """First passes over a text in a warm process: each by a tokenizer that has read only other texts."""
    samples, start = [], time.perf_counter()
    while not samples or (len(samples) < rounds and time.perf_counter() - start < seconds):
        encode, _ = load()
        for other, text in texts.items():
            if other != name:
                encode(text[:WARM_UP_CHARACTERS])
        samples.append(timed(lambda encode=encode: encode(texts[name])))
    return summary(samples)


def main():
    name, folder, pattern, rounds, seconds = sys.argv[1:]
    folder, rounds, seconds = pathlib.Path(folder), int(rounds), float(seconds)
    cpu, start = time.process_time(), time.perf_counter()
    version, load = LOADERS[name](folder, pattern)
    encode, decode = load()
    encode(SENTENCE)
    loaded = {"ms": (time.perf_counter() - start) * 1000, "cpuMs": (time.process_time() - cpu) * 1000}
    texts = {file.stem: file.read_bytes().decode() for file in sorted(folder.glob("*.txt"))}
    encoded, decoded, fresh = [], [], []
    for key, text in texts.items():
        ids = []
        cold, cold_cpu = timed(lambda text=text, ids=ids: ids.extend(encode(text)))
        digest = hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()
        size = len(text.encode())
        common = {"corpus": key, "bytes": size, "tokens": len(ids)}
        warm = measure(lambda text=text: encode(text), rounds, seconds)
        encoded.append({**common, "coldMs": cold, "coldCpuMs": cold_cpu, "digest": digest, **warm})
        back = measure(lambda ids=ids: decode(ids), rounds, seconds)
        decoded.append({**common, "isSame": decode(ids) == text, **back})
    for key, text in texts.items():
        fresh.append({"corpus": key, "bytes": len(text.encode()), **measure_fresh(load, texts, key, rounds, seconds)})
    print_report({"version": version, "load": loaded, "encode": encoded, "fresh": fresh, "decode": decoded})


if __name__ == "__main__":
    main()
