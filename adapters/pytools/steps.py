"""What a tool is to this runner: how it is called, and how its answer is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    Case,
    Complexity,
    Finding,
    LinesRun,
    Outcome,
    Step,
    StepStatus,
)

"""Findings of a step that are told one by one; all are counted."""

Severity: TypeAlias = Literal["error", "warning"]

_RANKS = (
    *(Outcome.CLEAN, Outcome.FINDINGS, Outcome.USAGE_ERROR),
    *(Outcome.CRASH, Outcome.TIMEOUT, Outcome.CANCELLED),
)
_STATUSES = {Outcome.CLEAN: StepStatus.PASSED, Outcome.FINDINGS: StepStatus.FAILED}


@dataclass(frozen=True, slots=True)
class Job:
    """One call of a tool. `targets` begin with `./`; none: the whole project."""

    folder: Path  # the project's, real
    own: Path  # an empty folder for what the tool writes
    targets: Sequence[str] = ()
    explicit: bool = False  # whether somebody named the targets
    places: Sequence[str] = (".",)  # the whole project, for a tool that knows of no file to be left out
    rewrite: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)  # [tool] of pyproject.toml
    python: Path | None = None  # the project's own interpreter


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool said. `skipped`: there was nothing for it to look at."""

    outcome: Outcome
    message: str = ""
    findings: Sequence[Finding] = ()
    complexity: Complexity | None = None
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """`package`: what to install to get it."""

    step: str
    program: str
    package: str
    aspect: Aspect


@dataclass(frozen=True, slots=True)
class Checker(Tool):
    """`argv` are its arguments; `read` is given its exit code and what it printed, and may raise ValueError or OSError."""

    argv: Callable[[Job], Sequence[str]]
    read: Callable[[Job, int, str], Answer]
    environment: Mapping[str, str] = field(default_factory=dict)
    told: bool = True  # whether what it prints is for people


@dataclass(frozen=True, slots=True)
class Part:
    """What came of one step."""

    step: Step
    outcome: Outcome
    ran: str = ""
    findings: Sequence[Finding] = ()
    cases: Sequence[Case] = ()
    lines_run: LinesRun | None = None
    complexity: Complexity | None = None


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """What a run comes to, by what its steps came to.

    >>> worst([Outcome.CLEAN, Outcome.FINDINGS])
    <Outcome.FINDINGS: 'findings'>
    """
    return max(outcomes, key=_RANKS.index, default=Outcome.CLEAN)


def part_of(tool: Tool, answer: Answer, seconds: float, ran: str) -> Part:
    status = StepStatus.SKIPPED if answer.skipped else _STATUSES.get(answer.outcome, StepStatus.CRASHED)
    step = Step(tool.step, tool.aspect, status, seconds, len(answer.findings), answer.message)
    return Part(step, answer.outcome, ran, answer.findings, complexity=answer.complexity)


def not_run(tool: Tool, status: StepStatus, why: str, outcome: Outcome = Outcome.CLEAN) -> Part:
    return Part(Step(tool.step, tool.aspect, status, message=why), outcome)


def path_in(folder: Path, name: str) -> str:
    """The path of a file from the project's folder; empty: it lies elsewhere."""
    path = Path(name) if Path(name).is_absolute() else folder / name
    try:
        return path.resolve().relative_to(folder).as_posix()
    except (ValueError, OSError):
        return ""


def first_line(printed: str, *marks: str) -> str:
    """The first line that has one of the marks, else the last that is not empty; at most 300 characters."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    marked = (line for line in lines if any(mark in line for mark in marks))
    return next(marked, lines[-1] if lines else "")[:300]


def misused(printed: str, tool: str, *marks: str) -> Answer:
    said = first_line(printed, *marks) or "nothing"
    return Answer(Outcome.USAGE_ERROR, f"{tool} did not understand its call or its configuration, and said: {said}")


def crashed(printed: str, tool: str, code: int) -> Answer:
    said = first_line(printed, "Error", "error") or "nothing"
    return Answer(Outcome.CRASH, f"{tool} ended with exit code {code}, and said: {said}")


def found(findings: Sequence[Finding], message: str = "") -> Answer:
    return Answer(Outcome.FINDINGS if findings else Outcome.CLEAN, message, findings)


def nothing(message: str) -> Answer:
    return Answer(Outcome.CLEAN, message, skipped=True)
