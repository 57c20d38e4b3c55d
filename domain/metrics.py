"""How searching went: counts, times, and what was asked in vain."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from session_mgmt_mcp.domain.journal import SearchJournal
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.query_log import Grouping, QueryCount, QueryLog, QueryTotals, Searches


class Metric(StrEnum):
    """A part of the figures."""

    TOTALS = "totals"
    TOOLS = "tools"
    PROJECTS = "projects"
    DAYS = "days"
    QUERIES = "queries"
    UNANSWERED = "unanswered"


_ALIASES: Mapping[str, Sequence[Metric]] = {
    **{metric.value: (metric,) for metric in Metric},
    "all": tuple(Metric),
    "summary": (Metric.TOTALS,),
    "latency": (Metric.TOTALS, Metric.TOOLS),
    "performance": (Metric.TOTALS, Metric.TOOLS),
    "quality": (Metric.TOTALS, Metric.UNANSWERED),
    "activity": (Metric.TOTALS, Metric.DAYS),
    "usage": (Metric.TOTALS, Metric.TOOLS, Metric.PROJECTS, Metric.DAYS),
    "errors": (Metric.UNANSWERED,),
    "zero_hits": (Metric.UNANSWERED,),
    "top_queries": (Metric.QUERIES,),
}
_GROUPS: Mapping[Metric, Grouping] = {Metric.TOOLS: "tool", Metric.PROJECTS: "project", Metric.DAYS: "day"}
TOP = 10


@dataclass(frozen=True, slots=True)
class SearchMetrics:
    """What was asked for; the rest is empty."""

    totals: QueryTotals | None = None
    groups: Mapping[Metric, Mapping[str, QueryTotals]] = field(default_factory=dict)
    queries: Sequence[QueryCount] = ()
    unanswered: Sequence[QueryCount] = ()


def metrics_named(name: str | None) -> Sequence[Metric]:
    """None is all of them. Raises Invalid, naming what there is."""
    found = _ALIASES.get((name or "all").strip().lower().replace("-", "_").replace(" ", "_"))
    if found is None:
        raise Invalid(f"There is no metric {(name or '')[:40]!r}: ask for one of {', '.join(Metric)}, or for all.")
    return found


class MetricsService:
    """Reads the log of searches, after what waits was written."""

    def __init__(self, log: QueryLog, journal: SearchJournal) -> None:
        self._log = log
        self._journal = journal

    async def read(self, wanted: Sequence[Metric], which: Searches) -> SearchMetrics:
        await self._journal.flush()
        groups = [metric for metric in wanted if metric in _GROUPS]
        totals, queries, unanswered, grouped = await asyncio.gather(
            self._log.totals(which),
            self._log.top(which, TOP),
            self._log.top(which, TOP, unanswered=True),
            asyncio.gather(*(self._log.by(_GROUPS[metric], which) for metric in groups)),
        )
        return SearchMetrics(
            totals if Metric.TOTALS in wanted else None,
            dict(zip(groups, grouped, strict=True)),
            queries if Metric.QUERIES in wanted else (),
            unanswered if Metric.UNANSWERED in wanted else (),
        )
