"""Somebody sweeps the folder for what is temporary while the hub runs."""

import shutil
from pathlib import Path

import pytest
from session_mgmt_mcp import control

from .conftest import TINY_HUB


@pytest.mark.parametrize("swept", [pytest.param("the socket", marks=pytest.mark.slow), "its folder"])
def test_sessions_go_on_and_who_comes_later_gets_in(world, swept):
    first = world.client()
    hub = world.hub()
    socket = Path(world.announced()["socket"])
    socket.unlink() if swept == "the socket" else shutil.rmtree(socket.parent)
    assert first.call("ping")["pid"] == hub
    second = world.client()
    assert second.call("ping")["pid"] == hub
    assert control.call("count", {"to": 1}, command=TINY_HUB) == {"counted": 1}
    assert world.hubs() == [hub]
    assert socket.stat().st_mode & 0o777 == 0o600 and socket.parent.stat().st_mode & 0o777 == 0o700
    assert first.call("ping")["pid"] == hub


@pytest.mark.slow
def test_a_hub_that_leaves_makes_no_socket_again(world):
    client = world.client()
    socket = Path(world.announced()["socket"])
    asked = client.start_call("slow", seconds=1.5, note="done")
    world.until((world.data / "slow").exists)
    control.call("hub.stop", command=TINY_HUB)
    assert client.answer(asked)["result"]["structuredContent"] == {"note": "done"}
    client.leave()
    world.until(lambda: not world.hubs())
    assert not socket.exists()
