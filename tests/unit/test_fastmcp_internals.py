"""An upgrade of FastMCP that breaks these names breaks this test first."""

import anyio
import pytest
from fastmcp import FastMCP
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, JSONRPCResponse
from session_mgmt_mcp import fastmcp_internals
from session_mgmt_mcp.warmth import CONVERSATION, warm

MODERN = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}
DISCOVER = (JSONRPCRequest(jsonrpc="2.0", id=2, method="server/discover", params=MODERN),)


@pytest.mark.parametrize("messages", [CONVERSATION, DISCOVER])
async def test_a_session_of_either_handshake_runs_over_two_streams_and_asks_for_no_store(messages):
    server = fastmcp_internals.Stateless("t")
    server.tool(lambda: 1, name="one")
    to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](9)
    outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](9)
    async with anyio.create_task_group() as group, fastmcp_internals.lifespan(server):
        group.start_soon(fastmcp_internals.serve, server, incoming, outgoing)
        for message in messages:
            await to_server.send(SessionMessage(message))
        with anyio.fail_after(20):
            while getattr(answer := (await from_server.receive()).message, "id", None) != 2:
                pass
        assert isinstance(answer, JSONRPCResponse), answer
        to_server.close()
    assert server._state_storage is None, "it was made, and with it all that it imports"


async def test_two_sessions_share_one_lifespan():
    entered = []

    async def one_lifespan(server):
        entered.append(server)
        yield {}

    from contextlib import asynccontextmanager

    server = FastMCP("t", lifespan=asynccontextmanager(one_lifespan))
    async with fastmcp_internals.lifespan(server):
        await warm(server)
        await warm(server)
    assert len(entered) == 1
