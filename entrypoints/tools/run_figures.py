"""What stored quality runs measured over time, and which way it goes."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field
from session_mgmt_mcp import recall, runs_reading
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.runs.series import Metric, Series, current
from session_mgmt_mcp.domain.runs.trends import Direction, Trend
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.runs_reading import Measured, Stored
from session_mgmt_mcp.tools.budget import fitting, within
from session_mgmt_mcp.tools.models import clean, whole_second
from session_mgmt_mcp.tools.parameters import RunDays
from session_mgmt_mcp.tools.quality import Folder
from session_mgmt_mcp.tools.registry import Inject, tool

OneMetric = Annotated[Metric | None, Field(description="Only this one, with more of its points.")]


class PointShown(BaseModel):
    time: datetime
    value: float


class MetricShown(BaseModel):
    """A figure over time, all measured `by` the same tools; `points` newest first, out of so many."""

    name: str
    unit: str
    by: str
    last: float
    least: float
    most: float
    count: int
    points: list[PointShown]

    @classmethod
    def of(cls, one: Series, points: int) -> Self:
        values = [point.value for point in one.points]
        newest = list(one.points)[::-1][:points]
        return cls(
            name=one.metric,
            unit=one.metric.unit,
            by=redact(one.by).text,
            last=_rounded(values[-1]),
            least=_rounded(min(values)),
            most=_rounded(max(values)),
            count=len(values),
            points=[PointShown(time=whole_second(point.time), value=_rounded(point.value)) for point in newest],
        )


class RunMetricsReply(BaseModel):
    """Of one metric, what other tools measured is a series of its own, the one that was measured last first."""

    summary: str
    project: str
    metrics: list[MetricShown]

    @classmethod
    def of(cls, found: Measured, metric: Metric | None, max_tokens: int) -> "RunMetricsReply":
        some = [one for one in found.series if metric in (None, one.metric)]
        longest = max((len(one.points) for one in some), default=0)

        def with_points(points: int) -> "RunMetricsReply":
            cut = f" Of each the newest {points} points." if points < longest else ""
            return cls(
                summary=f"{_measured(found.stored, some)}{cut}",
                project=found.stored.project,
                metrics=[MetricShown.of(one, points) for one in some],
            )

        return within(fitting(with_points, longest, max_tokens), max_tokens, "metrics")


class TrendShown(BaseModel):
    """`p`: how often chance alone would look so (Mann-Kendall); slopes by Theil and Sen; `runs` over different files.

    Slopes are null where nothing can be told, by the day also where all runs lie within two days.
    """

    metric: str
    by: str
    direction: str
    runs: int
    p: float
    per_day: float | None
    per_run: float | None
    first: float
    last: float

    @classmethod
    def of(cls, one: Trend) -> Self:
        return cls(
            metric=one.metric,
            by=redact(one.by).text,
            direction=one.direction,
            runs=one.runs,
            p=float(f"{one.p:.3g}"),
            per_day=_slope(one.per_day),
            per_run=_slope(one.per_run),
            first=_rounded(one.first),
            last=_rounded(one.last),
        )


class TrendsReply(BaseModel):
    """`insights`: each trend in a sentence, what gets worse first; what is too little to tell says so."""

    summary: str
    project: str
    insights: list[str]
    trends: list[TrendShown]

    @classmethod
    def of(cls, found: Measured, max_tokens: int) -> Self:
        order = [Direction.DECLINING, Direction.IMPROVING, Direction.STEADY, Direction.UNKNOWN]
        told = sorted(found.trends, key=lambda one: order.index(one.direction))
        whole = cls(
            summary=_trends(found),
            project=found.stored.project,
            insights=clean([one.says for one in told]),
            trends=[TrendShown.of(one) for one in told],
        )
        return within(whole, max_tokens, "trends", "insights")


def _measured(stored: Stored, some: Sequence[Series]) -> str:
    if not some:
        return stored.nothing or f"No run {stored.lately} measured that; runs over some paths only do not count."
    last = [f"{one.metric} {_rounded(one.points[-1].value):g}{f' {one.metric.unit}'.rstrip()}" for one in current(some)]
    named = [said for said, one in zip(last, current(some), strict=True) if one.metric is not Metric.SECONDS]
    return f"{counted(stored.count, 'run')} {stored.lately}; last {', '.join(named or last)}."


def _trends(found: Measured) -> str:
    if not found.trends:
        return found.stored.nothing or f"No run {found.stored.lately} was over the whole project, so there is no trend."
    directions = Counter(one.direction for one in found.trends)
    words = {Direction.UNKNOWN: "too few to tell"}
    said = [f"{directions[one]} {words.get(one, one)}" for one in Direction if directions[one]]
    worse = next((one.says for one in found.trends if one.direction is Direction.DECLINING), "")
    runs = f"{counted(found.stored.count, 'run')} {found.stored.lately}"
    return redact(f"{runs}, {counted(len(found.trends), 'figure')}: {', '.join(said)}. {worse}".strip()).text


def _rounded(value: float) -> float:
    return round(value, 2)


def _slope(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


@tool(read_only=True, hint="crackerjack metrics series coverage lint types security complexity tests over time")
async def crackerjack_metrics(
    working_directory: Folder = None, days: RunDays = 30, metric: OneMetric = None, app: Application = Inject
) -> RunMetricsReply:
    """What the project's quality runs measured over some days: coverage, lint, types, security, complexity, tests, seconds.

    Use it for the figures themselves; which way they go says crackerjack_quality_trends, the score quality_monitor. Runs over
    some paths or changed files only do not count, nor do steps that did not run.
    """
    return RunMetricsReply.of(await runs_reading.measured(app, working_directory, days), metric, recall.budget(app))


@tool(read_only=True, hint="get crackerjack quality metrics history coverage lint types tests")
async def get_crackerjack_quality_metrics(
    working_directory: Folder = None, days: RunDays = 30, metric: OneMetric = None, app: Application = Inject
) -> RunMetricsReply:
    """The same as crackerjack_metrics, under the name that earlier versions had."""
    return RunMetricsReply.of(await runs_reading.measured(app, working_directory, days), metric, recall.budget(app))


@tool(read_only=True, hint="crackerjack quality trends improving declining coverage slope significance")
async def crackerjack_quality_trends(
    days: RunDays = 30, working_directory: Folder = None, app: Application = Inject
) -> TrendsReply:
    """Which way coverage, lint, types, tests and the rest go, how steeply, and whether that is more than chance.

    Use it to judge whether quality gets better. Few runs are said to be too few; for single figures crackerjack_metrics.
    """
    return TrendsReply.of(await runs_reading.measured(app, working_directory, days), recall.budget(app))
