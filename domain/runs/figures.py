"""What a run measured, as evidence for the score: percent, more is better."""

from collections.abc import Mapping

from session_mgmt_mcp.domain.quality.evidence import ERROR_COSTS, WARNING_COSTS, Measured, Metric
from session_mgmt_mcp.domain.runs.records import MOST_FINDINGS
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.ports.quality_runner import Aspect, StepStatus

_CLEAN = {Metric.LINT: Aspect.LINT, Metric.TYPES: Aspect.TYPES}
LOOKED = (StepStatus.PASSED, StepStatus.FAILED)


def figures(run: Run, sources: int) -> Mapping[Metric, Measured]:
    """Of a run that looked at the whole project, which has so many source files that its tools can read.

    Lint and types: the share of source files without a finding. Complexity: the share of functions within the tool's
    limit. Security: 100 less what errors and warnings cost, as for reports on the disk. What no step looked at, or one of its steps
    did not come to an end, is left out.
    """
    if not run.whole:
        return {}
    found = {metric: _clean(run, aspect, sources) for metric, aspect in _CLEAN.items()}
    found |= {Metric.SECURITY: _security(run), Metric.COVERAGE: _coverage(run), Metric.COMPLEXITY: _complexity(run)}
    source = f"{run.report.runner} {run.command} run {run.id}"
    return {
        metric: Measured(percent, source, run.at, figure)
        for metric, one in found.items()
        if one is not None
        for percent, figure in [one]
    }


def looked_at(run: Run, aspect: Aspect) -> bool:
    """Whether all the steps of the aspect that were there came to their end, and one was."""
    of_it = [
        step.status for step in run.report.steps if step.aspect is aspect and step.status is not StepStatus.MISSING
    ]
    ended = [status for status in of_it if status is not StepStatus.SKIPPED]
    return bool(ended) and all(status in LOOKED for status in ended)


def _clean(run: Run, aspect: Aspect, sources: int) -> tuple[float, str] | None:
    if not sources or not looked_at(run, aspect):
        return None
    files = {one.file for one in run.report.findings if one.aspect is aspect}
    located = sum(one.aspect is aspect for one in run.report.findings)
    told = sum(step.findings for step in run.report.steps if step.aspect is aspect)
    unplaced = max(0, told - located) if len(run.report.findings) < MOST_FINDINGS else 0  # else cut, but of known files
    faulty = min(sources, len(files) + unplaced)
    return 100 * (1 - faulty / sources), f"findings in {faulty:,} of {sources:,} source files"


def _security(run: Run) -> tuple[float, str] | None:
    if not looked_at(run, Aspect.SECURITY):
        return None
    of_it = [one.severity for one in run.report.findings if one.aspect is Aspect.SECURITY]
    told = sum(step.findings for step in run.report.steps if step.aspect is Aspect.SECURITY)
    errors, warnings = of_it.count("error") + max(0, told - len(of_it)), of_it.count("warning")
    percent = max(0.0, 100 - ERROR_COSTS * errors - WARNING_COSTS * warnings)
    return percent, f"{errors} errors and {warnings} warnings"


def _coverage(run: Run) -> tuple[float, str] | None:
    lines = run.report.lines_run
    if lines is None or not lines.total or not (run.collected and looked_at(run, Aspect.TESTS)):
        return None
    return lines.percent, f"{lines.percent:.0f} % of {lines.total:,} lines run by tests"


def _complexity(run: Run) -> tuple[float, str] | None:
    found = run.report.complexity
    if found is None or not found.functions:
        return None
    return 100 * (1 - found.over / found.functions), (
        f"{found.over:,} of {found.functions:,} functions over the limit of {found.limit}"
    )
