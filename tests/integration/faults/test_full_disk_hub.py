"""The disk under a real hub is full: what is asked says so, what was stored stays, and with room it goes on by itself."""

import subprocess
import sys
import time

import pytest

from .conftest import REAL_SHIM

FULL = "is full: free some space and try again."
NO_ROOM = "make room and try again."


@pytest.fixture
def product(on_disk, world, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    return world


def refused(client, tool, **arguments):
    result = client.request("tools/call", {"name": tool, "arguments": arguments})
    assert result.get("isError"), result
    return result["content"][0]["text"]


def found(client, word):
    return sorted(hit["snippet"] for hit in client.call("reflect_on_past", query=word, min_score=0)["hits"])


@pytest.mark.slow
def test_writes_are_refused_searches_go_on_and_room_is_enough(product, on_disk):
    client = product.client(command=REAL_SHIM)
    client.call("store_reflection", content="the lantern is blue")
    assert client.call("create_natural_reminder", title="first", time_expression="in 1 hour")
    hub, before = product.hub(), on_disk.names()
    on_disk.fill()
    assert refused(client, "store_reflection", content="the lantern is green " + "x" * 9_000).endswith(FULL)
    assert refused(client, "create_natural_reminder", title="second", time_expression="in 1 hour").endswith(NO_ROOM)
    assert found(client, "lantern") == ["the lantern is blue"]
    assert [one["title"] for one in client.call("list_user_reminders")["reminders"]] == ["first"]
    health = client.call("health_check")
    assert {"memory": "ok", "disk": "warn"}.items() <= {one["name"]: one["state"] for one in health["checks"]}.items()
    assert "make room" in health["summary"]
    hook = [sys.executable, "-m", "session_mgmt_mcp.server", "hook", "Stop"]
    done = subprocess.run(hook, input=b"{}", capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert {name for name in on_disk.names() - before if not name.endswith(".lock")} == set(), "no half file is left"
    on_disk.free()
    client.call("store_reflection", content="the lantern is red")
    client.call("create_natural_reminder", title="third", time_expression="in 1 hour")
    assert product.hub() == hub
    product.kill_hub()
    assert found(client, "lantern") == ["the lantern is blue", "the lantern is red"]
    assert [one["title"] for one in client.call("list_user_reminders")["reminders"]] == ["first", "third"]


@pytest.mark.slow
def test_a_hub_that_starts_on_a_full_disk_says_so_and_starts_when_there_is_room(product, on_disk):
    client = product.client(command=REAL_SHIM)
    client.call("store_reflection", content="the lantern is blue")
    on_disk.fill()
    product.kill_hub()
    said = client.answer(client.send("tools/list"))
    assert said.get("error", {}).get("message", FULL).endswith(FULL)
    if "error" not in said:
        assert found(client, "lantern") == ["the lantern is blue"]
    on_disk.free()
    time.sleep(2.1)
    client.call("store_reflection", content="the lantern is red")
    assert found(client, "lantern") == ["the lantern is blue", "the lantern is red"]
    assert len(product.hubs()) == 1


@pytest.mark.slow
def test_a_first_start_on_a_full_disk_says_so_and_leaves_nothing_in_the_way(product, on_disk):
    on_disk.fill()
    client = product.client(command=REAL_SHIM, greeted=False)
    said = client.answer(client.send("tools/list"))["error"]["message"]
    assert said.startswith(f"The disk that holds {product.data}")
    assert said.endswith(FULL)
    on_disk.free()
    time.sleep(2.1)
    client.shake_hands()
    client.call("store_reflection", content="the lantern is red")
    assert found(client, "lantern") == ["the lantern is red"]
