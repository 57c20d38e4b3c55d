"""Reminders across real hubs that die, go and come, and on a real bus."""

import html
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from jeepney import HeaderFields, MessageType, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection
from session_mgmt_mcp.tools.reminded import FIELD

SHIM = (sys.executable, "-m", "session_mgmt_mcp.server")


@pytest.fixture
def hubs(world, monkeypatch, tmp_path):
    """`hubs.client()` talks to the real product."""
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(tmp_path))
    return world


def client(world, session="s1"):
    return world.client(command=SHIM, CLAUDE_CODE_SESSION_ID=session)


def remind(client, when, **more):
    return client.call("create_natural_reminder", title="Call Bob", time_expression=when, **more)["reminder"]


@pytest.mark.parametrize("dies", ["kill", "leaves"])
def test_a_reminder_survives_the_hub_and_is_told_once(hubs, dies):
    first = client(hubs)
    remind(first, "in 2 seconds")

    def end():
        if dies == "kill":
            hubs.kill_hub()
        else:
            subprocess.run(
                [Path(sys.executable).parent / "session-mgmt-mcp", "hub", "stop"], capture_output=True, check=True
            )

    end()
    time.sleep(2.2)
    assert len(first.call("ping")[FIELD]) == 1
    end()
    assert FIELD not in first.call("ping")
    second = client(hubs, "s2")
    assert FIELD not in second.call("ping")


def test_what_waits_for_a_session_keeps_no_hub_and_is_told_at_the_next_start(hubs, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "0.5")
    first = client(hubs)
    remind(first, "in 3 seconds")  # sooner, the answer of a busy machine would tell it already
    first.leave()
    hubs.until(lambda: not hubs.hubs())
    time.sleep(3)
    assert len(client(hubs, "s2").call("ping")[FIELD]) == 1


def test_the_service_stays_off_over_a_restart(hubs):
    first = client(hubs)
    remind(first, "in 1 hour", notification_method="desktop")
    assert first.call("stop_reminder_service")["changed"]
    hubs.kill_hub()
    assert not first.call("stop_reminder_service")["changed"]
    assert first.call("start_reminder_service")["next"]


@pytest.fixture
def desktop(session_bus, monkeypatch):
    """What a desktop on a bus of its own was shown, and when."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", session_bus)
    shown = []
    connection = open_dbus_connection(session_bus)
    connection.send_and_get_reply(message_bus.RequestName("org.freedesktop.Notifications"))

    def serve():
        while True:
            try:
                asked = connection.receive()
            except Exception:
                return
            if asked.header.message_type is not MessageType.method_call:
                continue
            if asked.header.fields.get(HeaderFields.member) == "Notify":
                shown.append((time.monotonic(), asked.body[3], html.unescape(asked.body[4])))
                connection.send(new_method_return(asked, "u", (1,)))
            else:
                connection.send(new_method_return(asked, "ssss", ("our-desktop", "", "1", "1.2")))

    threading.Thread(target=serve, daemon=True).start()
    yield shown
    connection.close()


def test_the_hub_stays_for_the_desktop_shows_it_and_goes(hubs, desktop, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "0.5")
    first = client(hubs)
    due = time.monotonic() + 4
    reply = first.call(
        "create_natural_reminder", title="Call Bob", time_expression="in 4 seconds", notification_method="desktop"
    )
    assert "no desktop" not in reply["summary"]
    first.leave()
    hubs.until(lambda: desktop or not hubs.hubs())
    [(at, title, text)] = desktop
    assert title == "Call Bob" and text.startswith("due ") and at >= due - 1.5
    hubs.until(lambda: not hubs.hubs())
    assert FIELD not in client(hubs, "s2").call("ping")


def test_a_desktop_reminder_that_was_missed_is_shown_by_the_next_hub(hubs, desktop):
    first = client(hubs)
    remind(first, "in 2 seconds", notification_method="desktop")
    hubs.kill_hub()
    time.sleep(2.5)
    assert not desktop
    first.call("ping")
    hubs.until(lambda: desktop)
    assert [title for _, title, _ in desktop] == ["Call Bob"]
