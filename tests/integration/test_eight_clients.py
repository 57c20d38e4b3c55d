"""The whole product under eight clients whose hub is killed twice: everything once, no error, nothing left behind."""

import sys
import threading

import pytest

CLIENTS = 8
SERVER = (sys.executable, "-m", "session_mgmt_mcp.server")
SYLLABLES = ("ba", "do", "fa", "go", "ka", "lo", "ma", "no", "pa", "ro")
WORDS = ("cache", "schema", "retry", "socket", "ledger", "window", "cursor", "token", "vector", "branch")


def name(n, call):
    """A word that no other memory has."""
    return "".join(SYLLABLES[int(digit)] for digit in f"{n}{call:03d}")


def content(n, call):
    return f"{name(n, call)}: reset the {WORDS[call % 10]} before the {WORDS[n]}."


def work(client, n, calls, progress):
    """So many mixed calls; each search must find what its client stored before."""
    for call in range(calls):
        match call % 4:
            case 0 | 1:
                assert client.call("store_reflection", content=content(n, call))["id"]
            case 2:
                found = client.call("search_reflections", query=name(n, call - 1))
                assert any(content(n, call - 1) == hit["snippet"] for hit in found["hits"]), found
            case 3:
                assert client.call("ping")["pong"]
        progress[n] += 1


@pytest.mark.parametrize("calls", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_every_acknowledged_write_of_eight_clients_is_there_once(world, calls, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "2")
    monkeypatch.setenv("SESSION_MGMT_MODEL_PATH", "/nonexistent/model.onnx")  # search by word goes on, and is exact
    clients = [world.client(modern=n % 2 == 0, command=SERVER) for n in range(CLIENTS)]
    progress, errors = [0] * CLIENTS, []

    def run(n):
        try:
            work(clients[n], n, calls, progress)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for share in (1 / 3, 2 / 3):
        world.until(lambda share=share: errors or sum(progress) > share * CLIENTS * calls)
        if not errors:
            world.kill_hub()
    for thread in threads:
        thread.join()
    assert errors == []

    assert len(world.hubs()) == 1
    for client in clients:
        assert client.leave() == (0, "")
    world.until(lambda: not world.hubs())

    reader = world.client(command=SERVER, SESSION_MGMT_EMBEDDER="memory")
    assert reader.call("reflection_stats")["by_kind"] == {"reflection": CLIENTS * calls // 2}
    for n in range(CLIENTS):
        for call in (0, calls // 2, calls - 3):
            hits = reader.call("search_reflections", query=name(n, call), limit=50)["hits"]
            assert sum(hit["snippet"] == content(n, call) for hit in hits) == 1
