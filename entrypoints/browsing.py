"""Lists, completions and the search log, in the context of the connection that asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from session_mgmt_mcp import finding, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.intervals import Interval
from session_mgmt_mcp.domain.listing import kinds_named
from session_mgmt_mcp.domain.metrics import SearchMetrics, metrics_named
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.suggestions import Suggestion, completed_named
from session_mgmt_mcp.domain.text import counted, snippet
from session_mgmt_mcp.ports.query_log import Searches
from session_mgmt_mcp.ports.vector_store import Facet, Order, Record


@dataclass(frozen=True, slots=True)
class Browse:
    """A search with filters, as it was asked."""

    query: str
    content_type: str | None
    project: str | None
    timeframe: str | None
    sort_by: str
    limit: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Browsed:
    """Records with what to show of them and their score, and counts over all that match."""

    hits: Sequence[tuple[Record, str, float | None]]
    total: int
    of: str  # the same in words, as far as it is known
    cursor: str | None
    order: str
    facets: tuple[int, Mapping[Facet, Mapping[str, int]]]
    interval: Interval | None
    note: str = ""


class _Reply(Protocol):
    hits: list[Any]


R = TypeVar("R", bound=_Reply)


async def metrics(
    app: Application, name: str | None, timeframe: str, project: str | None
) -> tuple[Interval, SearchMetrics]:
    wanted, when = metrics_named(name), await finding.interval(app, timeframe)
    scope = await recall.scope_within(app, project)
    return when, await app.metrics.read(wanted, Searches(when.start, when.end, scope.projects))


async def suggestions(app: Application, typed: str, field: str, limit: int, project: str | None) -> list[Suggestion]:
    wanted = completed_named(field)
    return await app.suggestions.read(typed, wanted, await recall.scope_within(app, project), limit)


async def fitting(app: Application, asked: Browse, shape: Callable[[Browsed], R]) -> R:
    """The reply that `shape` makes; when it shows less than there was, of so much less, so that its cursor fits."""
    while True:
        found = await browsed(app, asked)
        reply = shape(found)
        if len(reply.hits) in (len(found.hits), 0):
            return reply
        asked = replace(asked, limit=len(reply.hits))


async def browsed(app: Application, asked: Browse) -> Browsed:
    """By relevance, or listed; without a query there is no relevance, so the newest come first."""
    when = await finding.interval(app, asked.timeframe) if asked.timeframe and asked.timeframe.strip() else None
    since, until = (when.start, when.end) if when else (None, None)
    query = "" if asked.query.strip() == "*" else asked.query.strip()
    kinds = kinds_named(asked.content_type)
    question = recall.Question(query, asked.project, asked.limit, kinds=kinds, since=since, until=until)
    scope = await recall.scope_of(app, question)
    facets = await app.listing.facets(query, scope)
    if asked.sort_by == "relevance" and query:
        result = (
            await recall.more(app, question, 0, asked.cursor) if asked.cursor else await recall.search(app, question)
        )
        hits = [(hit.record, hit.snippet, hit.score) for hit in result.hits]
        return Browsed(
            hits, result.total, f"{result.of} memories", result.cursor, "most relevant first", facets, when, result.note
        )
    return await _listed(app, asked, query, scope, facets, when)


async def _listed(
    app: Application,
    asked: Browse,
    query: str,
    scope: Scope,
    facets: tuple[int, Mapping[Facet, Mapping[str, int]]],
    when: Interval | None,
) -> Browsed:
    order: Order = "votes" if asked.sort_by == "votes" else "newest"
    page = await app.listing.page(query, scope, order, asked.limit, asked.cursor)
    hits = [(record, snippet(record.text, query), None) for record in page.records]
    named = "most votes first" if order == "votes" else "newest first"
    return Browsed(hits, facets[0], counted(facets[0], "memory", "memories"), page.cursor, named, facets, when)
