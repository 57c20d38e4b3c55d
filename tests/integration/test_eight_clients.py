"""The whole product under eight clients whose hub is killed twice: everything once, no error, nothing left behind."""

import sys
import threading

CLIENTS = 8
CALLS = 200
SERVER = (sys.executable, "-m", "session_mgmt_mcp.server")
WORDS = ("cache", "schema", "retry", "socket", "ledger", "window", "cursor", "token", "vector", "branch")


def content(client, call):
    return f"Insight {client}x{call}y: reset the {WORDS[call % 10]} before the {WORDS[client]} of build {client * 1000 + call}."


def work(client, n, progress):
    """200 mixed calls; each search must find what its client stored before."""
    for call in range(CALLS):
        match call % 4:
            case 0 | 1:
                assert client.call("store_reflection", content=content(n, call))["id"]
            case 2:
                found = client.call("search_reflections", query=content(n, call - 1), limit=3)
                assert any(f"{n}x{call - 1}y" in hit["snippet"] for hit in found["hits"]), found
            case 3:
                assert client.call("ping")["pong"]
        progress[n] += 1


def test_every_acknowledged_write_of_eight_clients_is_there_once(world, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "2")
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")  # vectors are made all the same; the model is tested elsewhere
    clients = [world.client(modern=n % 2 == 0, command=SERVER) for n in range(CLIENTS)]
    progress, errors = [0] * CLIENTS, []

    def run(n):
        try:
            work(clients[n], n, progress)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for share in (1 / 3, 2 / 3):
        world.until(lambda share=share: errors or sum(progress) > share * CLIENTS * CALLS)
        if not errors:
            world.kill_hub()
    for thread in threads:
        thread.join()
    assert errors == []

    stored = CLIENTS * CALLS // 2
    assert clients[0].call("reflection_stats")["kinds"] == {"reflection": stored}
    for n in range(CLIENTS):
        for call in (0, CALLS // 2, CALLS - 3):
            hits = clients[0].call("search_reflections", query=f"{n}x{call}y", limit=5)["hits"]
            assert sum(f"{n}x{call}y" in hit["snippet"] for hit in hits) == 1
    assert len(world.hubs()) == 1
    for client in clients:
        assert client.leave() == (0, "")
    world.until(lambda: not world.hubs())
