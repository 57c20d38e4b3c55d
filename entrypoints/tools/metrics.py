"""How searching goes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field
from session_mgmt_mcp import browsing, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.intervals import Interval
from session_mgmt_mcp.domain.metrics import Metric, SearchMetrics
from session_mgmt_mcp.ports.query_log import QueryCount, QueryTotals
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.models import Understood, whole_second
from session_mgmt_mcp.tools.parameters import Project
from session_mgmt_mcp.tools.registry import Inject, tool


class Figures(BaseModel):
    """Of some searches: how many, the share without a hit, the mean score of the best hit, milliseconds a call."""

    searches: int
    no_hit: float
    mean_best: float | None
    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, totals: QueryTotals) -> Self:
        return cls(
            searches=totals.searches,
            no_hit=round(totals.unanswered / max(1, totals.searches), 3),
            mean_best=None if totals.mean_best is None else round(totals.mean_best, 3),
            p50_ms=round(totals.p50, 1),
            p95_ms=round(totals.p95, 1),
        )


class Asked(BaseModel):
    query: str
    searches: int
    last: datetime
    hits: int

    @classmethod
    def all_of(cls, counts: Sequence[QueryCount]) -> list[Self]:
        return [
            cls(query=one.query, searches=one.searches, last=whole_second(one.last), hits=one.hits) for one in counts
        ]


class MetricsReply(BaseModel):
    summary: str
    understood: Understood
    totals: Figures | None
    by_tool: dict[str, Figures]
    by_project: dict[str, Figures]
    by_day: dict[str, Figures]
    queries: list[Asked]
    unanswered: list[Asked]

    @classmethod
    def of(cls, found: tuple[Interval, SearchMetrics], keeps: bool, max_tokens: int) -> Self:
        interval, metrics = found
        whole = cls(
            summary=_summary(metrics, interval, keeps),
            understood=Understood.of(interval),
            totals=Figures.of(metrics.totals) if metrics.totals else None,
            by_tool=_figures(metrics.groups.get(Metric.TOOLS, {})),
            by_project=_figures(metrics.groups.get(Metric.PROJECTS, {})),
            by_day=_figures(metrics.groups.get(Metric.DAYS, {})),
            queries=Asked.all_of(metrics.queries),
            unanswered=Asked.all_of(metrics.unanswered),
        )
        return within(whole, max_tokens, "by_day", "by_project", "by_tool", "queries", "unanswered")


def _figures(groups: Mapping[str, QueryTotals]) -> dict[str, Figures]:
    return {name: Figures.of(totals) for name, totals in groups.items()}


def _summary(metrics: SearchMetrics, interval: Interval, keeps: bool) -> str:
    off = "" if keeps else " Nothing is noted now: the setting query_log is off."
    totals = metrics.totals
    if totals is None:
        return f"Searches, {interval.how}.{off}"
    if not totals.searches:
        return f"No search was noted, {interval.how}.{off}"
    share = round(100 * totals.unanswered / totals.searches)
    return f"{totals.searches} searches, {share} % without a hit, half within {totals.p50:.0f} ms, {interval.how}.{off}"


@tool(read_only=True, hint="search metrics statistics latency unanswered queries usage")
async def get_search_metrics(
    metric_type: Annotated[
        str | None,
        Field(max_length=40, description="totals, tools, projects, days, queries or unanswered; default all."),
    ] = None,
    timeframe: Annotated[str, Field(max_length=200, description='As "30d", "12h", "last week", "since v1.2".')] = "30d",
    project: Project = None,
    app: Application = Inject,
) -> MetricsReply:
    """How searching went: how often, how fast, how much was found, what was asked most and what was asked in vain.

    Use it to see what is missing from memory. Days are counted in UTC. The log never leaves this machine.
    """
    found = await browsing.metrics(app, metric_type, timeframe, project)
    return MetricsReply.of(found, app.settings.query_log, recall.budget(app))
