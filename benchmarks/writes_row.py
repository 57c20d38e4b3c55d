"""Eight clients that write at once while their hub is killed: what is acknowledged must be there once."""

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.ports.vector_store import Record
from session_mgmt_mcp.settings import Settings

from benchmarks.figures import Budget, Figure
from benchmarks.process_rows import Client, home, hub_pid, stop_hub

CLIENTS, WRITES = 8, 200
PAGE = 2_000


async def writes() -> list[Figure]:
    with home() as environment:
        acknowledged, errors, seconds = await asyncio.to_thread(_written, environment)
        stop_hub(environment)
        place = Path(environment["HOME"])
        stored = await _contents(Settings(data_dir=place / "data", log_dir=place / "logs"))
    return figures(acknowledged, stored, errors, seconds)


def figures(acknowledged: list[str], stored: Counter[str], errors: list[Exception], seconds: float) -> list[Figure]:
    lost = [text for text in acknowledged if text not in stored]
    none = Budget("<=", 0, "value")
    what = f"{CLIENTS} clients x {WRITES} writes, 1 killed hub"
    note = f"{len(acknowledged) / seconds:,.0f} writes a second; the hub killed when half were acknowledged"
    return [
        Figure(f"{what}: lost", len(lost), "writes", none, note=note),
        Figure(f"{what}: duplicated", stored.total() - len(stored), "writes", none),
        Figure(f"{what}: errors shown", len(errors), "errors", none, note="; ".join(map(str, errors[:3]))),
    ]


def _written(environment: dict[str, str]) -> tuple[list[str], list[Exception], float]:
    """What was acknowledged, the errors that clients saw, and the seconds it took."""
    acknowledged: list[str] = []
    errors: list[Exception] = []
    with ExitStack() as open_clients:
        clients = [open_clients.enter_context(Client(environment)) for _ in range(CLIENTS)]

        def write(number: int) -> None:
            for call in range(WRITES):
                text = f"Client {number} decided thing {call}: drain the spool before lock {number * WRITES + call}."
                try:
                    clients[number].call("store_reflection", content=text)
                    acknowledged.append(text)
                except Exception as error:
                    errors.append(error)
                    return

        for client in clients:
            client.open()
        hub = hub_pid(environment)
        threads = [threading.Thread(target=write, args=(number,)) for number in range(CLIENTS)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        while len(acknowledged) < CLIENTS * WRITES / 2 and any(thread.is_alive() for thread in threads):
            time.sleep(0.001)
        os.kill(hub, signal.SIGKILL)
        for thread in threads:
            thread.join()
        return acknowledged, errors, time.perf_counter() - start


async def _contents(settings: Settings) -> Counter[str]:
    """Each stored text, how often."""
    async with open_application(settings) as app:
        found: list[Record] = []
        cursor: str | None = None
        while True:
            page = await app.store.scan([], cursor, PAGE)
            found += page.records
            if (cursor := page.cursor) is None:
                break
    return Counter(record.text for record in found if record.kind == "reflection")
