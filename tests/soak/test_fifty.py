"""Fifty sessions at once, one hub: nobody sees an error, nobody waits long, and all of it is given back."""

import os
import sys
import threading
import time
from collections import defaultdict

import numpy as np
import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SERVER = (sys.executable, "-m", "session_mgmt_mcp.server")
SESSIONS, FOLDERS, ROUNDS = 50, 10, 3
MEGABYTES = 450


def state_of(hub):
    return {
        "MB": hub.memory_info().rss / 1e6,
        "descriptors": hub.num_fds(),
        "threads": hub.num_threads(),
        "children": len(hub.children(recursive=True)),
    }


def a_session(client, n, told):
    """What one does in its life; how long each call took goes to `told`."""

    def call(tool, **arguments):
        began = time.monotonic()
        answer = client.call(tool, **arguments)
        told[tool].append(time.monotonic() - began)
        return answer

    call("start")
    for turn in range(ROUNDS):
        text = f"w{n}q{turn}: session {n} mended the till in turn {turn}."
        call("store_reflection", content=text)
        found = call("search_reflections", query=f"w{n}q{turn}")
        assert any(text == hit["snippet"] for hit in found["hits"]), found
    call("checkpoint")
    call("end")


def test_fifty_sessions_at_once(world, tmp_path):
    first = world.client(command=SERVER)
    first.call("search_reflections", query="anything")  # the model is loaded once
    hub = psutil.Process(world.hub())
    before = state_of(hub)
    clients = []
    for n in range(SESSIONS):
        folder = tmp_path / f"project{n % FOLDERS}"
        folder.mkdir(exist_ok=True)
        about = {"CLAUDE_PROJECT_DIR": str(folder), "CLAUDE_CODE_SESSION_ID": f"session{n}"}
        clients.append(world.client(modern=n % 2 == 0, command=SERVER, greeted=False, **about))
    told, errors, highest = defaultdict(list), [], {}

    def run(n):
        try:
            clients[n].shake_hands()
            a_session(clients[n], n, told)
        except BaseException as error:
            errors.append(repr(error))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(SESSIONS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        highest = {name: max(value, highest.get(name, 0)) for name, value in state_of(hub).items()}
        time.sleep(0.1)
    took = time.monotonic() - began
    shims = [psutil.Process(client.process.pid).memory_info().rss / 1e6 for client in clients]
    for client in clients:
        assert client.leave() == (0, "")
    world.until(lambda: state_of(hub)["descriptors"] <= before["descriptors"] + 2, 20)
    after = state_of(hub)
    stored = first.call("reflection_stats")["by_kind"]["reflection"]

    print(f"\n{SESSIONS} sessions in {took:.1f} s on {os.cpu_count()} cores, {sum(map(len, told.values()))} calls")
    for tool, seconds in told.items():
        print(f"{tool:>20}: p50 {np.median(seconds):6.3f} s, p95 {np.quantile(seconds, 0.95):6.3f} s")
    for name in before:
        print(f"{name:>20}: {before[name]:6.0f} before, {highest[name]:6.0f} at most, {after[name]:6.0f} after")
    print(f"{'a shim':>20}: {max(shims):6.1f} MB at most")
    assert errors == []
    assert stored == SESSIONS * (ROUNDS + 1)  # and one a checkpoint
    assert len(world.hubs()) == 1 and world.hub() == hub.pid
    assert highest["MB"] <= MEGABYTES
    assert after["children"] == before["children"]
    assert after["threads"] <= before["threads"] + 16  # pools that are filled once
