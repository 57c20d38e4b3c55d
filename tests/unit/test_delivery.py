"""A reminder counts as told when its answer has been written to the client, not before."""

import asyncio
import json
import socket
from datetime import UTC, datetime

import pytest
from session_mgmt_mcp import connection, fastmcp_internals
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.clock import SystemClock
from session_mgmt_mcp.conversation import Conversation
from session_mgmt_mcp.delivery import awaiting, when_answered
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.tools.reminded import FIELD

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


@pytest.fixture
def clock(monkeypatch) -> FixedClock:
    clock = FixedClock(datetime(2026, 11, 18, 14, 30, tzinfo=UTC))
    monkeypatch.setattr(SystemClock, "now", lambda _: clock.now())
    return clock


class Wire:
    """A client at the other end of a socket."""

    def __init__(self, ours: socket.socket) -> None:
        self.socket = ours

    async def open(self) -> None:
        self.reader, self._writer = await asyncio.open_unix_connection(sock=self.socket)
        await self.ask("initialize", HELLO)
        self.send({"method": "notifications/initialized"})

    def send(self, message: dict) -> None:
        self.socket.send(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def ask(self, method: str, params: dict) -> dict:
        self.send({"id": method, "method": method, "params": params})
        return json.loads(await self.reader.readline())["result"]

    async def ping(self) -> dict:
        return (await self.ask("tools/call", {"name": "ping", "arguments": {}}))["structuredContent"]


class Hub:
    """Serves any number of wires from one product, for a client in one folder."""

    def __init__(self, app, folder) -> None:
        self.app = app
        self.server = build_server(app)
        self.caller = connection.Connection(cwd=str(folder), project_dir=str(folder), session_id="s1")
        self.serving = []

    async def wire(self) -> Wire:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_unix_connection(sock=theirs)
        with connection.entered(self.caller):
            self.serving.append(asyncio.create_task(Conversation(self.server, reader, writer).run()))
        wire = Wire(ours)
        await wire.open()
        return wire


@pytest.fixture
async def hub(product_in, shop, clock):
    async with product_in(shop) as (app, client):
        await client.call_tool("create_natural_reminder", {"title": "Call Bob", "time_expression": "in 20 minutes"})
        clock.advance(minutes=20)
        hub = Hub(app, shop)
        async with fastmcp_internals.lifespan(hub.server):
            yield hub
            for task in hub.serving:
                task.cancel()
            await asyncio.gather(*hub.serving, return_exceptions=True)


async def test_an_answer_that_was_written_has_told_it(hub):
    wire = await hub.wire()
    assert len((await wire.ping())[FIELD]) == 1
    assert FIELD not in await wire.ping()
    [told] = await hub.app.reminders.list(closed=True)
    assert (told.status, told.told_by) == ("done", "answer")


async def test_an_answer_that_nobody_took_has_told_nothing(hub):
    wire = await hub.wire()
    wire.socket.shutdown(socket.SHUT_RD)
    wire.send({"id": 7, "method": "tools/call", "params": {"name": "ping", "arguments": {}}})
    for _ in range(200):
        await asyncio.sleep(0.01)
        if (await hub.app.reminders.list())[0].version > 2:  # made, taken, given back
            break
    assert len((await (await hub.wire()).ping())[FIELD]) == 1


async def test_of_two_clients_that_ask_at_once_one_is_told(hub):
    first, second = await hub.wire(), await hub.wire()
    answers = await asyncio.gather(*(wire.ping() for wire in (first, second) for _ in range(1)))
    assert sum(FIELD in answer for answer in answers) == 1


async def test_an_outcome_is_told_once_and_of_its_own_answer():
    heard = []

    async def outcome(written: bool) -> None:
        heard.append(written)

    with awaiting() as awaited:
        await when_answered("7", outcome)
        await awaited.answered(8, True)
        assert heard == []
        await awaited.answered(7, False)
        await awaited.answered(7, True)
    assert heard == [False]
    await when_answered("9", outcome)
    assert heard == [False, True], "outside of a conversation nothing is waited for"
