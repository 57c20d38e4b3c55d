"""The copies of rows that searches read: never other than the tables, whatever happens to them."""

import asyncio
import os
import sqlite3

import pytest
from session_mgmt_mcp.adapters.duckdb import connection, row_store, snapshot, writing
from session_mgmt_mcp.adapters.duckdb.backups import restore
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.samples import record
from session_mgmt_mcp.ports.vector_store import Condition

NAMES = [f"r{n}" for n in range(30)]
FULL = record("full", "é\0🧀 text", session="s", role="user", position=2**61, parent="p", tags=("a", "b"), files=("x.py",),
              facts=("tool:Edit",), metadata={"n": [1, None, {"x": 2.5}]}, content_hash="h", worded=False)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "memory.duckdb"


def file_of(path):
    return snapshot.folder_of(path) / "rows.sqlite"


def copies(path):
    """How many rows have a copy, by a connection of one's own."""
    with sqlite3.connect(file_of(path)) as own:
        return own.execute("select count(*) from row").fetchone()[0]


async def texts(store):
    return {one.id: one.text for one in await store.get([*NAMES, "full"])}


@pytest.fixture
def no_tables(monkeypatch):
    """Whoever reads a row from the tables fails."""

    def fail(*_):
        raise AssertionError("the tables were asked")

    return lambda: monkeypatch.setattr(writing, "select_seqs", fail)


async def test_a_row_is_read_from_its_copy_with_all_that_it_has(path, no_tables):
    store = await DuckDBVectorStore.open(path)
    await store.upsert([FULL, *map(record, NAMES)])
    (read,) = await store.get(["full"])
    no_tables()
    assert await store.get(["full"]) == [read]
    assert (read.text, read.position, read.metadata["n"], read.worded) == (
        FULL.text,
        2**61,
        [1, None, {"x": 2.5}],
        False,
    )
    assert (read.tags, read.files, read.facts) == (("a", "b"), ("x.py",), ("tool:Edit",))
    await store.close()


async def test_copies_outlive_the_process(path, no_tables):
    store = await DuckDBVectorStore.open(path)
    await store.upsert([*map(record, NAMES)])
    await store.close()
    no_tables()
    store = await DuckDBVectorStore.open(path)
    assert len(await texts(store)) == len(NAMES)
    await store.close()


async def test_what_changed_or_went_leaves_no_byte_behind(path):
    store = await DuckDBVectorStore.open(path)
    await store.upsert([record("r1", "quokka one"), record("r2", "quokka two"), record("r3", "kept")])
    await store.upsert([record("r1", "changed")])
    await store.delete([Condition("id", "=", "r2")])
    assert await texts(store) == {"r1": "changed", "r3": "kept"}
    for file in file_of(path).parent.glob("rows.sqlite*"):
        assert b"quokka" not in file.read_bytes(), file
    await store.close()


@pytest.mark.parametrize("where", ["before the commit", "after the commit"])
async def test_a_copy_is_never_older_than_its_row(path, monkeypatch, where):
    """The process ends in the middle of a change, on either side of its commit."""
    store = await DuckDBVectorStore.open(path)
    await store.upsert([record("r1", "old"), record("r2", "same")])
    if where == "before the commit":
        monkeypatch.setattr(writing, "insert", fails)
    else:
        monkeypatch.setattr(row_store.RowStore, "put", fails)
    with pytest.raises(BaseException, match="the end"):
        await store.upsert([record("r1", "new")])
    monkeypatch.undo()
    (stored,) = await store.read(lambda cursor: cursor.execute("select text from memory where id = 'r1'").fetchone())
    assert stored == ("old" if where == "before the commit" else "new")
    with sqlite3.connect(file_of(path)) as own:
        kept = [row_store.unpacked(body, "").text for (body,) in own.execute("select body from row").fetchall()]
    assert kept == ["same"]


def fails(*_, **__):
    raise OSError("the end")


async def test_a_database_without_copies_gets_them_when_it_rests(path, monkeypatch):
    store = await DuckDBVectorStore.open(path)
    await store.upsert([*map(record, NAMES)])
    await store.close()
    row_store.remove(file_of(path))
    monkeypatch.setattr(row_store, "SEQS_AT_ONCE", 7)
    monkeypatch.setattr(connection, "REST_AFTER", 0.05)
    store = await DuckDBVectorStore.open(path)
    assert len(await texts(store)) == len(NAMES)
    await store.upsert([record("r0", "changed meanwhile")])
    for _ in range(200):
        if copies(path) == len(NAMES):
            break
        await asyncio.sleep(0.05)
    assert copies(path) == len(NAMES)
    assert (await texts(store))["r0"] == "changed meanwhile"
    await store.close()


@pytest.mark.parametrize("harm", ["garbage", "flipped", "empty", "a folder", "of another database", "newer than it"])
async def test_odd_copies_are_made_anew(path, harm, tmp_path):
    store = await DuckDBVectorStore.open(path)
    await store.upsert([record(name, f"text of {name}") for name in NAMES])
    before = await texts(store)
    if harm == "newer than it":
        await store.backup(tmp_path / "backup")
        await store.upsert([record("r0", "after the backup")])
    await store.close()
    file = file_of(path)
    match harm:
        case "garbage":
            file.write_bytes(b"nonsense" * 5_000)
        case "flipped":
            file.write_bytes(file.read_bytes().replace(b"text of r1", b"TEXT of r1"))
        case "empty":
            file.write_bytes(b"")
        case "a folder":
            file.unlink()
            file.mkdir()
        case "of another database":
            other = await DuckDBVectorStore.open(tmp_path / "other.duckdb")
            await other.upsert([record(name, "of the other") for name in NAMES])
            await other.close()
            file.write_bytes(file_of(tmp_path / "other.duckdb").read_bytes())
        case "newer than it":
            copy = file.read_bytes()
            await restore(tmp_path / "backup", path)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(copy)
    for _ in range(2):
        store = await DuckDBVectorStore.open(path)
        assert await texts(store) == before
        await store.close()
    assert harm == "a folder" or copies(path) == len(NAMES)


async def test_a_disk_that_takes_no_copies_costs_only_time(path):
    store = await DuckDBVectorStore.open(path)
    await store.upsert([*map(record, NAMES)])
    store._copies._writer.execute("pragma max_page_count = 1")
    await store.upsert([record("full", "x" * 100_000)])
    assert (await texts(store))["full"] == "x" * 100_000
    assert not file_of(path).exists()
    await store.close()


async def test_the_system_is_asked_for_all_of_the_copies_once_the_store_is_open(path, monkeypatch):
    store = await DuckDBVectorStore.open(path)
    await store.upsert([*map(record, NAMES)])
    await store.close()
    size, wishes = file_of(path).stat().st_size, []
    monkeypatch.setattr(os, "posix_fadvise", lambda _, start, length, wish: wishes.append((start, length, wish)))
    monkeypatch.setattr(row_store, "AHEAD", 5_000)
    store = await DuckDBVectorStore.open(path)
    await store.count(())
    await store.close()
    assert wishes == [(start, 5_000, os.POSIX_FADV_WILLNEED) for start in range(0, size, 5_000)]
    assert len(wishes) > 1
