"""Which way the figures of runs go: a robust slope, and whether it is more than chance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from session_mgmt_mcp.domain.runs.mann_kendall import mann_kendall, theil_sen
from session_mgmt_mcp.domain.runs.series import Metric, Point, Series
from session_mgmt_mcp.domain.text import counted

LEVEL = 0.05  # of p, below which a trend is no chance
ENOUGH = 5  # values: fewer cannot be significant in any order
DAY = 86_400
SEVERAL = 2  # days: what rises within an hour is not told by the day


class Direction(StrEnum):
    """By what is better for the metric."""

    IMPROVING = "improving"
    DECLINING = "declining"
    STEADY = "steady"  # no trend is to be seen
    UNKNOWN = "unknown"  # no order of so few values could tell


@dataclass(frozen=True, slots=True)
class Trend:
    """Of a series. `runs`: those that saw other files than the one before; `says`: the figures in a sentence.

    Slopes are None where nothing can be told; `per_day` also where all runs lie within two days.
    """

    metric: Metric
    by: str
    direction: Direction
    runs: int
    first: float
    last: float
    p: float
    per_day: float | None
    per_run: float | None
    says: str = ""


def trends(found: Sequence[Series]) -> list[Trend]:
    return [trend_of(one) for one in found if one.points]


def trend_of(series: Series) -> Trend:
    """A slope by Theil and Sen, its significance by Mann and Kendall.

    Runs over the same files count once, by the last of them: measuring a state often makes no trend of it.

    >>> trend_of(series).says
    'coverage rises by 0.4 points a day over 14 runs (p = 0.01), from 80 to 85.2 %.'
    """
    points = distinct(series.points)
    values = [point.value for point in points]
    tested = mann_kendall(values)
    days = [(point.time - points[0].time).total_seconds() / DAY for point in points]
    constant = len(set(values)) == 1
    direction = _direction(series.metric, len(values), tested.s, tested.p, constant, tested.least)
    told = direction is not Direction.UNKNOWN
    per_day = theil_sen(days, values) if told and days[-1] >= SEVERAL else None
    per_run = theil_sen(list(range(len(values))), values) if told else None
    made = Trend(series.metric, series.by, direction, len(values), values[0], values[-1], tested.p, per_day, per_run)
    return replace(made, says=_sentence(made, values, tested.s))


def distinct(points: Sequence[Point]) -> list[Point]:
    """Of those over the same files the last one."""
    return [one for one, after in zip(points, [*points[1:], None], strict=True) if after is None or not after.again]


def _direction(metric: Metric, count: int, s: int, p: float, constant: bool, least: float) -> Direction:
    if count < ENOUGH:
        return Direction.UNKNOWN
    if constant:
        return Direction.STEADY
    if least >= LEVEL:
        return Direction.UNKNOWN
    if p >= LEVEL:
        return Direction.STEADY
    return Direction.IMPROVING if s * metric.better > 0 else Direction.DECLINING


def _sentence(trend: Trend, values: Sequence[float], s: int) -> str:
    name, unit = _name(trend), f" {trend.metric.unit}" if trend.metric.unit else ""
    over = f"over {counted(trend.runs, 'run')}"
    if trend.direction is Direction.UNKNOWN:
        many = f"too few runs ({trend.runs})" if trend.runs < ENOUGH else f"too few of {trend.runs} runs differ"
        return f"{name}: {many} to tell a trend; last {_figure(trend.last)}{unit}."
    if min(values) == max(values):
        return f"{name} {_verb('stay', trend)} at {_figure(trend.last)}{unit} {over}."
    if trend.direction is Direction.STEADY:
        span = f"between {_figure(min(values))} and {_figure(max(values))}{unit}, last {_figure(trend.last)}"
        return f"{name}: no trend {over} (p = {_chance(trend.p)}), {span}."
    went = f"from {_figure(trend.first)} to {_figure(trend.last)}{unit}"
    verb = _verb("rise" if s > 0 else "fall", trend)
    return f"{name} {verb}{_steepness(trend, s)} {over} (p {_equals(trend.p)}), {went}."


def _verb(verb: str, trend: Trend) -> str:
    return f"{verb}s" if trend.metric in (Metric.COVERAGE, Metric.RATE) else verb


def _name(trend: Trend) -> str:
    return f"{trend.metric} of {trend.by}" if trend.metric is Metric.SECONDS else str(trend.metric)


def _steepness(trend: Trend, s: int) -> str:
    """By day where the runs lie on several, else by run; nothing where most pairs are level."""
    slope, what = (trend.per_run, "run") if trend.per_day is None else (trend.per_day, "day")
    if slope is None or slope * s <= 0:
        return ""
    points = {"%": " points", "s": " s"}.get(trend.metric.unit, "")
    return f" by {_figure(abs(slope))}{points} a {what}"


def _figure(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1_000 else f"{value:,.0f}"


def _equals(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {_chance(p)}"


def _chance(p: float) -> str:
    return f"{p:.3f}" if p < 0.01 else f"{p:.2f}"
