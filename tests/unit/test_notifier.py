"""Notifications: a real session_bus, and on it a desktop of ours."""

import asyncio
import time
from xml.etree import ElementTree

import pytest
from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.asyncio import DBusRouter, Proxy, open_dbus_connection
from session_mgmt_mcp.adapters.freedesktop.notifier import FreedesktopNotifier
from session_mgmt_mcp.adapters.memory.notifier import MemoryNotifier
from session_mgmt_mcp.contracts.notifier import NotifierContract
from session_mgmt_mcp.ports.errors import Unavailable

NOTIFICATIONS = "org.freedesktop.Notifications"


async def serve(connection, answer):
    while True:
        asked = await connection.receive()
        if asked.header.message_type is MessageType.method_call:
            await connection.send(answer(asked, asked.header.fields.get(HeaderFields.member)))


@pytest.fixture
async def desktop(session_bus):
    """What a desktop on that bus was shown; it reads markup in the body, as they do."""
    connection = await open_dbus_connection(session_bus)
    async with DBusRouter(connection) as router:
        await Proxy(message_bus, router).RequestName(NOTIFICATIONS)
    shown = []

    def answer(asked, member):
        if member == "GetServerInformation":
            return new_method_return(asked, "ssss", ("our-desktop", "us", "1", "1.2"))
        *_, title, body, actions, hints, lasts = asked.body
        assert not actions and lasts == 0 and hints["urgency"] == ("y", 1)
        shown.append((title, ElementTree.fromstring(f"<body>{body}</body>").text or ""))
        return new_method_return(asked, "u", (len(shown),))

    serving = asyncio.create_task(serve(connection, answer))
    yield shown
    serving.cancel()
    await connection.close()


class TestFreedesktop(NotifierContract):
    @pytest.fixture
    def notifier(self, session_bus, desktop):
        return FreedesktopNotifier(session_bus)

    @pytest.fixture
    def shown(self, desktop):
        return desktop

    @pytest.fixture
    def nowhere(self, tmp_path):
        return FreedesktopNotifier(f"unix:path={tmp_path}/nobody")


class TestMemory(NotifierContract):
    @pytest.fixture
    def notifier(self):
        return MemoryNotifier()

    @pytest.fixture
    def shown(self, notifier):
        return notifier.shown

    @pytest.fixture
    def nowhere(self):
        notifier = MemoryNotifier()
        notifier.there = False
        return notifier


async def test_the_bus_of_the_session_is_found_by_its_environment(session_bus, desktop, monkeypatch, tmp_path):
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    with pytest.raises(Unavailable, match="no desktop"):
        await FreedesktopNotifier().desktop()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", session_bus)
    assert await FreedesktopNotifier().desktop() == "our-desktop (us)"
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    (runtime / "bus").symlink_to(session_bus.partition("path=")[2].partition(",")[0])
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert await FreedesktopNotifier().desktop() == "our-desktop (us)"


async def test_a_bus_without_a_desktop_is_no_desktop(session_bus):
    with pytest.raises(Unavailable, match="shows no notifications"):
        await FreedesktopNotifier(session_bus).notify("Call Bob", "")


@pytest.mark.parametrize(
    "address", ["nonsense", "unix:", "tcp:host=127.0.0.1,port=1", "unix:path=/dev/null", "unix:path"]
)
async def test_an_address_that_leads_nowhere_is_no_desktop(address):
    with pytest.raises(Unavailable, match="wait for a session"):
        await FreedesktopNotifier(address).notify("Call Bob", "")


async def test_a_desktop_that_does_not_answer_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("session_mgmt_mcp.adapters.freedesktop.notifier.SECONDS", 0.2)
    silent = await asyncio.start_unix_server(lambda reader, writer: None, tmp_path / "bus")
    began = time.monotonic()
    with pytest.raises(Unavailable, match="does not answer"):
        await FreedesktopNotifier(f"unix:path={tmp_path}/bus").notify("Call Bob", "")
    assert time.monotonic() - began < 5
    silent.close()


async def test_a_refusal_of_the_desktop_is_said(session_bus):
    connection = await open_dbus_connection(session_bus)
    async with DBusRouter(connection) as router:
        await Proxy(message_bus, router).RequestName(NOTIFICATIONS)
    refusing = asyncio.create_task(serve(connection, lambda asked, _: new_error(asked, "org.test.Full")))
    with pytest.raises(Unavailable, match=r"org\.test\.Full"):
        await FreedesktopNotifier(session_bus).notify("Call Bob", "")
    refusing.cancel()
    await connection.close()
