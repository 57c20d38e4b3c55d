"""The hub's socket: a hello line of anything, then whatever the role that it names would say."""

import asyncio
import json
import logging
from typing import Any

from fastmcp import FastMCP
from session_mgmt_mcp import fastmcp_internals, reception
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.service import Answer, Service
from session_mgmt_mcp.wire import MAX_LINE

from tests.fuzz.reading import Reader
from tests.fuzz.values import any_value, dumped

NAMES = (
    "hello", "role", "version", "cwd", "project_dir", "session_id", "client_pid", "verb", "args", "to", "event", "asks", "handed",
    "jsonrpc", "id", "method", "params", "name", "arguments", "_meta", "protocolVersion", "capabilities", "clientInfo",
)  # fmt: skip
TEXTS = (
    "mcp", "control", "hook", "0", "1.0.0", "999", "\u00b2", "1.\u00b2", "9" * 5_000, "s1", "/home/you", "count", "fail", "2.0", "ping",
    "tools/call", "tools/list", "initialize", "server/discover", "2025-06-18", "SessionStart",
)  # fmt: skip
INGREDIENTS = (
    b'{"hello":1,"role":"mcp"}\n', b'{"hello":1,"role":"control"}\n', b'{"hello":1,"role":"hook"}\n', b'"version":"', b'"client_pid":',
    b'{"verb":"count","args":{"to":3}}\n', b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n', b'{"jsonrpc":"2.0","id":"a","method":"ping"}\n',
    b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n', b"{", b"}", b'"', b":", b",", b"[", b"]", b"\n",
    b"\xff", b"\x00", b"NaN", b"\\ud800", b"9" * 400, "\u00b2".encode(), b"null", b"1",
)  # fmt: skip
HELLOS: tuple[dict[str, Any], ...] = tuple(
    {"hello": 1, "role": role, "version": "1.0.0", "cwd": "/home/you", "session_id": "s1", "client_pid": 5}
    for role in ("mcp", "control", "hook")
)
SHAPES: tuple[dict[str, Any], ...] = (
    {"verb": "count", "args": {"to": 3}},
    {"verb": "fail", "args": {}},
    {"event": "SessionStart", "session_id": "s1", "asks": True},
    {"handed": True},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": "a"}}},
    {"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 3, "method": "tools/list"},
)  # fmt: skip
SECONDS = 8.0
ECHOED = "an answer cannot be written as JSON"  # of half a character that the client had sent itself: it is told so
_loop = asyncio.new_event_loop()


class _Troubles(logging.Handler):
    """What the hub logs as an error of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() != ECHOED:
            self.seen.append(f"{record.getMessage()}: {record.exc_info[1] if record.exc_info else ''}")


_troubles = _Troubles()
logging.getLogger("session_mgmt_mcp").addHandler(_troubles)


def _service() -> Service:
    server: FastMCP = FastMCP("fuzz", version="1")

    @server.tool
    async def echo(text: str) -> str:
        return text

    async def count(args: Any, progress: Any) -> dict[str, Any]:
        progress({"n": 1})
        return {"counted": 1}

    async def fail(args: Any, progress: Any) -> dict[str, Any]:
        raise Invalid("That cannot be: give another.")

    async def answer() -> Answer:
        async def handed() -> None:
            pass

        return Answer("remember", handed)

    return Service(server, {"count": count, "fail": fail}, ("echo",), lambda _: asyncio.ensure_future(answer()))


class _Writer:
    """What a StreamWriter is for the hub, kept in memory."""

    def __init__(self) -> None:
        self.told = b""
        self.transport = self

    def write(self, line: bytes) -> None:
        self.told += line

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


def _line(reader: Reader, shapes: tuple[dict[str, Any], ...]) -> bytes:
    if reader.below(8) == 7:
        return reader.taken(reader.below(60)) + b"\n"
    message = {**reader.one_of(shapes)}
    for _ in range(reader.below(3)):
        message[reader.one_of(NAMES)] = any_value(reader, TEXTS, NAMES)
    return dumped(message) + b"\n"


def check(data: bytes) -> None:
    reader = Reader(data)
    if reader.below(8) == 7:
        stream = reader.rest()
    else:
        stream = _line(reader, HELLOS) + b"".join(_line(reader, SHAPES) for _ in range(reader.below(4)))
        stream += reader.rest()
    _troubles.seen.clear()
    told = _loop.run_until_complete(_heard(stream))
    assert _troubles.seen == [], _troubles.seen
    for line in told.splitlines():
        assert isinstance(json.loads(line), dict)
    assert told.count(b"\n") == len(told.splitlines()), "a line that is not ended"


_server: list[Service] = []


async def _heard(stream: bytes) -> bytes:
    if not _server:
        _server.append(_service())
    reader: asyncio.StreamReader = asyncio.StreamReader(limit=MAX_LINE)
    reader.feed_data(stream)
    reader.feed_eof()
    writer: Any = _Writer()
    receiving = reception.Reception(_server[0], {}, _server[0].on_event, lambda _: False)
    async with asyncio.timeout(SECONDS):
        async with fastmcp_internals.lifespan(_server[0].server):
            receiving.accept(reader, writer)
            while receiving._writers:
                await asyncio.wait(list(receiving._writers))
                await asyncio.sleep(0)
    told: bytes = writer.told
    return told
