"""What is held for a prompt against real tokenizers: `python -m benchmarks.prompt_tokens [TRANSCRIPTS]`, figures as JSON."""

import json
import random
import string
import sys
from collections.abc import Iterator
from pathlib import Path

from session_mgmt_mcp.domain.llm.budget import estimated
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.ports.llm_provider import Message, Prompt, Role

from tests.integration.tokenizers import most_tokens

HERE = Path(__file__).resolve().parent.parent
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466\U0001f1e9\U0001f1ea\U0001f44d\U0001f3fd"
PIECES, LENGTH = 50, 300  # texts of a kind, and characters of each

_random = random.Random(7)


def texts(transcripts: Path | None) -> dict[str, list[str]]:
    drawn = {
        "rare Chinese": range(0x4E00, 0x9FFF),
        "kana": range(0x3041, 0x30FF),
        "Hangul": range(0xAC00, 0xD7A3),
        "Cyrillic": range(0x430, 0x44F),
        "emoji": range(0x1F300, 0x1F6FF),
        "runes and Ethiopic": [*range(0x16A0, 0x16EA), *range(0x1200, 0x137C)],
        "base64": [ord(letter) for letter in string.ascii_letters + string.digits + "+/"],
        "hexadecimal": [ord(digit) for digit in "0123456789abcdef"],
        "digits": [ord(digit) for digit in string.digits],
        "punctuation": [ord(mark) for mark in string.punctuation],
    }
    return {
        **({"conversations": list(said(transcripts))} if transcripts else {}),
        "Python": [path.read_text() for path in sorted(HERE.glob("domain/**/*.py"))],
        "numbers": [", ".join(str(_random.randrange(100)) for _ in range(LENGTH)) for _ in range(PIECES)],
        "joined emoji": [FAMILY * 30],
        **{
            kind: ["".join(chr(_random.choice(of)) for _ in range(LENGTH)) for _ in range(PIECES)]
            for kind, of in drawn.items()
        },
    }


def said(folder: Path) -> Iterator[str]:
    """Each text of each message in Claude Code's transcripts."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(errors="replace").splitlines():
            message = json.loads(line).get("message") if line.startswith("{") else None
            content = message.get("content") if isinstance(message, dict) else None
            blocks = [{"text": content}] if isinstance(content, str) else content if isinstance(content, list) else []
            yield from (
                block["text"] for block in blocks if isinstance(block, dict) and len(block.get("text", "")) > 40
            )


def figures(some: list[str]) -> dict[str, float]:
    """Each guess over the most that one of the tokenizers counts: of all texts, and the lowest of one text."""
    real = [most_tokens(text) for text in some]
    guesses = {
        "half_the_bytes": [len(text.encode()) / 2 for text in some],
        "domain_tokens": [float(tokens(text)) for text in some],
        "held": [float(estimated(Prompt((Message(Role.USER, text),), "any", 1)).input_tokens) for text in some],
    }
    shares = {
        name: (sum(guess) / sum(real), min(one / of for one, of in zip(guess, real, strict=True)))
        for name, guess in guesses.items()
    }
    told = {
        f"{name}{part}": round(share, 2)
        for name, both in shares.items()
        for part, share in zip(("", "_lowest"), both, strict=True)
    }
    return {
        "texts": len(some),
        "bytes_per_token": round(sum(len(text.encode()) for text in some) / sum(real), 2),
        **told,
    }


if __name__ == "__main__":
    transcripts = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    print(json.dumps({kind: figures(some) for kind, some in texts(transcripts).items()}, indent=1))
