"""Pyright, which prints one JSON document."""

from collections.abc import Sequence

from pydantic import BaseModel
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
from session_mgmt_mcp.ports.quality_runner import Aspect, Finding

# Its Python package fetches the program itself when it is not there yet: nowhere to fetch it from.
_OFFLINE = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"),
    "npm_config_offline": "true",
    "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
}


class _Place(BaseModel):
    line: int  # from 0


class _Range(BaseModel):
    start: _Place


class _Diagnostic(BaseModel):
    file: str = ""
    severity: str
    message: str
    range: _Range | None = None
    rule: str = ""


class _Summary(BaseModel):
    filesAnalyzed: int  # noqa: N815 - as pyright writes it


class _Report(BaseModel):
    generalDiagnostics: list[_Diagnostic]  # noqa: N815 - as pyright writes it
    summary: _Summary


def _argv(job: Job) -> Sequence[str]:
    python = [f"--pythonpath={job.python}"] if job.python else []
    return ["--outputjson", *python, *job.targets]


def _read(job: Job, code: int, printed: str) -> Answer:
    if code in (3, 4):
        return misused(printed, "pyright", "could not", "rror", "Unexpected")
    if code not in (0, 1):
        return crashed(printed, "pyright", code)
    report = _Report.model_validate_json(printed[printed.find("{") : printed.rfind("}") + 1])
    if not report.summary.filesAnalyzed:
        return nothing("There is no Python file to look at.")
    return found([_finding(one, job) for one in report.generalDiagnostics if one.severity in ("error", "warning")])


def _finding(one: _Diagnostic, job: Job) -> Finding:
    line = one.range.start.line + 1 if one.range else None
    severity: Severity = "warning" if one.severity == "warning" else "error"
    return Finding("pyright", Aspect.TYPES, one.rule, path_in(job.folder, one.file), line, one.message, severity)


PYRIGHT = Checker("pyright", "pyright", "pyright", Aspect.TYPES, _argv, _read, _OFFLINE, told=False)
