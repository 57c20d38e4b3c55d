"""How a LanceDB on S3 grows: `python -m benchmarks.growth [--memories 1000,10000,100000] [--json]`.

A real S3 server on this machine, behind a proxy that counts, once as near as it is and once as if each request travelled
for DELAY seconds. What one search and one write take and ask for at each size is measured; `estimate` goes on from there.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import obstore
from obstore.store import S3Store
from rich.console import Console
from rich.table import Table
from session_mgmt_mcp.adapters.lancedb import connection, upkeep
from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
from session_mgmt_mcp.domain.ranking import POOL
from session_mgmt_mcp.ports.vector_store import Condition, Meaning, Record

from benchmarks.figures import median
from benchmarks.object_store import Proxy, proxied
from benchmarks.texts import messages, questions
from tests.services import S3Server, s3_server

DELAY = 0.02  # seconds, about what a request to a region next door travels
SEARCHES, WRITES = 12, 6
AT_ONCE = 2_000
MODEL = "measured"
SIZES = (1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one operation: medians. `far_ms` is with DELAY a request."""

    near_ms: float
    far_ms: float
    requests: float
    kilobytes: float

    @property
    def rounds(self) -> float:
        """Requests that wait for one another."""
        return (self.far_ms - self.near_ms) / 1e3 / DELAY


@dataclass(frozen=True, slots=True)
class Point:
    memories: int
    bytes_a_memory: float
    opening: Cost
    first_search: Cost  # of a process that has read nothing yet
    search: Cost
    team_search: Cost  # among a hundredth of the memories
    write: Cost  # one memory, findable when it returns
    upkeep_seconds: float


async def measure(sizes: Sequence[int], told: Callable[[str], None]) -> list[Point]:
    points: list[Point] = []
    with s3_server() as (server, _):
        async with proxied("127.0.0.1", server.port) as proxy:
            near, through = options(server, server.port), options(server, proxy.port)
            uri = f"s3://{server.bucket}/growth"
            loaded = 0
            for size in sorted(sizes):
                told(f"{size:,} memories")
                store = await LanceDBVectorStore.open(uri, near)
                for start in range(loaded, size, AT_ONCE):
                    await store.upsert(records(start, min(start + AT_ONCE, size)))
                await store.close()
                loaded = size
                seconds = await kept_up(uri, near)
                points.append(await point(size, uri, through, proxy, seconds, await stored(server)))
    return points


async def point(size: int, uri: str, through: Mapping[str, str], proxy: Proxy, seconds: float, stored: int) -> Point:
    asked = iter(questions(4 * SEARCHES + 4))

    async def opening() -> LanceDBVectorStore:
        return await LanceDBVectorStore.open(uri, through)

    async def searched(store: LanceDBVectorStore, team: str = "") -> None:
        where = [Condition("facts", "has", team)] if team else []
        await store.search(next(asked), meant(), where, POOL, lambda found, _: len(found))

    async def each(delay: float) -> Mapping[str, tuple[float, int, int]]:
        proxy.delay = delay
        store, first = await timed(proxy, opening)
        _, cold = await timed(proxy, lambda: searched(store))
        half = SEARCHES // 2
        warm = [(await timed(proxy, lambda: searched(store)))[1] for _ in range(half)]
        team = [(await timed(proxy, lambda: searched(store, "team:7")))[1] for _ in range(half)]
        fresh = iter(records(size, size + WRITES))
        writes = [(await timed(proxy, lambda: store.upsert([next(fresh)])))[1] for _ in range(WRITES)]
        await store.close()
        found = {"opening": [first], "first_search": [cold], "search": warm, "team_search": team, "write": writes}
        return {name: middle(some) for name, some in found.items()}

    near, far = await each(0.0), await each(DELAY)
    costs = {name: Cost(near[name][0] * 1e3, far[name][0] * 1e3, near[name][1], near[name][2] / 1e3) for name in near}
    return Point(memories=size, bytes_a_memory=stored / size, upkeep_seconds=seconds, **costs)


async def timed(proxy: Proxy, what: Callable[[], Awaitable[Any]]) -> tuple[Any, tuple[float, int, int]]:
    """What it gave; its seconds, requests and bytes."""
    proxy.traffic.taken()
    start = time.perf_counter()
    result = await what()
    seconds = time.perf_counter() - start
    taken = proxy.traffic.taken()
    return result, (seconds, taken.requests.total(), taken.sent + taken.received)


def middle(some: Sequence[tuple[float, int, int]]) -> tuple[float, int, int]:
    return median(one[0] for one in some), int(median(one[1] for one in some)), int(median(one[2] for one in some))


async def meant() -> Meaning:
    return Meaning(vectors(0, 1)[0], MODEL)


def records(start: int, end: int) -> list[Record]:
    """A hundred teams, sessions of twenty memories."""
    found = zip(range(start, end), messages(end - start, start), vectors(start, end), strict=True)
    now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    return [
        Record(
            id=f"m{n}",
            kind="reflection",
            text=text,
            project=f"project-{n % 50}",
            session=f"s{n // 20}",
            position=n % 20,
            time=datetime.fromtimestamp(now + n, UTC),
            facts=(f"team:{n % 100}",),
            metadata={"source": "tool", "trust": "user"},
            vector=vector,
            model_id=MODEL,
        )
        for n, text, vector in found
    ]


def vectors(start: int, end: int) -> Any:
    made = np.random.default_rng(start).standard_normal((end - start, 384), np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


async def kept_up(uri: str, options: Mapping[str, str]) -> float:
    place = connection.place_of(uri, options)
    database = await connection.connect(place)
    table = await connection.open_table(database, place)
    start = time.perf_counter()
    while not await upkeep.keep_up(database, table):  # noqa: ASYNC110 (the store is at it itself, nobody tells when it ends)
        await asyncio.sleep(0.5)
    seconds = time.perf_counter() - start
    database.close()
    return seconds


async def stored(server: S3Server) -> int:
    """Bytes, old versions included."""
    store = S3Store(
        server.bucket,
        endpoint=server.endpoint,
        region=server.region,
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
        client_options={"allow_http": True},
    )
    return sum([one["size"] async for page in obstore.list(store, "growth/") for one in page])


def options(server: S3Server, port: int) -> dict[str, str]:
    return connection.s3_options(
        f"http://127.0.0.1:{port}", server.region, server.access_key_id, server.secret_access_key
    )


def table(points: Sequence[Point]) -> Table:
    shown = Table(title=f"LanceDB on S3; far: {DELAY * 1e3:.0f} ms a request")
    for heading in ("memories", "bytes each", "what", "near ms", "far ms", "rounds", "requests", "kB"):
        shown.add_column(heading, justify="left" if heading == "what" else "right")
    for one in points:
        head = (f"{one.memories:,}", f"{one.bytes_a_memory:,.0f}")
        for name in ("opening", "first_search", "search", "team_search", "write"):
            cost: Cost = getattr(one, name)
            figures = (f"{cost.near_ms:.0f}", f"{cost.far_ms:.0f}", f"{cost.rounds:.1f}")
            shown.add_row(*head, name.replace("_", " "), *figures, f"{cost.requests:.0f}", f"{cost.kilobytes:,.0f}")
            head = ("", "")
        shown.add_row("", "", "upkeep", f"{one.upkeep_seconds * 1e3:,.0f}", "", "", "", "")
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memories", default=",".join(map(str, SIZES)), help="sizes, as 1000,10000")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    log = Console(stderr=True)
    sizes = [int(size) for size in given.memories.split(",")]
    points = asyncio.run(measure(sizes, lambda said: log.print(f"measuring {said}")))
    if given.json:
        print(json.dumps([asdict(one) for one in points], indent=2))
    else:
        Console().print(table(points))
    return 0


if __name__ == "__main__":
    sys.exit(main())
