"""How hubs begin, hand over and end. Everything here is a real process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from session_mgmt_mcp import control, election, places, wire

from .conftest import HERE, TINY_HUB, TINY_SHIM


def test_a_hub_without_clients_ends_by_itself_and_closes_its_store(world, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "0.3")
    client = world.client()
    socket_path = Path(world.announced()["socket"])
    time.sleep(0.6)
    assert world.hubs(), "a connected client keeps it"
    client.leave()
    world.until(lambda: not world.hubs())
    assert (world.data / "closed").exists()
    assert not socket_path.exists()


def test_a_started_service_keeps_an_idle_hub(world, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "0.3")
    client = world.client()
    (world.data / "busy").touch()
    client.leave()
    time.sleep(0.8)
    assert world.hubs()
    (world.data / "busy").unlink()
    world.until(lambda: not world.hubs())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_hub_after_what_is_in_flight(world, number):
    client = world.client()
    asked = client.start_call("slow", seconds=0.5, note="done")
    world.until((world.data / "slow").exists)
    os.kill(world.hub(), number)
    assert client.answer(asked)["result"]["structuredContent"] == {"note": "done"}
    world.until(lambda: not world.hubs())
    assert (world.data / "closed").exists()
    assert client.call("ping"), "the next call has the next hub"


def test_a_newer_shim_takes_over_and_the_calls_in_flight_finish(world):
    old = world.client()
    first = world.hub()
    asked = old.start_call("slow", seconds=1, note="finished")
    world.until((world.data / "slow").exists)
    new = world.client(command=[*TINY_SHIM, "99.0.0"], greeted=False)
    greeting = new.send("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "n", "version": "1"}})  # fmt: skip
    assert old.answer(asked)["result"]["structuredContent"] == {"note": "finished"}
    world.until(lambda: first not in world.hubs())
    # the next hub of this test is of the old version again, and would leave for the newer shim for ever
    new.process.kill()
    assert greeting == 1
    assert old.call("ping")["pid"] != first
    assert len(world.hubs()) == 1


def test_an_older_shim_is_served_by_a_newer_hub(served):
    served.client()
    hub = served.hub()
    old = served.client(command=[*TINY_SHIM, "0.0.1"])
    assert old.call("ping")["pid"] == hub


def test_an_older_shim_leaves_the_start_to_a_newer_one(world):
    lock = election.take(str(world.data))
    election.announce(lock, state="leaving", next="99.0.0")
    os.close(lock)
    waiting = world.client(greeted=False)
    waiting.send("ping")
    time.sleep(1)
    assert world.hubs() == []
    newer = world.client(command=[*TINY_SHIM, "99.0.0"], greeted=False)
    newer.send("ping")
    world.hub()


def test_a_lock_held_in_another_container_is_said_as_such(world):
    lock = election.take(str(world.data))
    election.announce(lock)
    said = world.announced()
    elsewhere = json.dumps({**said, "boot": "another", "host": "build-7"}).encode()
    os.ftruncate(lock, 0)
    os.pwrite(lock, elsewhere, 0)
    client = world.client(greeted=False)
    error = client.answer(client.send("tools/list"))["error"]["message"]
    assert "another machine or in another container (build-7)" in error
    os.close(lock)


def test_a_holder_that_does_not_answer_is_named(world):
    lock = election.take(str(world.data))
    election.announce(lock, state="serving")
    with pytest.raises(wire.Unreachable, match=rf"process {os.getpid()}.*does not answer"):
        from session_mgmt_mcp.dial import reach

        reach("control", str(world.data), patience=0.3)
    os.close(lock)


def test_a_hub_that_cannot_start_is_reported_to_each_request_and_not_tried_in_a_tight_loop(world):
    world.data.mkdir(parents=True)
    (world.data / "broken").touch()
    client = world.client(greeted=False)
    asked = [client.send("initialize"), client.send("tools/list"), client.start_call("ping")]
    for whom in asked:
        error = client.answer(whom)["error"]
        assert error["message"] == "The database is damaged: restore a backup."
    first = world.announced()["pid"]
    for _ in range(20):
        assert "damaged" in client.answer(client.send("tools/list"))["error"]["message"]
    assert world.announced()["pid"] == first
    (world.data / "broken").unlink()
    time.sleep(2.1)
    client.shake_hands()
    assert client.call("ping"), "once mended it works, without a new client"


def test_a_second_client_hears_the_reason_too(world):
    world.data.mkdir(parents=True)
    (world.data / "broken").touch()
    clients = [world.client(greeted=False) for _ in range(3)]
    for client in clients:
        assert "damaged" in client.answer(client.send("tools/list"))["error"]["message"]
    assert world.hubs() == []


def test_a_data_directory_that_cannot_be_made_is_named(world, tmp_path):
    (tmp_path / "file").touch()
    client = world.client(greeted=False, SESSION_MGMT_DATA_DIR=str(tmp_path / "file" / "data"))
    error = client.answer(client.send("tools/list"))["error"]["message"]
    assert "cannot be used" in error
    assert str(tmp_path / "file") in error


def test_a_read_only_data_directory_is_named(world):
    if os.geteuid() == 0:  # who may write everywhere but where the system lets nobody
        data = Path("/proc/self/fdinfo")
    else:
        data = world.data
        data.mkdir(parents=True, mode=0o500)
    client = world.client(greeted=False, SESSION_MGMT_DATA_DIR=str(data))
    assert "make it writable" in client.answer(client.send("tools/list"))["error"]["message"]


def test_a_socket_directory_that_others_can_enter_is_refused(world):
    folder = Path(places.hub_socket(str(world.data))).parent
    folder.mkdir(mode=0o755)
    client = world.client(greeted=False)
    assert "only you can enter" in client.answer(client.send("tools/list"))["error"]["message"]


def test_socket_lock_and_log_are_the_owners_only(world):
    world.client()
    at = world.announced()["socket"]
    assert Path(at).stat().st_mode & 0o777 == 0o600
    assert Path(at).parent.stat().st_mode & 0o777 == 0o700
    assert world.data.stat().st_mode & 0o777 == 0o700
    for file in (world.data / "hub.lock", *Path(places.log_dir()).iterdir()):
        assert file.stat().st_mode & 0o777 == 0o600, file


def test_a_dead_hubs_socket_is_no_obstacle(world):
    world.client()
    world.kill_hub()
    assert Path(places.hub_socket(str(world.data))).exists()
    assert world.client().call("ping")


def test_a_client_with_another_runtime_directory_finds_the_hub(served, tmp_path):
    first = served.client()
    second = served.client(XDG_RUNTIME_DIR=str(tmp_path), TMPDIR=str(tmp_path))
    assert first.call("ping") == second.call("ping")
    assert len(served.hubs()) == 1


@pytest.mark.parametrize("name", ["with spaces and ümläut", "long/" + "/".join(["x" * 60] * 5)])
def test_a_data_directory_of_any_name_works(world, tmp_path, monkeypatch, name):
    monkeypatch.setenv("SESSION_MGMT_DATA_DIR", str(tmp_path / name))
    world.data = tmp_path / name
    assert world.client().call("store", content="x")


def test_a_hub_whose_data_directory_is_removed_ends(world):
    world.client()
    (world.data / "hub.lock").unlink()
    world.until(lambda: not world.hubs(), seconds=20)


def test_who_does_not_greet_is_let_go(served):
    served.client()
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(served.announced()["socket"])
        stranger.settimeout(20)
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.recv(100) == b""


def test_in_process_serves_without_a_hub(world):
    client = world.client(command=[sys.executable, str(HERE / "tiny.py"), "in-process"])
    assert client.call("store", content="here")
    assert client.call("whoami")["pid"] == os.getpid()
    assert world.hubs() == []
    assert client.leave(signal.SIGINT) == (0, "")
    assert (world.data / "closed").exists()


@pytest.mark.parametrize("modern", [False, True])
def test_in_process_knows_both_handshakes_and_ends_with_its_client(world, modern):
    client = world.client(command=[sys.executable, str(HERE / "tiny.py"), "in-process"], modern=modern)
    assert client.call("ping")
    assert client.leave() == (0, "")


def test_in_process_refuses_a_directory_that_a_hub_owns(served):
    served.client()
    done = subprocess.run(
        [sys.executable, str(HERE / "tiny.py"), "in-process"], check=False, input="", capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"process {served.hub()}" in done.stderr


def test_a_hub_in_the_foreground_refuses_to_be_the_second(served):
    served.client()
    done = subprocess.run(TINY_HUB, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, f"Another hub already serves {served.data}.\n")


def test_a_stopped_hub_lets_go_of_the_directory(world):
    client = world.client()
    control.call("hub.stop", spawn=False)
    assert control.wait_gone(timeout=20)
    assert world.hubs() == []
    assert client.call("ping"), "the next call starts another"
