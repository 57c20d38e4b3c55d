"""Failures that say the same but for a number, a name or a place."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from session_mgmt_mcp.domain.failures import error_names
from session_mgmt_mcp.domain.runs.seen import Record

LONGEST = 200  # characters of a pattern
_READ = 400  # characters of a line
_VARYING = re.compile(
    r"""
    (?P<uuid>\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b)
  | (?P<time>\b\d{4}-\d\d-\d\d(?:[T\ ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?\b | \b\d\d:\d\d:\d\d(?:[.,]\d+)?\b)
  | (?P<value>(?<!\w)[bBfFrRuU]{0,2}'(?:[^'\\]|\\.)*'(?!\w) | (?<!\w)[bBfFrRuU]{0,2}"(?:[^"\\]|\\.)*"(?!\w))
  | (?P<path>(?<![\w<])(?:[A-Za-z]:)?[\w.~@+-]*(?:[/\\][\w.@+-]+)+[/\\]?(?::\d+)*)
  | (?P<hex>\b0x[0-9a-f]+\b | \b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b)
  | (?P<number>(?<!\w)[-+]?\d[\d_]*(?:[.,]\d+)*(?:e[-+]?\d+)?)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TOLD = re.compile(r"^E {1,7}(\S.*)$", re.MULTILINE)  # where pytest says what went wrong
_TRACEBACK = "Traceback (most recent call last)"
_NAMED = re.compile(r"^\s*((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning)\b.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pattern:
    """`text` with placeholders for what varies; `name`: what the error is called, empty where it has no name."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Failures of one pattern. `tests`: how often each failed so, the most often first; `example`: the newest message."""

    pattern: Pattern
    count: int
    tests: Sequence[tuple[str, int]]
    runs: int
    first: datetime
    last: datetime
    example: str


def pattern_of(message: str) -> Pattern:
    """What a failure says without numbers, hex, paths, quoted values, uuids and times.

    >>> pattern_of("KeyError: 'total'").text
    'KeyError: <value>'
    """
    line = telling_line(message)
    bare = ("AssertionError",) if line.startswith("assert ") else ()  # pytest leaves the name out
    names = error_names(line) or bare or error_names(message)
    return Pattern(names[0] if names else "", normalised(line))


def normalised(line: str) -> str:
    flat = " ".join(line[:_READ].split())
    return _VARYING.sub(lambda match: f"<{match.lastgroup}>", flat)[:LONGEST].rstrip()


def telling_line(message: str) -> str:
    """The line that says what went wrong: pytest's first, of a traceback the last that begins with an exception, else the first."""
    told = _TOLD.search(message)
    if told:
        return told[1]
    named = _NAMED.findall(message) if _TRACEBACK in message else []
    if named:
        return str(named[-1])
    return next((line.strip() for line in message.splitlines() if line.strip()), "")


def clusters(record: Record) -> list[Cluster]:
    """The failures of some runs, those of one pattern together, the most frequent first."""
    patterns: dict[str, Pattern] = {}
    members: dict[Pattern, list[tuple[int, str, str]]] = {}
    for (at, test), message in record.messages.items():
        pattern = patterns.get(message)
        if pattern is None:
            pattern = patterns[message] = pattern_of(message)
        members.setdefault(pattern, []).append((at, test, message))
    found = [_cluster(record, pattern, failures) for pattern, failures in members.items()]
    return sorted(found, key=lambda one: (-one.count, -one.last.timestamp(), one.pattern.text))


def _cluster(record: Record, pattern: Pattern, failures: Sequence[tuple[int, str, str]]) -> Cluster:
    """`failures` in order of the runs."""
    tests = Counter(test for _, test, _ in failures)
    ordered = sorted(tests.items(), key=lambda one: (-one[1], one[0]))
    places = {at for at, _, _ in failures}
    first, last = record.runs[min(places)].at, record.runs[max(places)].at
    return Cluster(pattern, len(failures), ordered, len(places), first, last, failures[-1][2])
