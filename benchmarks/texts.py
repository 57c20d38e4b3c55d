"""Invented developer talk: the same seed gives the same words on every machine."""

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

_VERBS = [
    "fix",
    "reset",
    "rename",
    "cache",
    "retry",
    "parse",
    "merge",
    "revert",
    "deploy",
    "index",
    "lock",
    "drain",
    "import",
    "redact",
    "measure",
    "profile",
]
_NOUNS = [
    "hub",
    "socket",
    "parser",
    "ledger",
    "embedding",
    "transcript",
    "worktree",
    "migration",
    "lockfile",
    "session",
    "reminder",
    "token",
    "branch",
    "schema",
    "query",
    "vector",
    "handoff",
    "spool",
    "checkpoint",
    "registry",
    "pipeline",
    "fixture",
    "webhook",
    "scheduler",
    "tokenizer",
    "snapshot",
]
_STATES = [
    "stale",
    "slow",
    "flaky",
    "missing",
    "locked",
    "empty",
    "corrupt",
    "duplicated",
    "quoted",
    "truncated",
    "idle",
    "green",
    "red",
]
_TEMPLATES = (
    "Please {verb} the {noun}, it is {state} since the last {noun2}.",
    "The {noun} in {file} was {state}, so I had to {verb} the {noun2} first.",
    "Test {test} fails: expected {number}, got {number2}; the {noun} is {state}.",
    "We decided to {verb} every {noun} before the {noun2} starts, because {name} found it {state}.",
    "How do I {verb} a {noun} when the {noun2} is {state}?",
    "Running `{verb} --{noun} {number}` took {number2} ms and left the {noun2} {state}.",
)
_NAMES = ["Ada", "Grace", "Linus", "Barbara", "Ken", "Margaret", "Dennis", "Radia"]
_SYLLABLES = ["ka", "ri", "mo", "te", "lu", "san", "vor", "bel", "nix", "tor", "qua", "zen", "fi", "dra", "pol", "mer"]
_START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def word(rng: random.Random) -> str:
    """One of about 70,000 names, most of them rare, as identifiers are."""
    return "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4)))


def sentence(rng: random.Random) -> str:
    return rng.choice(_TEMPLATES).format(
        verb=rng.choice(_VERBS),
        noun=rng.choice(_NOUNS),
        noun2=rng.choice(_NOUNS),
        state=rng.choice(_STATES),
        name=rng.choice(_NAMES),
        file=f"{word(rng)}/{word(rng)}.py",
        test=f"test_{word(rng)}_{word(rng)}",
        number=rng.randint(1, 9_999),
        number2=rng.randint(1, 9_999),
    )


def message(rng: random.Random) -> str:
    """One to twelve sentences, mostly few: about 45 words."""
    return " ".join(sentence(rng) for _ in range(min(12, 1 + int(rng.expovariate(0.4)))))


def messages(count: int, seed: int = 7) -> list[str]:
    rng = random.Random(seed)
    return [message(rng) for _ in range(count)]


def questions(count: int, seed: int = 11) -> list[str]:
    """One sentence each."""
    rng = random.Random(seed)
    return [sentence(rng) for _ in range(count)]


def write_transcripts(folder: Path, sessions: int, turns: int, seed: int = 7) -> int:
    """`sessions` files as Claude Code leaves them, in one project; bytes written."""
    rng = random.Random(seed)
    project = folder / "-home-dev-shop"
    project.mkdir(parents=True)
    for _ in range(sessions):
        session = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        lines = (json.dumps(line, separators=(",", ":")) for line in _lines(rng, session, turns))
        (project / f"{session}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sum(file.stat().st_size for file in project.iterdir())


def _lines(rng: random.Random, session: str, turns: int) -> Iterator[dict[str, object]]:
    """A prompt, an answer, a tool call with its result, and, as in real files, more bytes of noise than of talk."""
    time, parent = _START + timedelta(minutes=rng.randint(0, 200_000)), None
    for turn in range(turns):
        call = f"toolu_{rng.getrandbits(64):016x}"
        path = f"/home/dev/shop/{word(rng)}/{word(rng)}.py"
        for kind, content in (
            ("user", message(rng)),
            ("assistant", [{"type": "text", "text": message(rng)}]),
            ("assistant", [{"type": "tool_use", "id": call, "name": "Edit", "input": {"file_path": path}}]),
            ("user", [{"type": "tool_result", "tool_use_id": call, "content": f"The file {path} was updated."}]),
            ("progress", [{"output": message(rng) * 4}]),
        ):
            time += timedelta(seconds=rng.randint(1, 90))
            line_id = str(uuid.UUID(int=rng.getrandbits(128), version=4))
            line: dict[str, object] = {
                "parentUuid": parent,
                "isSidechain": False,
                "userType": "external",
                "cwd": "/home/dev/shop",
                "sessionId": session,
                "version": "2.1.330",
                "gitBranch": "main",
                "type": kind,
                "uuid": line_id,
                "timestamp": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            }
            if kind == "progress":
                line["data"] = {"type": "bash_progress", "content": content}
            else:
                line["message"] = {"role": kind, "content": content}
                if kind == "assistant":
                    line["message"] = {"id": f"msg_{session[:8]}_{turn}", "role": kind, "content": content}
            parent = line_id
            yield line
