"""What is known of a project when it is scored, and from where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from session_mgmt_mcp.ports.git_repository import Commit
from session_mgmt_mcp.ports.project_files import Check, Coverage, Findings, Survey


class Metric(StrEnum):
    """A figure that a tool measures, in percent: more is better."""

    COVERAGE = "coverage"
    LINT = "lint"
    TYPES = "types"
    COMPLEXITY = "complexity"
    SECURITY = "security"


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure, 0 to 100, with the file or run it comes from and when that was made (aware)."""

    percent: float
    source: str
    time: datetime
    figure: str = ""  # the same in words


@dataclass(frozen=True, slots=True)
class History:
    """What git tells. `commits` newest first; `whole` when those are all there are."""

    commits: Sequence[Commit]
    branches: Sequence[str]
    whole: bool = True
    changed: frozenset[str] = frozenset()  # files that differ from HEAD


@dataclass(frozen=True, slots=True)
class Secrets:
    """Hard-coded secrets, by file, in so many of the files that might hold one."""

    found: Mapping[str, int]
    read: int
    of: int

    @property
    def count(self) -> int:
        return sum(self.found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that a score follows from. None: not known."""

    at: datetime  # when it was gathered
    survey: Survey = field(default_factory=Survey)
    history: History | None = None
    env_ignored: bool | None = None  # whether git ignores every file of secrets; None: there is none, or no git to ask
    secrets: Secrets | None = None
    measured: Mapping[Metric, Measured] = field(default_factory=dict)  # by stored runs


ERROR_COSTS, WARNING_COSTS = 40.0, 20.0
"""Percent of the security figure that one finding takes."""

_CHECKS: Mapping[Metric, Check] = {
    Metric.LINT: Check.LINT,
    Metric.TYPES: Check.TYPES,
    Metric.SECURITY: Check.SECURITY,
}


def measured(evidence: Evidence, metric: Metric) -> Measured | None:
    """The newest of what a stored run and the reports in the folder say; None when none says anything."""
    known = [evidence.measured.get(metric), _reported(evidence.survey, metric)]
    return max((one for one in known if one is not None), key=lambda one: one.time, default=None)


def _reported(survey: Survey, metric: Metric) -> Measured | None:
    if metric is Metric.COVERAGE:
        return _coverage([report for report in survey.reports if isinstance(report, Coverage)])
    if metric not in _CHECKS:
        return None
    newest: dict[str, Findings] = {}
    for report in survey.reports:
        if isinstance(report, Findings) and report.check is _CHECKS[metric]:
            newest[report.tool] = max(newest.get(report.tool, report), report, key=lambda one: one.time)
    found = list(newest.values())
    if not found:
        return None
    return _security(found) if metric is Metric.SECURITY else _clean(found, sum(survey.sources.values()))


def _coverage(reports: Sequence[Coverage]) -> Measured | None:
    if not reports:
        return None
    newest = max(reports, key=lambda report: report.time)
    percent = 100 * newest.covered / newest.total
    figure = f"{percent:.0f} % of {newest.total:,} lines run by tests"
    return Measured(percent, newest.path, newest.time, figure)


def _clean(found: Sequence[Findings], sources: int) -> Measured | None:
    """The share of source files in which nothing was found."""
    if not sources:
        return None
    faulty = min(sources, sum(report.files for report in found))
    figure = f"findings in {faulty:,} of {sources:,} source files ({_tools(found)})"
    return Measured(100 * (1 - faulty / sources), found[0].path, min(report.time for report in found), figure)


def _security(found: Sequence[Findings]) -> Measured:
    errors, warnings = sum(report.errors for report in found), sum(report.warnings for report in found)
    percent = max(0.0, 100 - ERROR_COSTS * errors - WARNING_COSTS * warnings)
    figure = f"{errors} errors and {warnings} warnings ({_tools(found)})"
    return Measured(percent, found[0].path, min(report.time for report in found), figure)


def _tools(found: Sequence[Findings]) -> str:
    return ", ".join(sorted({report.tool for report in found if report.tool}))
