"""A hub that is there and does nothing: everybody who waits is told so, and nobody waits for ever."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from session_mgmt_mcp import control, dial, places

from .conftest import TINY_HUB, hasty_shim

HOLDS = "does not answer: end that process and try again."


@contextmanager
def hanging(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_call_in_flight_is_told_and_the_session_goes_on_when_the_hub_does(world):
    client = world.client(command=hasty_shim(0.3, 0.7))
    pid = world.hub()
    with hanging(pid):
        began = time.monotonic()
        said = client.answer(client.start_call("slow", seconds=0.1), 20)["error"]
        assert time.monotonic() - began < 6
        assert said["message"].startswith(f"The hub (process {pid}) holds {world.data} but {HOLDS}")
        assert said["message"].endswith("What was under way may still take effect.")
        assert said["data"] == {"retryable": True}
        again = client.answer(client.send("tools/list"), 20)["error"]["message"]
        assert HOLDS in again
    time.sleep(2.1)
    assert client.call("ping")["pid"] == pid


@pytest.mark.slow
def test_a_call_that_takes_long_is_no_hub_that_hangs(world):
    client = world.client(command=hasty_shim(0.2, 0.5))
    assert client.call("slow", seconds=2.0, note="done") == {"note": "done"}


@pytest.mark.slow
def test_a_client_that_comes_now_is_told_as_well(world):
    pid = world.client() and world.hub()
    with hanging(pid):
        late = world.client(command=hasty_shim(0.3, 0.7), greeted=False)
        assert HOLDS in late.answer(late.send("tools/list"), 20)["error"]["message"]


@pytest.mark.slow
def test_a_hook_ends_in_time_with_0_and_its_event_is_taken_in_later(world):
    pid = world.client() and world.hub()
    spool = Path(places.spool(str(world.data)))
    with hanging(pid):
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "session_mgmt_mcp.server", "hook", "PostToolUse"],
            input=b'{"session_id": "s"}', capture_output=True, check=False, timeout=30,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert time.monotonic() - began < 5
        assert len(list(spool.glob("*.json"))) == 1
    world.until(lambda: not list(spool.glob("*.json")), seconds=20)


@pytest.mark.slow
def test_a_command_is_told_when_the_hub_stops_in_the_middle_of_it(world, monkeypatch):
    monkeypatch.setattr(control, "PATIENCE", 0.3)
    monkeypatch.setattr(control, "reach", partial(dial.reach, patience=0.5))
    world.client()
    pid = world.hub()
    stopped = []

    def stop(_):
        stopped.append(os.kill(pid, signal.SIGSTOP))

    try:
        with pytest.raises(control.ControlError, match=HOLDS) as error:
            control.call("wait", on_progress=stop, command=TINY_HUB)
        assert error.value.kind == "Unavailable" and stopped
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
def test_a_command_waits_for_a_verb_that_takes_long(world, monkeypatch):
    monkeypatch.setattr(control, "PATIENCE", 0.2)
    world.client()
    seen = []
    with pytest.raises(control.ControlError, match="ended before wait was done"):
        control.call("wait", on_progress=lambda _: seen.append(kill_after(world, 1.5)), command=TINY_HUB)


def kill_after(world, seconds):
    return subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -9 {world.hub()}"])
