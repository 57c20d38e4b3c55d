"""All memories from one store into another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.contracts.samples import START, all_ids, pointing, record
from session_mgmt_mcp.domain import migration
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.vector_store import Condition, Record, VectorStore


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[VectorStore]:
    store = await DuckDBVectorStore.open(tmp_path / "source.duckdb")
    await store.upsert([sample(n) for n in range(25)])
    yield store
    await store.close()


@pytest.fixture
def target() -> VectorStore:
    return MemoryVectorStore()


@pytest.fixture
def storage() -> MemorySessionStorage:
    return MemorySessionStorage()


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "PAGE", 4)


def sample(n: int) -> Record:
    vector = {"vector": pointing(1, n), "model_id": "m"} if n % 3 else {}
    return record(
        f"r{24 - n:02}",
        f"text {n} ä",
        session="s",
        position=n,
        tags=("x",),
        metadata={"votes": n, "of": {"b": 1.5, "a": None}},
        time=START + timedelta(microseconds=n),
        **vector,
    )


class Failing:
    """A store that breaks after so many upserts."""

    def __init__(self, store: VectorStore, after: int) -> None:
        self._store = store
        self.left = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def upsert(self, records: Sequence[Record]) -> None:
        self.left -= 1
        if self.left < 0:
            raise Unavailable("cut off")
        await self._store.upsert(records)


async def moved(source: VectorStore, target: Any, storage: MemorySessionStorage) -> migration.Migrated:
    return await migration.migrate(source, target, storage, "a to b", lambda *_: None)


async def test_everything_arrives_whole_and_in_order(source, target, storage):
    report = await moved(source, target, storage)
    assert (report.records, report.written, report.others) == (25, 25, 0)
    ids = await all_ids(source)
    assert await all_ids(target) == ids
    assert await target.get(ids) == await source.get(ids)
    before, after = await source.vectors(ids), await target.vectors(ids)
    assert before.keys() == after.keys() and all(np.array_equal(before[one], after[one]) for one in before)


async def test_a_second_run_finds_everything_there(source, target, storage):
    first = await moved(source, target, storage)
    again = await moved(source, target, storage)
    assert (again.written, again.records, again.checksum) == (0, 25, first.checksum)


async def test_what_was_cut_off_goes_on_where_it_was(source, target, storage):
    cut = Failing(target, after=3)
    with pytest.raises(Unavailable, match="cut off"):
        await moved(source, cut, storage)
    assert await target.count(()) == 12
    cut.left = 99
    report = await moved(source, cut, storage)
    assert (report.written, await target.count(())) == (13, 25)
    assert cut.left == 99 - 4  # only the pages that were missing


async def test_what_is_damaged_on_the_other_side_is_found_and_written_again(source, target, storage):
    await moved(source, target, storage)
    await target.upsert([record("r05", "somebody else's text")])
    await target.set_vectors(["r04"], pointing(0, 1).reshape(1, -1), "m")
    report = await moved(source, target, storage)
    assert report.written == 2
    assert (await target.get(["r05"]))[0] == (await source.get(["r05"]))[0]


async def test_what_only_the_target_has_stays_and_is_counted(source, target, storage):
    await target.upsert([record("mine")])
    report = await moved(source, target, storage)
    assert report.others == 1 and len(await target.get(["mine"])) == 1


async def test_a_vector_made_on_the_other_side_is_kept(source, target, storage):
    await moved(source, target, storage)
    await target.set_vectors(["r24"], pointing(0, 1).reshape(1, -1), "m")
    assert (await moved(source, target, storage)).written == 0
    assert "r24" in await target.vectors(["r24"])


async def test_what_is_written_meanwhile_arrives_too(source, target, storage):
    seen: list[tuple[str, int, int]] = []

    def progress(*step: Any) -> None:
        seen.append(step)
        if len(seen) == 2:
            writing.append(asyncio.create_task(source.upsert([record("late"), record("r24", "changed")])))

    writing: list[Any] = []
    report = await migration.migrate(source, target, storage, "a to b", progress)
    assert (report.records, report.others) == (26, 0)
    assert [one.text for one in await target.get(["late", "r24"])] == ["text of late", "changed"]
    assert seen[0] == ("copy", 4, 25) and seen[-1] == ("verify", 26, 26)


async def test_a_source_that_never_rests_is_said(source, target, storage, monkeypatch):
    monkeypatch.setattr(migration, "PASSES", 2)
    numbers = iter(range(1_000))
    get = target.get

    async def meanwhile(ids: Sequence[str]) -> list[Record]:
        await source.upsert([record("r24", f"text {next(numbers)}")])
        return await get([one for one in ids if one != "r24"])

    monkeypatch.setattr(target, "get", meanwhile)
    with pytest.raises(Unavailable, match="change faster"):
        await moved(source, target, storage)


async def test_what_was_deleted_meanwhile_is_no_loss(source, target, storage):
    await moved(source, target, storage)
    await source.delete([Condition("id", "=", "r03")])
    report = await moved(source, target, storage)
    assert (report.records, report.others) == (24, 1)
