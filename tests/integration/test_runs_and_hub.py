"""Quality runs by a real hub, over real shims: progress, cancelling, keys, a hub that is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SHIM = (sys.executable, "-m", "session_mgmt_mcp.server")
TESTS = """import os
import subprocess
import time


def test_quick():
    assert os.environ["SHOP_TOKEN"] == "s" and "ANTHROPIC_API_KEY" not in os.environ


def test_slow():
    escaped = subprocess.Popen(["sleep", "600"], start_new_session=True)
    open({pids!r}, "w").write(f"{{os.getpid()}} {{escaped.pid}}")
    time.sleep({seconds})
"""


@pytest.fixture
def shop(tmp_path, world, monkeypatch):
    folder = tmp_path / "shop"
    (folder / "tests").mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    monkeypatch.setenv("SESSION_MGMT_QUALITY_RUNNER", "pytools")
    monkeypatch.setenv("SESSION_MGMT_QUALITY_ENVIRONMENT", "SHOP_TOKEN")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(folder))
    monkeypatch.setenv("SHOP_TOKEN", "s")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    return folder


@pytest.fixture(autouse=True)
def ours_first(monkeypatch):
    """Our own pytest, whichever others are on this machine."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def slow(shop, seconds):
    """The file that will name the processes of the slow test."""
    pids = shop.parent / "pids"
    (shop / "tests" / "test_slow.py").write_text(TESTS.format(pids=str(pids), seconds=seconds))
    return pids


def started(world, pids):
    world.until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    return [int(pid) for pid in pids.read_text().split()]


def lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_cancelled_run_leaves_nothing_and_is_kept(world, shop):
    pids = slow(shop, 600)
    client = world.client(command=SHIM)
    asked = client.send(
        "tools/call", {"name": "crackerjack_run", "arguments": {"command": "test"}, "_meta": {"progressToken": "p"}}
    )
    processes = started(world, pids)
    told = []
    world.until(lambda: told.append(client.others.get()["params"]["progress"]) or told[-1] == 1)
    client.send("notifications/cancelled", {"requestId": asked}, notification=True)
    world.until(lambda: not any(map(lives, processes)), seconds=20)

    def outcomes():
        return [run["outcome"] for run in client.call("crackerjack_history")["runs"]]

    world.until(lambda: outcomes() == ["cancelled"])


def test_a_run_gets_the_variables_that_the_user_named_and_no_keys(world, shop):
    slow(shop, 0)
    said = world.client(command=SHIM).call("crackerjack_run", command="test")
    assert (said["outcome"], said["tests"]["passed"]) == ("clean", 2), said


def test_what_a_killed_hub_was_running_is_ended_by_the_next(world, shop):
    pids = slow(shop, 600)
    client = world.client(command=SHIM)
    client.start_call("crackerjack_run", command="test")
    processes = started(world, pids)
    world.kill_hub()
    other = world.client(command=SHIM)
    other.call("ping")
    world.until(lambda: not any(map(lives, processes)), seconds=20)


def test_a_run_is_ended_in_time_with_what_it_knew(world, shop):
    pids = slow(shop, 600)
    began = time.monotonic()
    said = world.client(command=SHIM).call("crackerjack_run", command="test", timeout=5)
    assert said["outcome"] == "timeout" and "longer timeout" in said["note"]
    assert said["tests"]["passed"] == 1
    assert not any(lives(int(pid)) for pid in pids.read_text().split())
    assert time.monotonic() - began < 60


@pytest.mark.slow
def test_a_hub_that_is_told_to_leave_ends_its_run_and_keeps_it(world, shop):
    pids = slow(shop, 600)
    client = world.client(command=SHIM)
    client.start_call("crackerjack_run", command="test")
    processes, hub = started(world, pids), world.hub()
    os.kill(hub, signal.SIGTERM)
    world.until(lambda: hub not in world.hubs(), seconds=30)
    assert not any(map(lives, processes))
    assert [run["outcome"] for run in world.client(command=SHIM).call("crackerjack_history")["runs"]] == ["cancelled"]
