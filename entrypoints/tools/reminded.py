"""Due reminders go along with the next answer in their project."""

import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

import mcp_types
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp_types import TextContent
from session_mgmt_mcp import connection, current, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.delivery import when_answered
from session_mgmt_mcp.domain.reminder import Told
from session_mgmt_mcp.domain.reminders import Handover
from session_mgmt_mcp.ports.errors import PortError

FIELD = "due_reminders"
MOST = 3

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Reminded(Middleware):
    """An answer that is an error carries none; they are delivered once the answer has been written."""

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        result = await call_next(context)
        if not isinstance(result, ToolResult) or result.is_error or context.fastmcp_context is None:
            return result
        app: Application = context.fastmcp_context.lifespan_context["application"]
        caller = connection.current()
        if caller.remote and not caller.project:
            return result  # in no project that anything could be due in
        due = await _harmless(_due(app))
        if due is None or not due.lines:
            return result

        async def answered(written: bool) -> None:
            await _harmless(due.done(Told.ANSWER) if written else due.failed())

        await when_answered(context.fastmcp_context.request_id, answered)
        return _with(result, due)


async def _due(app: Application) -> Handover:
    project = await recall.caller_project(app)
    await app.reminders.opened(project, current.session_name(app))
    return await app.reminders.hand_over(project, MOST)


def _with(result: ToolResult, due: Handover) -> ToolResult:
    """Clients show a model the structured content, where there is one, and people the text."""
    structured: dict[str, Any] | None = result.structured_content
    if structured is not None:
        structured = {**structured, FIELD: list(due.lines)}
    told = TextContent(type="text", text="\n".join(due.lines))
    return ToolResult(content=[*result.content, told], structured_content=structured, meta=result.meta)


async def _harmless(work: Awaitable[T]) -> T | None:
    """Whatever goes wrong with reminders, the answer goes out."""
    try:
        return await work
    except PortError as error:
        _log.warning("reminders could not be delivered: %s", error)
        return None
    except Exception:
        _log.exception("reminders could not be delivered")
        return None
