"""Questions about times, lists and words, in the context of the connection that asks."""

from session_mgmt_mcp import connection, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.intervals import Interval
from session_mgmt_mcp.domain.memory import SearchResult
from session_mgmt_mcp.domain.metrics import SearchMetrics, metrics_named
from session_mgmt_mcp.domain.timeline import Timeline
from session_mgmt_mcp.ports.query_log import Searches


async def interval(app: Application, text: str) -> Interval:
    """Tags that it names are those of the caller's repository."""
    return await app.times.read(text, connection.current().folder)


async def temporal(
    app: Application, time: str, query: str | None, limit: int, project: str | None
) -> tuple[Interval, SearchResult | Timeline]:
    """Hits of the query in that time; without one, the sessions of it."""
    when = await interval(app, time)
    asked = recall.Question(query or "", project, limit, since=when.start, until=when.end)
    if asked.query.strip():
        return when, await recall.search(app, asked)
    return when, await app.timeline.read(await recall.scope_of(app, asked), limit)


async def metrics(
    app: Application, name: str | None, timeframe: str, project: str | None
) -> tuple[Interval, SearchMetrics]:
    wanted, when = metrics_named(name), await interval(app, timeframe)
    scope = await recall.scope_of(app, recall.Question("", project))
    return when, await app.metrics.read(wanted, Searches(when.start, when.end, scope.projects))
