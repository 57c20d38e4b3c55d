"""Bandit. Tests are left out, unless the project says by its own configuration what to look at."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel
from session_mgmt_mcp.adapters.pytools.kept_out import FOLDERS, is_kept_out
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

# Parts of paths; its own walk would read whole environments and caches.
_EXCLUDED = ("*/.*", *sorted(f"/{name}/" for name in FOLDERS if not name.startswith(".")))


class _Issue(BaseModel):
    filename: str
    line_number: int
    test_id: str
    issue_text: str
    issue_severity: str


class _Unread(BaseModel):
    filename: str
    reason: str


class _Report(BaseModel):
    results: list[_Issue]
    errors: list[_Unread]
    metrics: dict[str, object]


def _argv(job: Job) -> Sequence[str]:
    config = ["--configfile=pyproject.toml"] if "bandit" in job.config else []
    kept_out = [] if job.explicit else [f"--exclude={','.join(_EXCLUDED)}"]
    written = ["--format=json", f"--output={_report(job)}"]
    return ["--recursive", "--quiet", *config, *kept_out, *written, "--", *(job.targets or job.places)]


def _read(job: Job, code: int, printed: str) -> Answer:
    if code == 2:
        return misused(printed, "bandit", "ERROR", "error:")
    if code not in (0, 1):
        return crashed(printed, "bandit", code)
    report = _Report.model_validate_json(_report(job).read_bytes())
    if set(report.metrics) <= {"_totals"} and not report.errors:
        return nothing("There is no Python file to look at.")
    unread = ", ".join(sorted(path_in(job.folder, one.filename) for one in report.errors))[:300]
    findings = [_finding(one, job) for one in report.results]
    tests = "bandit" not in job.config
    told = [one for one in findings if job.explicit or not is_kept_out(one.file, tests=tests)]
    return found(told, f"It could not read {unread}." if unread else "")


def _finding(one: _Issue, job: Job) -> Finding:
    severity: Severity = "error" if one.issue_severity == "HIGH" else "warning"
    file = path_in(job.folder, one.filename)
    return Finding("bandit", Aspect.SECURITY, one.test_id, file, one.line_number or None, one.issue_text, severity)


def _report(job: Job) -> Path:
    return job.own / "bandit.json"


BANDIT = Checker("bandit", "bandit", "bandit", Aspect.SECURITY, _argv, _read)
