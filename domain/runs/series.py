"""What runs measured, over time: each figure from those runs that say something about it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from session_mgmt_mcp.domain.runs.figures import looked_at
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.ports.quality_runner import Aspect, CaseStatus, StepStatus


class Metric(StrEnum):
    """A figure of a run."""

    COVERAGE = "coverage"  # % of the lines that could run
    LINT = "lint findings"
    TYPES = "type errors"
    SECURITY = "security findings"
    FORMAT = "format findings"
    COMPLEXITY = "complex functions"  # over the tool's limit
    FAILED = "tests failed"
    TESTS = "tests run"
    RATE = "pass rate"  # % of the tests that ran
    SECONDS = "seconds"

    @property
    def better(self) -> int:
        """1: more is better, -1: less is."""
        return 1 if self in (Metric.COVERAGE, Metric.TESTS, Metric.RATE) else -1

    @property
    def unit(self) -> str:
        return {Metric.COVERAGE: "%", Metric.RATE: "%", Metric.SECONDS: "s"}.get(self, "")


_FOUND: Mapping[Metric, Aspect] = {
    Metric.LINT: Aspect.LINT,
    Metric.TYPES: Aspect.TYPES,
    Metric.SECURITY: Aspect.SECURITY,
    Metric.FORMAT: Aspect.FORMAT,
}
_RAN = (StepStatus.PASSED, StepStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Point:
    """One figure. `again`: over surely the same files as the point before, so that it says nothing new of them."""

    time: datetime
    value: float
    run: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """The points of a metric, oldest first, as far as they compare: all were measured `by` the same tools."""

    metric: Metric
    by: str  # as "pytools: ruff"
    points: Sequence[Point]


def series(runs: Iterable[Run]) -> list[Series]:
    """Those of `runs` (oldest first), in the order of the metrics, of one metric the one that was measured last first.

    Only whole runs count: one over some paths says nothing of the project. A step that was missing, skipped or crashed is
    no zero, and a figure of other tools begins a series of its own, since a change of tools would look like a change of code.
    """
    found: dict[tuple[Metric, str], list[Point]] = {}
    last: dict[tuple[Metric, str], Run] = {}
    for run in runs:
        if not run.whole:
            continue
        for metric, tools, value in figures(run):
            by = f"{tools} in {run.package}" if run.package else tools
            before = last.get((metric, by))
            again = metric is not Metric.SECONDS and before is not None and same_files(before, run)
            found.setdefault((metric, by), []).append(Point(run.at, value, run.id, again))
            last[metric, by] = run
    order = list(Metric)
    named = [Series(metric, by, points) for (metric, by), points in found.items()]
    return sorted(named, key=lambda one: (order.index(one.metric), -one.points[-1].time.timestamp(), one.by))


def current(found: Sequence[Series]) -> list[Series]:
    """Of each metric the series that was measured last; of seconds one for each command."""
    seen: dict[tuple[Metric, str], Series] = {}
    for one in found:
        command = one.by.partition(" by ")[0] if one.metric is Metric.SECONDS else ""
        seen.setdefault((one.metric, command), one)
    return list(seen.values())


def figures(run: Run) -> Iterator[tuple[Metric, str, float]]:
    """What a run measured: the metric, what measured it, the figure."""
    report = run.report
    yield Metric.SECONDS, f"{run.command} by {report.runner}", report.seconds
    for metric, aspect in _FOUND.items():
        counted = _findings(run, aspect)
        if counted is not None:
            yield metric, *counted
    complexity = report.complexity
    if complexity is not None:
        yield Metric.COMPLEXITY, f"{report.runner}, over {complexity.limit}", complexity.over
    yield from _of_tests(run)


def same_files(before: Run, after: Run) -> bool:
    """Whether both surely began from the same files."""
    return before.tree is not None and after.tree is not None and before.tree.same_as(after.tree)


def _findings(run: Run, aspect: Aspect) -> tuple[str, float] | None:
    """None where a step of that aspect says nothing, or not how much."""
    steps = [step for step in run.report.steps if step.aspect is aspect]
    ran = [step for step in steps if step.status in _RAN]
    if not looked_at(run, aspect) or any(step.status is StepStatus.FAILED and not step.findings for step in ran):
        return None
    names = ", ".join(sorted(step.name for step in ran))
    return f"{run.report.runner}: {names}", sum(step.findings for step in ran)


def _of_tests(run: Run) -> Iterator[tuple[Metric, str, float]]:
    report = run.report
    if not (run.collected and looked_at(run, Aspect.TESTS)):
        return
    passed = sum(case.status is CaseStatus.PASSED for case in report.cases)
    failed = sum(case.status is CaseStatus.FAILED or case.status is CaseStatus.ERROR for case in report.cases)
    if passed + failed:
        yield Metric.TESTS, report.runner, passed + failed
        yield Metric.FAILED, report.runner, failed
        yield Metric.RATE, report.runner, 100 * passed / (passed + failed)
    if report.lines_run is not None and report.lines_run.total:
        yield Metric.COVERAGE, report.runner, report.lines_run.percent
