"""The shim between its client and its hubs: lines of anything from both sides, hubs that go at any moment."""

import json
import os
import socket
from typing import Any

from session_mgmt_mcp.dial import Link
from session_mgmt_mcp.lines import Lines
from session_mgmt_mcp.shim import FIRST_ID, LAST_ID, Shim
from session_mgmt_mcp.wire import LEAVING

from tests.fuzz.reading import Reader
from tests.fuzz.values import any_value, dumped

INGREDIENTS = (
    b'{"jsonrpc":"2.0","id":', b'1,"method":"tools/call","params":{"name":"ping"}}', b'"a","result":{}}', b'"method":"initialize"',
    b'{"jsonrpc":"2.0","method":"notifications/initialized"}', b'"method":"notifications/cancelled","params":{"requestId":1}', b'"error":',
    b"\n", LEAVING, b'{"hub":', b'"id":null', b'"id":1e400', b'"id":"\\ud800"', b'"id":007', b'"\x01"', b"9" * 30, b"}", b"{", b'"', b",",
    b"\xff", b"\x00", b" ", b"[", b"]", b"1",
)  # fmt: skip
NAMES = ("jsonrpc", "id", "method", "params", "name", "requestId", "result", "error")
TEXTS = (
    "2.0", "a", "b", "tools/call", "tools/list", "initialize", "notifications/initialized", "notifications/cancelled", "ping", "store",
    "session-mgmt-replay",
)  # fmt: skip
SHAPES: tuple[dict[str, Any], ...] = (
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "store"}},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    {"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {}},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
    {"jsonrpc": "2.0", "id": 1, "result": {}},
    {"jsonrpc": "2.0", "id": "a", "result": {}},
    {"jsonrpc": "2.0", "id": 7, "method": "roots/list"},
    {"jsonrpc": "2.0", "id": 7, "result": {"roots": []}},
)
IDS = (b"1", b'"a"', b"007", b'"\x01"', b'"\xff"', b"9" * 300, b"9" * 5_000, b"null", b"1.5", b'"\\ud800"')
LIMIT = 6_000


def _line(reader: Reader) -> bytes:
    match reader.below(8):
        case 7:
            return reader.taken(reader.below(80)).replace(b"\n", b"") + b"\n"
        case 5:
            name = b'"id":' + reader.one_of(IDS)
            filling = b'"params":["' + b"x" * LIMIT + b'"]'
            both = (name, filling) if reader.below(2) else (filling, name)
            return b"{" + b",".join(both) + b"}\n"
        case 6:
            return reader.one_of(INGREDIENTS) * (1 + reader.below(40)) + b"\n"
        case _:
            message = {**reader.one_of(SHAPES)}
            for _ in range(reader.below(3)):
                message[reader.one_of(NAMES)] = any_value(reader, TEXTS, NAMES)
            return dumped(message) + b"\n"


class _Shim:
    """A shim without its loop: what comes in is handed to it, what goes out is read from a pipe."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.shim = Shim(stdin=self.reading, stdout=-1)
        self.shim._client = Lines(LIMIT)
        self.hubs: list[socket.socket] = []

    def client_says(self, chunk: bytes) -> None:
        os.write(self.writing, chunk[:60_000])
        self.shim._hear_client()

    def hub_says(self, chunk: bytes) -> None:
        for line in self.shim._hub_lines.feed(chunk):
            self.shim._hear(line)

    def greeted(self, rest: bytes) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.hubs.append(theirs)
        self.shim._greet(Link(ours, {"repeatable": ["ping"]}, rest))

    def answers(self) -> bytes:
        return b"".join(bytes(part) for part in self.shim._answers._waiting)

    def close(self) -> None:
        for hub in (*self.hubs, *([self.shim._hub] if self.shim._hub else [])):
            hub.close()
        os.close(self.reading)
        os.close(self.writing)


def check(data: bytes) -> None:
    reader = Reader(data)
    wired, asked, from_hub = _Shim(), 0, b""
    try:
        for _ in range(16):
            if not reader:
                break
            match reader.below(8):
                case 0 | 1 | 2:
                    line = _line(reader)
                    wired.client_says(line)
                    asked += 1
                case 3 | 4:
                    line = _line(reader)
                    from_hub += line
                    wired.hub_says(line)
                case 5:
                    wired.greeted(b"")
                case 6:
                    wired.shim._lose()
                case _:
                    wired.shim._refuse("No hub can be had: try again.")
        _check_answers(wired.answers(), from_hub, asked)
        assert len(wired.shim._flight) <= asked
    finally:
        wired.close()
    head, tail = data[:512], data[-512:]
    FIRST_ID.match(head)
    LAST_ID.search(tail)


def _check_answers(told: bytes, from_hub: bytes, asked: int) -> None:
    """What is not the hub's own word is JSON-RPC."""
    theirs = set(from_hub.split(b"\n"))
    errors = 0
    for line in told.split(b"\n"):
        if line and line not in theirs:
            message = json.loads(line)
            assert message["jsonrpc"] == "2.0" and (
                "error" in message or message["method"] == "notifications/cancelled"
            )
            errors += "error" in message
    assert errors <= asked, "more errors than messages"
