"""What is known of a project when it is scored, and from where."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from session_mgmt_mcp.ports.git_repository import Commit
from session_mgmt_mcp.ports.project_files import Check, Coverage, Findings, Report, Survey

R = TypeVar("R", Coverage, Findings)


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
        return _coverage(_newest({_package(one, survey): one for one in _sorted(survey, Coverage)}))
    found = [one for one in _sorted(survey, Findings) if one.check is _CHECKS.get(metric)]
    if not found:
        return None
    newest = _newest({(_package(one, survey), one.tool): one for one in found})
    return _security(newest) if metric is Metric.SECURITY else _clean(newest, sum(survey.sources.values()))


def _sorted(survey: Survey, kind: type[R]) -> list[R]:
    """Oldest first, so that the newest of a key is what a dict keeps."""
    return sorted((one for one in survey.reports if isinstance(one, kind)), key=lambda one: one.time)


def _newest(reports: Mapping[Hashable, R]) -> list[R]:
    """The newest first."""
    return sorted(reports.values(), key=lambda one: one.time, reverse=True)


def _package(report: Report, survey: Survey) -> str:
    """The folder of the innermost package that a report lies in."""
    folders = {one.path.rpartition("/")[0] for one in survey.manifests}
    return max((folder for folder in folders if report.path.startswith(f"{folder}/")), key=len, default="")


def _coverage(reports: Sequence[Coverage]) -> Measured | None:
    """Of all packages that have a report together; as old as the oldest of them."""
    if not reports:
        return None
    covered, total = sum(one.covered for one in reports), sum(one.total for one in reports)
    percent = 100 * covered / total
    figure = f"{percent:.0f} % of {total:,} lines run by tests"
    return Measured(percent, _source(reports), reports[-1].time, figure)


def _clean(found: Sequence[Findings], sources: int) -> Measured | None:
    """The share of source files in which nothing was found."""
    if not sources:
        return None
    faulty = min(sources, sum(report.files for report in found))
    figure = f"findings in {faulty:,} of {sources:,} source files ({_tools(found)})"
    return Measured(100 * (1 - faulty / sources), _source(found), found[-1].time, figure)


def _security(found: Sequence[Findings]) -> Measured:
    errors, warnings = sum(report.errors for report in found), sum(report.warnings for report in found)
    percent = max(0.0, 100 - ERROR_COSTS * errors - WARNING_COSTS * warnings)
    figure = f"{errors} errors and {warnings} warnings ({_tools(found)})"
    return Measured(percent, _source(found), found[-1].time, figure)


def _source(reports: Sequence[Report]) -> str:
    others = f" and {len(reports) - 1} more" if len(reports) > 1 else ""
    return f"{reports[0].path}{others}"


def _tools(found: Sequence[Findings]) -> str:
    return ", ".join(sorted({report.tool for report in found if report.tool}))
