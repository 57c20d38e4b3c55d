"""What grows with the number of memories: each row in a process of its own, over a store that `fill` has made."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
from session_mgmt_mcp.adapters.duckdb import snapshot
from session_mgmt_mcp.adapters.duckdb.connection import SNAPSHOT_AFTER
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import EVERYTHING, Scope
from session_mgmt_mcp.ports.embedder import Matrix
from session_mgmt_mcp.ports.vector_store import Condition, Record

from benchmarks import process_rows, scale_store
from benchmarks.figures import Budget, Figure, Step, interleaved, median, p99
from benchmarks.memory_rows import REST, SHOWN, application
from benchmarks.memory_rows import folder as scratch
from benchmarks.prose import IN_SESSION, questions
from benchmarks.scale_store import HUNDREDTH, SPAN, START, TENTH, VECTORS, project_of
from benchmarks.texts import messages
from benchmarks.vectors import realistic_vectors

STORES = 300
QUERIES, FILTERED = 30, 10
PROBES = 100
"""Questions whose ten nearest are compared with the exact ones."""
CHANGES = 1_000
STORED = "shop-store"
LIVELY = 0.02
"""Seconds between the searches that go on while something is built."""


async def fill(folder: Path, memories: int) -> list[Figure]:
    seconds = await scale_store.fill(folder, realistic_vectors(memories))
    return [Figure("filled, memories a second", memories / seconds, "/s")]


async def disk(folder: Path, memories: int) -> list[Figure]:
    database = folder / "data" / "reflection.duckdb"
    derived = snapshot.folder_of(database)
    parts = {
        "database": [database],
        "copies of rows": [*derived.glob("rows.sqlite*")],
        "snapshot": [*(derived / "current").iterdir()],
    }
    sizes = {name: sum(file.stat().st_size for file in files) for name, files in parts.items()}
    note = ", ".join(f"{name} {size / memories / 1e3:.2f}" for name, size in sizes.items())
    return [Figure("disk, a memory", sum(sizes.values()) / memories / 1e3, "KB", note=note)]


async def resident(folder: Path, memories: int) -> list[Figure]:
    """Of the hub, as its clients have it: before its model is needed, with it, and the most it ever had."""
    grown = 0.6 * memories / 1e3  # MB
    with process_rows.home() as own, process_rows.home() as empty:
        floor = await _hub(empty)
        full = await _hub(own | {"SESSION_MGMT_DATA_DIR": str(folder / "data")})
        process_rows.stop_hub(own | {"SESSION_MGMT_DATA_DIR": str(folder / "data")})
    each = (full.with_model - floor.with_model) * 1e6 / memories
    limit = Budget("<=", 2_000, "value") if memories >= 1_000_000 else None
    return [
        Figure("resident, hub before its model", full.before, "MB", Budget("<=", 200 + grown, "value"), floor.before, "no memories"),
        Figure("resident, hub with its model", full.with_model, "MB", Budget("<=", 350 + grown, "value"), floor.with_model, "no memories"),
        Figure("resident, bytes a memory", each, "B", note="with the model, less a hub without memories"),
        Figure("resident, hub at its most", full.most, "MB", limit, floor.most, "no memories"),
    ]  # fmt: skip


async def start(folder: Path, memories: int) -> list[Figure]:
    """Until the first search by word is answered: with a snapshot, with changes since, and without any."""
    whole = await _opening(folder)
    async with application(folder) as app:
        await app.store.upsert([*_changes(app, memories)])
    changed = await _opening(folder)
    snapshot.discard(folder / "data" / "reflection.duckdb")
    rebuilt = await _opening(folder)
    again = await _opening(folder)
    unsaved = Budget("<=", SNAPSHOT_AFTER, "value")
    return [
        Figure("start, snapshot", whole.seconds, "s", note="opened until a search by word is answered"),
        Figure("start, changes read from the tables", whole.changes, "", unsaved),
        Figure(f"start, snapshot and {CHANGES:,} changes", changed.seconds, "s"),
        Figure("start, index thrown away", rebuilt.seconds, "s", note=f"{memories / rebuilt.seconds:,.0f} memories a second"),
        Figure("start, changes read after that", again.changes, "", unsaved),
    ]  # fmt: skip


async def cold(folder: Path, memories: int) -> list[Figure]:
    seconds, floors = [], []
    with process_rows.home() as own:
        environment = own | {"SESSION_MGMT_DATA_DIR": str(folder / "data")}
        for _ in range(process_rows.COLD_STARTS):
            begin = time.perf_counter()
            with process_rows.Client(environment) as client:
                client.open()
                assert client.ask("tools/list", {})["tools"]
                seconds.append(time.perf_counter() - begin)
            process_rows.stop_hub(environment)
            floors.append(process_rows.python())
    budget = Budget("<=", 3, "value")
    return [Figure("cold, no hub, to first tools/list", median(seconds), "s", budget, median(floors), "python -c pass")]


async def store(folder: Path, memories: int) -> list[Figure]:
    """One reflection stored until it is found by a word that only it has: at rest, and while the index is kept."""
    figures: list[Figure] = []
    moments = {"": _nothing, " while a snapshot is saved": _saving, " while it is compacted": _compacting}
    with duckdb.connect(str(folder / "floor.duckdb")) as bare:
        bare.execute("create or replace table memory (id varchar primary key, text varchar)")
        async with application(folder) as app:
            await app.embedder.embed_query("warm")
            for when, work in moments.items():
                async with work(app):
                    ours, theirs = await interleaved(STORES, *_storing(app, bare))
                what, budget = f"store until findable by word{when}", Budget("<=", 5, "ratio")
                figures += [
                    Figure(f"{what}, p99", p99(ours) * 1e3, "ms", budget, p99(theirs) * 1e3, "one-row commit"),
                    Figure(f"{what}, p50", median(ours) * 1e3, "ms", None, median(theirs) * 1e3, "one-row commit"),
                ]
            await app.store.delete([Condition("project", "=", STORED)])
    (folder / "floor.duckdb").unlink()
    return figures


async def search(folder: Path, memories: int) -> list[Figure]:
    """Whole searches, with and without filters; the floor embeds the query and scans all vectors with numpy."""
    vectors: Matrix = np.load(folder / VECTORS)
    asked = questions(QUERIES + 1)
    budget = Budget("<=", 1.0 if memories < 1_000_000 else 0.4, "ratio") if memories >= 100_000 else None
    figures: list[Figure] = []
    async with application(folder) as app:
        await app.embedding.wait_idle()
        for what, (scope, _) in filters().items():
            product, floor = _searching(app, vectors, asked, scope)
            repetitions = FILTERED if what else QUERIES
            await interleaved(1, product, floor)
            ours, theirs = await interleaved(repetitions, product, floor, pause=REST)
            name, floor_is = f"search{what}", "embed + numpy f32 scan"
            figures += [
                Figure(f"{name}, p50", median(ours) * 1e3, "ms", budget, median(theirs) * 1e3, floor_is),
                Figure(f"{name}, p99", p99(ours) * 1e3, "ms", None, p99(theirs) * 1e3, floor_is),
            ]
        for what, (scope, within) in filters().items():
            recall = await _recall(app, vectors, scope, within(len(vectors)))
            figures.append(
                Figure(f"recall@10{what}", recall, "", Budget(">=", 0.99, "value"), note="of the exact float32 ten")
            )
        figures.append(await _lively(app, asked))
    return figures


def filters() -> dict[str, tuple[Scope, Callable[[int], np.ndarray]]]:  # type: ignore[type-arg]
    """By name: what a search is restricted to, and which of so many memories that leaves."""

    def of_project(name: str) -> Callable[[int], np.ndarray]:  # type: ignore[type-arg]
        return lambda count: np.array([project_of(n // IN_SESSION) == name for n in range(count)])

    return {
        "": (EVERYTHING, lambda count: np.ones(count, np.bool_)),
        ", project of 1 %": (Scope(projects=(HUNDREDTH,)), of_project(HUNDREDTH)),
        ", project of 10 %": (Scope(projects=(TENTH,)), of_project(TENTH)),
        ", kind of 10 %": (Scope(kinds=(Kind.REFLECTION,)), lambda count: np.arange(count) % 10 == 3),
        ", later half": (Scope(since=START + SPAN / 2), lambda count: np.arange(count) >= count / 2),
    }


async def _recall(app: Application, vectors: Matrix, scope: Scope, within: np.ndarray) -> float:  # type: ignore[type-arg]
    """How many of the exact ten nearest, of those that hold the filter, the store finds."""
    allowed = np.flatnonzero(within)
    matrix = vectors if len(allowed) == len(vectors) else vectors[allowed]
    found = 0
    for question in questions(PROBES, seed=13):
        query = await app.embedder.embed_query(question)
        scores = matrix @ query
        exact = set(allowed[np.argpartition(scores, -SHOWN)[-SHOWN:]].tolist())
        hits = await app.store.search_dense(query, scope.conditions(), SHOWN)
        found += len(exact & {int(hit.id, 16) for hit in hits})
    return found / (PROBES * SHOWN)


async def _lively(app: Application, asked: list[str]) -> Figure:
    """A search while the index is compacted, against one at rest."""
    idle, busy = [], []
    for seconds, work in ((idle, _nothing), (busy, _compacting)):
        async with work(app):
            for question in asked:
                await asyncio.sleep(LIVELY)
                begin = time.perf_counter()
                await app.memory.search(question, limit=SHOWN)
                seconds.append(time.perf_counter() - begin)
    budget = Budget("<=", 5, "ratio")
    what = "search while the index is compacted, p50"
    return Figure(
        what, median(busy) * 1e3, "ms", budget, median(idle) * 1e3, "at rest", f"p99 {p99(busy) * 1e3:,.0f} ms"
    )


def _storing(app: Application, bare: duckdb.DuckDBPyConnection) -> tuple[Step, Step]:
    texts = iter(messages(STORES))

    async def product() -> None:
        only = f"only{uuid.uuid4().hex}"
        stored = await app.memory.store(Draft(f"{next(texts)} {only}", STORED))
        hits = await app.store.search_lexical(only, [Condition("project", "=", STORED)], 1)
        assert (hits[0].parent or hits[0].id) == stored.id

    async def floor() -> None:
        bare.execute("insert into memory values (?, ?)", [uuid.uuid4().hex, "one row of text " * 15])

    return product, floor


def _searching(app: Application, vectors: Matrix, asked: list[str], scope: Scope) -> tuple[Step, Step]:
    ours, theirs = iter(asked), iter(asked)

    async def product() -> None:
        found = await app.memory.search(next(ours), scope, limit=SHOWN)
        assert len(found.hits) == SHOWN
        assert not found.note

    async def floor() -> None:
        scores = vectors @ await app.embedder.embed_query(next(theirs))
        top = np.argpartition(scores, -SHOWN)[-SHOWN:]
        top[np.argsort(-scores[top])]

    return product, floor


@dataclass(frozen=True, slots=True)
class Opening:
    seconds: float
    changes: int  # read from the tables


async def _opening(folder: Path) -> Opening:
    begin = time.perf_counter()
    async with application(folder) as app:
        assert await app.store.search_lexical(questions(1)[0], (), SHOWN)
        return Opening(time.perf_counter() - begin, _duckdb(app).caught_up)


def _changes(app: Application, memories: int) -> list[Record]:
    fresh = scale_store.records(memories, realistic_vectors(CHANGES), app.embedder.model_id, memories)
    return [replace(record, project="shop-changes") for record in fresh]


@dataclass(frozen=True, slots=True)
class Hub:
    """Resident megabytes."""

    before: float
    with_model: float
    most: float


async def _hub(environment: dict[str, str]) -> Hub:
    with process_rows.Client(environment) as client:
        client.open()
        client.ask("tools/list", {})
        client.call("reflection_stats")
        await asyncio.sleep(3)
        pid = process_rows.hub_pid(environment)
        before = process_rows.resident_of(pid)
        for question in questions(5):
            client.call("reflect_on_past", query=question, project="*")
        await asyncio.sleep(3)
        return Hub(before, process_rows.resident_of(pid), process_rows.resident_of(pid, "VmHWM"))


@asynccontextmanager
async def _nothing(_: Application) -> AsyncIterator[None]:
    yield


def _saving(app: Application) -> contextlib.AbstractAsyncContextManager[None]:
    """The whole index is written again and again, as after the first filling."""
    store = _duckdb(app)

    async def save() -> None:
        with scratch() as place:
            seen = await store.write(lambda _: lambda: snapshot.view(store._index))
            await asyncio.to_thread(snapshot.Snapshots(place / "m.duckdb").save, seen, "scale")

    return _repeating(save)


def _compacting(app: Application) -> contextlib.AbstractAsyncContextManager[None]:
    store = _duckdb(app)

    async def compact() -> None:
        await asyncio.wrap_future(await store.write(lambda _: store.compact))

    return _repeating(compact)


@asynccontextmanager
async def _repeating(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Until the body ends, and then to its own end. Raises what `work` raises."""
    ended = asyncio.Event()

    async def repeat() -> None:
        while not ended.is_set():
            await work()

    async with asyncio.TaskGroup() as group:
        group.create_task(repeat())
        try:
            yield
        finally:
            ended.set()


def _duckdb(app: Application) -> DuckDBVectorStore:
    assert isinstance(app.store, DuckDBVectorStore)
    return app.store


ROWS: dict[str, Callable[[Path, int], Awaitable[list[Figure]]]] = {
    "fill": fill,
    "disk": disk,
    "resident": resident,
    "cold": cold,
    "search": search,
    "store": store,
    "start": start,
}
"""In the order they run: what changes the store comes last."""
