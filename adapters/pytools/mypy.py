"""mypy, which prints one JSON object a line."""

from collections.abc import Sequence

from pydantic import BaseModel
from session_mgmt_mcp.adapters.pytools.steps import Answer, Checker, Job, crashed, found, misused, nothing, path_in
from session_mgmt_mcp.ports.quality_runner import Aspect, Finding


class _Message(BaseModel):
    file: str
    line: int
    message: str
    code: str | None
    severity: str


def _argv(job: Job) -> Sequence[str]:
    python = [f"--python-executable={job.python}"] if job.python else []
    # With a configuration that says what to look at, a target would be something else.
    says = set(job.config.get("mypy", {})) & {"files", "packages", "modules"}
    targets = job.targets or ([] if says else ["."])
    return ["--output=json", "--no-color-output", "--no-error-summary", *python, *(["--", *targets] if targets else [])]


def _read(job: Job, code: int, printed: str) -> Answer:
    if "There are no .py[i] files" in printed:
        return nothing("There is no Python file to look at.")
    if code not in (0, 1, 2):
        return crashed(printed, "mypy", code)
    messages = [_Message.model_validate_json(line) for line in printed.splitlines() if line.startswith("{")]
    errors = [one for one in messages if one.severity == "error"]
    findings = [
        Finding("mypy", Aspect.TYPES, one.code, path_in(job.folder, one.file), one.line, one.message)
        for one in errors
        if one.code and one.line >= 1
    ]
    if code == 2 and not findings:
        return misused("\n".join(one.message for one in errors) or printed, "mypy", "error:")
    if code == 1 and not findings:
        return crashed(printed, "mypy", code)
    return found(findings)


MYPY = Checker("mypy", "mypy", "mypy", Aspect.TYPES, _argv, _read, told=False)
