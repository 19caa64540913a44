"""tiktoken with the Llama 3 vocabulary on text files: `tiktoken_bench.py FOLDER PATTERN ROUNDS SECONDS`.

FOLDER holds tokenizer.model and one NAME.txt per corpus.
"""

import base64
import hashlib
import pathlib
import sys
import time

import tiktoken
from measure import measure, print_report, timed


def load(folder, pattern):
    lines = (folder / "tokenizer.model").read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
    return tiktoken.Encoding("llama3", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def main():
    folder, pattern, rounds, seconds = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    cpu, start = time.process_time(), time.perf_counter()
    encoding = load(folder, pattern)
    loaded = {"ms": (time.perf_counter() - start) * 1000, "cpuMs": (time.process_time() - cpu) * 1000}
    encode, decode = [], []
    for file in sorted(folder.glob("*.txt")):
        text = file.read_bytes().decode()
        ids = []
        cold, cold_cpu = timed(lambda text=text, ids=ids: ids.extend(encoding.encode_ordinary(text)))
        digest = hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()
        warm = measure(lambda text=text: encoding.encode_ordinary(text), rounds, seconds)
        size = len(text.encode())
        first = {"coldMs": cold, "coldCpuMs": cold_cpu, "digest": digest}
        encode.append({"corpus": file.stem, "bytes": size, "tokens": len(ids), **first, **warm})
        back = measure(lambda ids=ids: encoding.decode(ids), rounds, seconds)
        decode.append({"corpus": file.stem, "tokens": len(ids), "isSame": encoding.decode(ids) == text, **back})
    print_report({"version": f"tiktoken {tiktoken.__version__}", "load": loaded, "encode": encode, "decode": decode})


if __name__ == "__main__":
    main()
