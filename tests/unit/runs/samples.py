"""Runs by the piece."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from session_mgmt_mcp.domain.runs.run import Run, Tree
from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    Case,
    CaseStatus,
    Command,
    Finding,
    Options,
    Outcome,
    RunReport,
    Step,
    StepStatus,
)

START = datetime(2026, 6, 1, 9, tzinfo=UTC)
ASPECTS = {
    Command.TEST: Aspect.TESTS,
    Command.LINT: Aspect.LINT,
    Command.CHECK: Aspect.TYPES,
    Command.FORMAT: Aspect.FORMAT,
    Command.SECURITY: Aspect.SECURITY,
    Command.COMPLEXITY: Aspect.COMPLEXITY,
}


def tree(**differing: str) -> Tree:
    return Tree("c0ffee", differing)


def step(command: Command, findings: int = 0, status: StepStatus | None = None) -> Step:
    name = {Command.TEST: "pytest", Command.LINT: "ruff", Command.CHECK: "mypy"}.get(command, str(command))
    return Step(name, ASPECTS[command], status or (StepStatus.FAILED if findings else StepStatus.PASSED), 1.0, findings)


def cases(failed: Mapping[str, str] | None = None, passed: Sequence[str] = ()) -> list[Case]:
    bad = [Case(test, CaseStatus.FAILED, message=said) for test, said in (failed or {}).items()]
    return bad + [Case(test, CaseStatus.PASSED) for test in passed]


def run(at: float = 0, command: Command = Command.TEST, count: int = 0, /, **other: Any) -> Run:
    """The run that began `at` hours after the start; what is no field of a Run is one of its report."""
    told = {name: other.pop(name) for name in tuple(other) if name in RunReport.__dataclass_fields__}
    steps = told.pop("steps", [step(command, count)] if command in ASPECTS else [])
    outcome = Outcome.FINDINGS if any(one.status is StepStatus.FAILED for one in steps) else Outcome.CLEAN
    report = RunReport(**{"runner": "pytools", "version": "1", "command": command, "outcome": outcome,
                          "seconds": 10.0, "steps": steps} | told)  # fmt: skip
    facts = {"id": f"r{at:g}", "project": "shop", "session": "s1", "options": Options()} | other
    return Run(at=START + timedelta(hours=at), report=report, **facts)


def of_tests(
    at: float = 0, /, failed: Mapping[str, str] | None = None, passed: Sequence[str] = (), **other: Any
) -> Run:
    """A run of tests; `failed` with their messages."""
    return run(at, Command.TEST, len(failed or {}), cases=cases(failed, passed), **other)


def finding(file: str, rule: str = "F821", command: Command = Command.LINT, line: int = 1) -> Finding:
    return Finding(step(command).name, ASPECTS[command], rule, file, line, f"{rule} in line {line}")
