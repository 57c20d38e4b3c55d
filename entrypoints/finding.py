"""What the advanced searches ask, in the context of the connection that asks."""

from pathlib import Path

from session_mgmt_mcp import connection, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.code_search import Code
from session_mgmt_mcp.domain.error_search import Errors
from session_mgmt_mcp.domain.file_search import FileHistory


async def by_file(app: Application, file: str, limit: int, project: str | None) -> FileHistory:
    scope = await recall.scope_of(app, recall.Question("", project))
    return await app.files.search(file, scope, Path(connection.current().folder), limit)


async def errors(app: Application, query: str, error_type: str | None, limit: int, project: str | None) -> Errors:
    scope = await recall.scope_of(app, recall.Question(query, project))
    return await app.errors.search(query, error_type, scope, limit)


async def code(app: Application, query: str, pattern_type: str | None, limit: int, project: str | None) -> Code:
    scope = await recall.scope_of(app, recall.Question(query, project))
    return await app.code.search(query, pattern_type, scope, limit)
