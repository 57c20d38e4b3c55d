"""The names of FastMCP that are not public: all that an upgrade of it can break stands here, with a test.

FastMCP has no public way to serve one connection over streams of ours. Should these names go, streamable HTTP over the
same socket is the way out.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from fastmcp import FastMCP
from mcp.shared.message import SessionMessage


class Stateless(FastMCP):
    """A server that keeps nothing for its sessions: importing the store for it would make the first answer wait."""

    @property
    def _state_store(self) -> Any:
        return _Nothing()


class _Nothing:
    async def get(self, key: str) -> None:
        return None


def tell_schemas(server: FastMCP, schema_of: Callable[[str], dict[str, Any] | None]) -> None:
    """By a tool's name: else each call over HTTP that has arguments lists all tools first, to look for one schema."""
    server._mcp_server.get_tool_input_schema = schema_of


def limit_sessions(app: Any, most: int) -> None:
    """Of clients that shake hands, at an `http_app` whose lifespan was entered: it takes no such setting."""
    for route in app.routes:
        route.endpoint.session_manager.max_sessions = most


def lifespan(server: FastMCP) -> AbstractAsyncContextManager[None]:
    """The server's own lifespan: entered once, whatever the number of connections."""
    return server._lifespan_manager()


async def serve(
    server: FastMCP,
    incoming: MemoryObjectReceiveStream[SessionMessage | Exception],
    outgoing: MemoryObjectSendStream[SessionMessage],
) -> None:
    """One MCP session, of either handshake, until `incoming` ends; calls in flight are cancelled then."""
    inner = server._mcp_server
    await inner.run(incoming, outgoing, inner.create_initialization_options())
