"""The first `tools/list` imports half a second's worth of modules: the hub asks it of itself, before a client does."""

import ctypes
import gc
import sys
from contextlib import suppress
from mmap import MADV_DONTNEED
from pathlib import Path

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
SMAPS = Path("/proc/self/smaps")
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
    """Garbage that was frozen with what stays, free heap that glibc would keep, and pages of libraries. Takes 0.15 s."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if trim := getattr(libc, "malloc_trim", None):
            trim(0)
        unmap_code(libc)


def unmap_code(libc: ctypes.CDLL) -> None:
    """Code of libraries, of which most has run for the last time: what is needed again is mapped again from the page cache."""
    place = said = b""
    with suppress(OSError):  # there is nothing to do where the system does not say what is mapped
        said = SMAPS.read_bytes()
    for line in said.splitlines():
        first, second, *_ = (*line.split(), b"", b"")
        if not first.endswith(b":"):
            place = first if second == b"r-xp" and b".so" in line else b""
        elif place and first == b"Anonymous:" and second == b"0":  # not written to: nothing of it can be lost
            start, end = (int(one, 16) for one in place.split(b"-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), MADV_DONTNEED)
