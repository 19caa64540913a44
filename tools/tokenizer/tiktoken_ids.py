"""Ids by tiktoken for lines of JSON lists of texts on standard input: `tiktoken_ids.py RANK_FILE`."""

import base64
import json
import pathlib
import sys

import tiktoken

# meta-llama/llama3, llama/tokenizer.py
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def main():
    lines = pathlib.Path(sys.argv[1]).read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
    encoding = tiktoken.Encoding("llama3", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
    for line in sys.stdin:
        # tiktoken itself replaces lone surrogates by U+FFFD.
        print(json.dumps([encoding.encode_ordinary(text) for text in json.loads(line)]), flush=True)


if __name__ == "__main__":
    main()
