"""The clock of a running hub jumps by days and years, forwards and back: libfaketime between the hub and the system."""

import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.tools.reminded import FIELD

from .conftest import REAL_SHIM

pytestmark = pytest.mark.slow
JUMPS = ["+3650d", "-3650d", "+2d", "-2d"]


class Clock:
    """Of one hub."""

    def __init__(self, world, library, file):
        self._file = file
        self.set("+0d")
        environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.hub = subprocess.Popen(
            [sys.executable, "-P", "-m", "session_mgmt_mcp.hub"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
        )
        world.until(lambda: world.announced().get("state") == "serving")
        assert world.announced()["pid"] == self.hub.pid

    def set(self, by):
        self._file.write_text(f"{by}\n")

    def has_ended(self):
        return self.hub.poll() is not None


@pytest.fixture
def started(world, monkeypatch, tmp_path):
    """The world, and the clock of its hub: `started(idle_exit)`."""
    found = list(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found or not shutil.which("faketime"):
        pytest.skip("faketime is not installed (Debian's package faketime)")
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    clocks = []

    def start(idle_exit=60):
        monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", str(idle_exit))
        clocks.append(Clock(world, str(found[0]), tmp_path / "clock"))
        return clocks[0]

    yield start
    for clock in clocks:
        clock.hub.kill()
        clock.hub.wait()


def client(world, session="s1"):
    return world.client(command=REAL_SHIM, CLAUDE_CODE_SESSION_ID=session)


def titles(client):
    """Of the reminders that the client is told now."""
    return [line.split('"')[1] for line in client.call("ping").get(FIELD, [])]


def snippets(client, word):
    hits = client.call("reflect_on_past", query=word, min_score=0)["hits"]
    assert all(0 <= hit["score"] <= 1 for hit in hits)
    return [hit["snippet"] for hit in hits]


@pytest.mark.parametrize("jump", ["+3650d", "-2d"])
def test_memories_are_stored_and_found_whatever_the_clock_says(started, world, jump):
    clock = started()
    asking = client(world)
    asking.call("store_reflection", content="the lantern is blue")
    clock.set(jump)
    asking.call("store_reflection", content="the lantern is red")
    assert sorted(snippets(asking, "lantern")) == ["the lantern is blue", "the lantern is red"]
    clock.set("+0d")
    asking.call("store_reflection", content="the lantern is green")
    three = ["the lantern is blue", "the lantern is green", "the lantern is red"]
    assert sorted(snippets(asking, "lantern")) == three
    assert asking.call("reflection_stats")["memories"] == 3
    assert asking.call("start")["summary"]
    assert asking.call("end")["summary"]


def test_a_reminder_is_told_once_when_the_clock_runs_ahead_and_comes_back(started, world):
    clock = started()
    asking = client(world)
    asking.call("create_natural_reminder", title="once", time_expression="in 1 hour")
    asking.call("create_natural_reminder", title="daily", time_expression="every day at 9")
    assert titles(asking) == []
    clock.set("-2d")
    assert titles(asking) == []
    clock.set("+2d")
    time.sleep(1)
    assert sorted(titles(asking)) == ["daily", "once"]
    assert titles(asking) == []
    clock.set("+0d")
    assert titles(asking) == []
    clock.set("+3650d")
    assert titles(asking) == ["daily"]
    assert titles(asking) == []
    clock.set("+0d")
    assert titles(asking) == []
    [left] = asking.call("list_user_reminders")["reminders"]
    assert left["title"] == "daily"
    assert datetime.now(UTC) < datetime.fromisoformat(left["due"]) < datetime.now(UTC) + timedelta(days=4)


def test_an_idle_hub_ends_in_its_own_time(started, world):
    clock = started(idle_exit=3)
    asking = client(world)
    for jump in JUMPS:
        clock.set(jump)
        time.sleep(0.3)
        assert asking.call("ping")
    assert client(world, "s2").leave() == (0, "")
    assert not clock.has_ended()
    asking.leave()
    clock.set("-3650d")
    began = time.monotonic()
    world.until(clock.has_ended, seconds=30)
    assert 1.5 < time.monotonic() - began < 15
