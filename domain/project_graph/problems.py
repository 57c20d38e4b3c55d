"""Problems that more than one project has had: errors that say the same but for numbers, paths and times. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.runs.error_patterns import normalised, telling_line
from session_mgmt_mcp.ports.vector_store import Record

_EXIT = re.compile(r"\A\s*(?:Error: )?Exit code \d+\s*(?:\n|\Z)")
_TELLING = re.compile(
    r"^.*(?:[A-Z]\w{0,80}(?:Error|Exception)\b|\berror\b|\bERR!|\bfatal\b|\bpanic\b|not found|No such|denied|[Cc]annot|undefined"
    r"|refused|timed out|E[A-Z]{4,20}\b|\bE\d{4}\b|--- FAIL).*$",
    re.MULTILINE,
)
_WORD = re.compile(r"(?<![\w'\"`])(['\"`])([A-Za-z_@][A-Za-z_./@-]{0,40})\1(?![\w'\"`])")
_RULE = re.compile(r"[A-Z]{1,4}\d{3,5}|(?!panic|fatal|timeout)[a-z][a-z0-9-]+")
_PLACE = re.compile(r"\A\s*[^\s:(]+(?::\d+){1,2}:?\s+|\A\s*[^\s:(]+\(\d+(?:,\d+)?\):\s+")  # where a compiler says it is
_PLACEHOLDER = re.compile(r"<\w+>")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_PATH = re.compile(r"[./]")
LINES = 20  # telling ones of an error that are looked at
SAYS_LITTLE = frozenset(
    [
        "error",
        "errors",
        "err",
        "exit",
        "code",
        "failed",
        "fail",
        "failing",
        "exception",
        "traceback",
        "assertionerror",
        "assert",
        "status",
        "task",
        "target",
        "recipe",
        "make",
        "npm",
        "test",
        "tests",
        "lint",
        "fmt",
        "format",
        "build",
        "check",
        "ci",
    ]
)
"""Words of wrappers that only say that something failed."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One error of one project."""

    record: Record
    project: str  # as in the neighbourhood
    name: str
    problem: str  # the same for what is the same


@dataclass(frozen=True, slots=True)
class SharedProblem:
    """An error that several projects have had; occurrences oldest first."""

    text: str
    name: str
    occurrences: Sequence[Occurrence]
    recent: int  # in the time asked for

    @property
    def projects(self) -> Mapping[str, int]:
        """How often in each, most often first."""
        counts: dict[str, int] = {}
        for one in self.occurrences:
            counts[one.project] = counts.get(one.project, 0) + 1
        return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))

    @property
    def last(self) -> datetime:
        return self.occurrences[-1].record.time


def occurrences(record: Record, project: str) -> list[Occurrence]:
    """The problems that an error tells of: one a rule of a linter or code of a compiler, else one in all.

    None of what says too little to be recognised elsewhere, or is of the assistant's own tools, which every project has.
    """
    call = record.metadata.get("call")
    if isinstance(call, Mapping) and not call.get("command"):
        return []
    error = _error(record)
    names = [fact.removeprefix("error:") for fact in record.facts if fact.startswith("error:")]
    rules = [name for name in names if _RULE.fullmatch(name) and name in error]
    if rules:
        return [Occurrence(record, project, rule, rule) for rule in rules]
    problem = problem_of(error)
    return [Occurrence(record, project, names[0] if names else "", problem)] if problem else []


def problem_of(error: str) -> str:
    """The first telling line without numbers, paths, times and long values; empty when none says more than that it failed.

    Unlike in the tests of one project a short name in quotes stays: a missing key is another problem than another one.

    >>> problem_of("Exit code 1\\nKeyError: 'total'"), problem_of("Exit code 1\\n3 failed")
    ('KeyError: total', '')
    """
    text = _EXIT.sub("", error)
    told = [telling_line(text)] if "\nE   " in f"\n{text}" or "Traceback (" in text else []
    lines = chain(told, islice((match[0] for match in _TELLING.finditer(text)), LINES), [telling_line(text)])
    problems = (normalised(_WORD.sub(_unquoted, _PLACE.sub("<path>: ", line))) for line in lines)
    return next(filter(_tells, problems), "")


def shared(occurrences: Sequence[Occurrence], since: datetime) -> list[SharedProblem]:
    """Of at least two projects, and of `since` at least once: those of most projects first, then the most frequent lately."""
    by_problem: dict[str, list[Occurrence]] = {}
    for one in occurrences:
        by_problem.setdefault(one.problem, []).append(one)
    found = []
    for text, some in by_problem.items():
        some.sort(key=lambda one: (one.record.time, one.record.id))
        recent = sum(one.record.time >= since for one in some)
        if recent and len({one.project for one in some}) > 1:
            found.append(SharedProblem(text, next((one.name for one in some if one.name), ""), some, recent))
    return sorted(found, key=lambda one: (-len(one.projects), -one.recent, -one.last.timestamp(), one.text))


def _error(record: Record) -> str:
    call = record.metadata.get("call")
    if isinstance(call, Mapping):
        return str(call.get("error") or "")
    return record.text.partition("\n")[2] if record.kind == Kind.QUALITY else record.text


def _tells(problem: str) -> bool:
    words = (word.lower() for word in _LETTERS.findall(_PLACEHOLDER.sub(" ", problem)))
    return any(word not in SAYS_LITTLE for word in words)


def _unquoted(match: re.Match[str]) -> str:
    return match[0] if _PATH.search(match[2]) else match[2]
