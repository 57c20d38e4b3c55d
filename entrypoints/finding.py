"""What the advanced searches ask, in the context of the connection that asks."""

import os
from pathlib import Path

from session_mgmt_mcp import connection, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.answers import SearchResult
from session_mgmt_mcp.domain.code_search import Code
from session_mgmt_mcp.domain.concept import Concept, by_concept
from session_mgmt_mcp.domain.error_search import Errors
from session_mgmt_mcp.domain.file_search import FileHistory
from session_mgmt_mcp.domain.intervals import Interval
from session_mgmt_mcp.domain.summary import Summary, summarise
from session_mgmt_mcp.domain.timeline import Timeline


async def by_file(app: Application, file: str, limit: int, project: str | None) -> FileHistory:
    scope = await recall.scope_within(app, project)
    here = Path(connection.current().folder or os.devnull)  # nowhere, rather than where this process happens to be
    return await app.files.search(file, scope, here, limit)


async def errors(app: Application, query: str, error_type: str | None, limit: int, project: str | None) -> Errors:
    scope = await recall.scope_within(app, project)
    return await app.errors.search(query, error_type, scope, limit, recall.min_score(app))


async def code(app: Application, query: str, pattern_type: str | None, limit: int, project: str | None) -> Code:
    scope = await recall.scope_within(app, project)
    return await app.code.search(query, pattern_type, scope, limit)


async def summary(app: Application, asked: recall.Question) -> Summary:
    return await summarise(
        app.memory, app.store, asked.query, await recall.scope_of(app, asked), **recall.floor_and_decay(app, asked)
    )


async def concept(app: Application, asked: recall.Question, files: bool) -> Concept:
    limit = recall.limit_of(app, asked)
    scope, rules = await recall.scope_of(app, asked), recall.floor_and_decay(app, asked)
    return await by_concept(app.memory, app.store, asked.query, scope, limit=limit, files=files, **rules)


async def temporal(
    app: Application, time: str, query: str | None, limit: int, project: str | None
) -> tuple[Interval, SearchResult | Timeline]:
    """Hits of the query in that time; without one, the sessions of it."""
    when = await interval(app, time)
    asked = recall.Question(query or "", project, limit, since=when.start, until=when.end)
    if asked.query.strip():
        return when, await recall.search(app, asked)
    return when, await app.timeline.read(await recall.scope_of(app, asked), limit)


async def interval(app: Application, text: str) -> Interval:
    """Tags that it names are those of the caller's repository."""
    return await app.times.read(text, connection.current().folder)
