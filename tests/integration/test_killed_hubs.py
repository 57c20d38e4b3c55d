"""What was acknowledged is there, once, whenever the hub was killed; and nobody saw an error."""

import os
import random
import signal
import sys
import threading
import time

import pytest
from session_mgmt_mcp import control

CLIENTS = 8
CALLS = 200


def stored(world):
    return (world.data / "stored").read_text().splitlines()


def kill_at_random(world, times, killed, stop):
    """Now and then already while it starts: sets `killed` when that was done often enough."""
    dice = random.Random(times)
    for _ in range(times):
        starting = dice.random() < 0.2
        while not stop.is_set() and not (pids := world.hubs()):
            time.sleep(0.01)
        while not starting and not stop.is_set() and world.announced().get("state") != "serving":
            time.sleep(0.01)
        stop.wait(dice.uniform(0.0, 1.0))
        if stop.is_set():
            return
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        world.until(lambda pids=pids: not set(pids) & set(world.hubs()))
    killed.set()


def test_eight_clients_and_two_killed_hubs_lose_and_double_nothing(world, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "2")
    clients = [world.client(modern=n % 2 == 0) for n in range(CLIENTS)]
    progress = [0] * CLIENTS
    errors = []

    def work(n):
        try:
            for call in range(CALLS):
                match call % 4:
                    case 0 | 1:
                        clients[n].call("store", content=f"<{n}.{call}>")
                    case 2:
                        assert clients[n].call("search", query=f"<{n}.{call - 1}>")["hits"] == [f"<{n}.{call - 1}>"]
                    case 3:
                        clients[n].call("ping")
                progress[n] += 1
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for share in (1 / 3, 2 / 3):
        world.until(lambda share=share: errors or sum(progress) > share * CLIENTS * CALLS)
        if not errors:
            world.kill_hub()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(stored(world)) == sorted(
        f"<{n}.{call}>" for n in range(CLIENTS) for call in range(CALLS) if call % 4 < 2
    )
    assert len(world.hubs()) == 1
    for client in clients:
        assert client.leave() == (0, "")
    world.until(lambda: not world.hubs())


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("times", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_a_hub_killed_at_random_points_loses_no_acknowledged_write(world, times, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    client = world.client(command=(sys.executable, "-m", "session_mgmt_mcp.server"))
    killed, stop = threading.Event(), threading.Event()
    killer = threading.Thread(target=kill_at_random, args=(world, times, killed, stop))
    killer.start()
    acknowledged = {}
    try:
        while not killed.is_set():
            text = f"Insight number {len(acknowledged)} of the day."
            whom = client.start_call("store_reflection", content=text)
            while killer.is_alive() and not client.is_answered(
                whom
            ):  # on a busy machine hubs may die before they answer
                time.sleep(0.001)
            result = client.answer(whom)["result"]
            assert not result.get("isError"), result
            acknowledged[result["structuredContent"]["id"]] = text
    finally:
        stop.set()
        killer.join()
    assert client.call("reflection_stats")["by_kind"] == {"reflection": len(acknowledged)}
    for whom, text in acknowledged.items():
        assert [found["text"] for found in control.call("show", {"id": whom})["memories"]] == [text]
    assert len(world.hubs()) == 1
