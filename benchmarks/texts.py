"""Invented developer talk: the same seed gives the same words on every machine."""

import random

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
