"""A call is a sign of life of its session; a client names the one it was started with, which goes stale when it clears."""

import logging
from dataclasses import replace

import mcp_types
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from session_mgmt_mcp import connection
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.ports.errors import PortError

_log = logging.getLogger(__name__)


class InItsSession(Middleware):
    """Whoever asks for the connection during a call finds the session that its client is in now."""

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        if context.fastmcp_context is None or connection.current().remote:
            return await call_next(context)  # no process of this machine: nothing that could be alive or gone
        app: Application = context.fastmcp_context.lifespan_context["application"]
        caller = connection.current()
        try:
            known = await app.sessions.of_client(caller.client_pid, caller.session_id)
            await app.sessions.seen(known.id if known else "")
        except PortError as error:  # a call that needs no session's record works without
            _log.warning("a sign of life could not be written down: %s", error)
            known = None
        if known is None:
            return await call_next(context)
        with connection.entered(replace(caller, session_id=known.id)):
            return await call_next(context)
