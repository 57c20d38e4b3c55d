"""What the token of a member opens: what a team shares, and their own part of it. Nothing of the server's owner."""

import logging

import mcp_types
from fastmcp.exceptions import ToolError
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from session_mgmt_mcp.ports.errors import Corrupt, PortError, Unavailable, Unsupported
from session_mgmt_mcp.tools.registry import TOOLS

_log = logging.getLogger(__name__)

MEMBER_TOOLS = frozenset(
    {
        "ping",
        "server_info",
        "health_check",
        "create_team",
        "delete_team",
        "list_teams",
        "add_team_member",
        "remove_team_member",
        "share_with_team",
        "unshare_from_team",
        "search_team_knowledge",
        "get_shared_reflection",
        "get_team_statistics",
        "vote_on_reflection",
        "create_project_group",
        "add_project_dependency",
        "list_project_groups",
        "create_serverless_session",
        "get_serverless_session",
        "update_serverless_session",
        "delete_serverless_session",
        "list_serverless_sessions",
        "cleanup_serverless_sessions",
    }
)
"""The members' server has these tools and no others; it has no prompts and no resources."""


class OwnersOnly(Middleware):
    """Says so of a tool that exists, but not for members, and keeps from them where what is broken lies."""

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        name = context.message.name
        if name not in MEMBER_TOOLS and any(spec.name == name for spec in TOOLS):
            raise ToolError(
                f"{name} is not for members: ask whoever runs this server, or use what tools/list shows you."
            )
        try:
            return await call_next(context)
        except (PortError, ToolError) as error:
            cause = error if isinstance(error, PortError) else error.__cause__
            if not isinstance(cause, Unavailable | Corrupt | Unsupported):
                raise
            _log.warning("%s failed for a member: %s", name, cause)
            if isinstance(cause, Unavailable):
                raise ToolError(
                    f"{name} cannot be done at the moment: try again later, or ask whoever runs this server."
                ) from None
            raise ToolError(f"{name} cannot be done: whoever runs this server can see why in its log.") from None
