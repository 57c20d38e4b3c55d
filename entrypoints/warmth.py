"""The first `tools/list` imports half a second's worth of modules: the hub asks it of itself, before a client does."""

import ctypes
import gc
import sys

import anyio
from fastmcp import FastMCP
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCMessage, JSONRPCNotification, JSONRPCRequest
from session_mgmt_mcp import fastmcp_internals

CLIENT = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "warmth", "version": "1"}}
CONVERSATION: tuple[JSONRPCMessage, ...] = (
    JSONRPCRequest(jsonrpc="2.0", id=1, method="initialize", params=CLIENT),
    JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized"),
    JSONRPCRequest(jsonrpc="2.0", id=2, method="tools/list"),
)
SETTLING_SECONDS = 1.0  # whoever waits for the first list comes first


async def warm(server: FastMCP) -> None:
    """Goes through a whole conversation without a client; nothing is left of it but imported modules."""
    to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](len(CONVERSATION))
    outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](len(CONVERSATION))
    async with anyio.create_task_group() as group, to_server, from_server:
        group.start_soon(fastmcp_internals.serve, server, incoming, outgoing)
        for message in CONVERSATION:
            await to_server.send(SessionMessage(message))
        async for answer in from_server:
            if getattr(answer.message, "id", None) == 2:
                to_server.close()
                break
        group.cancel_scope.cancel()


async def settle() -> None:
    """Gives back, once the first clients are served, what starting left behind."""
    await anyio.sleep(SETTLING_SECONDS)
    let_go()


def let_go() -> None:
    """7 MB of 203: garbage that was frozen with what stays, and free heap that glibc would keep. Takes 0.15 s."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
