"""complexipy: the cognitive complexity of each function that is no test."""

import ast
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, TypeAdapter
from session_mgmt_mcp.adapters.pytools.kept_out import is_kept_out
from session_mgmt_mcp.adapters.pytools.steps import Answer, Checker, Job, crashed, found, misused, nothing, path_in
from session_mgmt_mcp.ports.quality_runner import Aspect, Complexity, Finding

LIMIT = 15
"""Over which complexipy itself complains, unless the project has set another."""


class _Function(BaseModel):
    complexity: int
    function_name: str  # Class::method
    path: str


_FUNCTIONS = TypeAdapter(list[_Function])


def limit_of(job: Job) -> int:
    limit = job.config.get("complexipy", {}).get("max-complexity-allowed", LIMIT)
    return limit if type(limit) is int and limit >= 0 else LIMIT


def _argv(job: Job) -> Sequence[str]:
    limit = f"--max-complexity-allowed={limit_of(job)}"
    written = ["--output-format=json", f"--output={_report(job)}"]
    return ["--quiet", "--color=no", limit, *written, "--", *(job.targets or ["."])]


def _read(job: Job, code: int, printed: str) -> Answer:
    if code == 2:
        return misused(printed, "complexipy", "error:", "Error")
    if code not in (0, 1):
        return crashed(printed, "complexipy", code)
    told = [
        (one, file)
        for one in _FUNCTIONS.validate_json(_report(job).read_bytes())
        if (file := path_in(job.folder, one.path)) and (job.explicit or not is_kept_out(file))
    ]
    if not told:
        return nothing("There is no function to look at.")
    limit = limit_of(job)
    findings = [_finding(one, file, limit, job) for one, file in told if one.complexity > limit]
    most, where = max(told, key=lambda pair: pair[0].complexity)
    worst = f"{where}::{most.function_name}"
    answer = found(findings)
    return Answer(
        answer.outcome,
        findings=findings,
        complexity=Complexity(len(told), len(findings), limit, worst, most.complexity),
    )


def _finding(one: _Function, file: str, limit: int, job: Job) -> Finding:
    message = f"{one.function_name} has a cognitive complexity of {one.complexity}, more than {limit}."
    line = line_of(job.folder / file, one.function_name)
    return Finding("complexipy", Aspect.COMPLEXITY, "cognitive-complexity", file, line, message)


def line_of(file: Path, name: str) -> int | None:
    """Where a function stands, which complexipy does not say; None when our Python cannot read the file."""
    try:
        body: Sequence[ast.AST] = ast.parse(file.read_bytes()).body
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None
    line = None
    for part in name.split("::"):
        named = (node for top in body for node in ast.walk(top) if getattr(node, "name", None) == part)
        node = next(
            (one for one in named if isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)), None
        )
        if node is None:
            return None
        line, body = node.lineno, node.body
    return line


def _report(job: Job) -> Path:
    return job.own / "complexipy.json"


COMPLEXIPY = Checker("complexipy", "complexipy", "complexipy", Aspect.COMPLEXITY, _argv, _read)
