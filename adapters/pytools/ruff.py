"""Ruff: `check` for the lint, `format` for the layout."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, TypeAdapter
from session_mgmt_mcp.adapters.pytools.steps import (
    Answer,
    Checker,
    Job,
    Severity,
    crashed,
    found,
    misused,
    nothing,
    path_in,
)
from session_mgmt_mcp.ports.quality_runner import Aspect, Finding, Outcome

CHECK, FORMAT = "ruff check", "ruff format"
_NONE = "No Python files found"


class _Place(BaseModel):
    row: int


class _Diagnostic(BaseModel):
    code: str | None
    filename: str
    location: _Place
    message: str
    severity: str = "error"


_DIAGNOSTICS = TypeAdapter(list[_Diagnostic])


def _check(job: Job) -> Sequence[str]:
    # --no-fix: a project may have set `fix = true`
    written = ("--output-format=json", f"--output-file={_report(job)}")
    return ["check", "--no-fix", *written, "--", *(job.targets or ["."])]


def _read_check(job: Job, code: int, printed: str) -> Answer:
    if code == 2:
        return misused(printed, "ruff", "Cause:", "error:")
    if code not in (0, 1):
        return crashed(printed, "ruff", code)
    if _NONE in printed:
        return nothing("There is no Python file to look at.")
    diagnostics = _DIAGNOSTICS.validate_json(_report(job).read_bytes())
    return found([_finding(CHECK, Aspect.LINT, one, job) for one in diagnostics])


def _format(job: Job) -> Sequence[str]:
    how = [] if job.rewrite else ["--check", "--output-format=json-lines"]
    return ["format", *how, "--", *(job.targets or ["."])]


def _read_format(job: Job, code: int, printed: str) -> Answer:
    if _NONE in printed:
        return nothing("There is no Python file to look at.")
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    findings = [_finding(FORMAT, Aspect.FORMAT, _Diagnostic.model_validate_json(line), job) for line in lines]
    findings += [_unparsed(line, job) for line in printed.splitlines() if line.startswith("error: Failed to parse ")]
    if findings or code == 0:
        return found(findings)
    if code == 2:
        return misused(printed, "ruff", "Cause:", "error:")
    if code == 1:
        return Answer(Outcome.CRASH, "ruff format found something, but did not say what: run it by hand.")
    return crashed(printed, "ruff", code)


def _unparsed(line: str, job: Job) -> Finding:
    place, _, message = line.removeprefix("error: Failed to parse ").partition(": ")
    file, *at = place.split(":")
    row = int(at[0]) if at and at[0].isdigit() else None
    return Finding(FORMAT, Aspect.FORMAT, "invalid-syntax", path_in(job.folder, file), row or None, message)


def _finding(step: str, aspect: Aspect, one: _Diagnostic, job: Job) -> Finding:
    severity: Severity = "warning" if one.severity == "warning" else "error"
    file = path_in(job.folder, one.filename)
    return Finding(step, aspect, one.code or "invalid-syntax", file, one.location.row or None, one.message, severity)


def _report(job: Job) -> Path:
    return job.own / "ruff.json"


LINTING = Checker(CHECK, "ruff", "ruff", Aspect.LINT, _check, _read_check)
FORMATTING = Checker(FORMAT, "ruff", "ruff", Aspect.FORMAT, _format, _read_format, told=False)
