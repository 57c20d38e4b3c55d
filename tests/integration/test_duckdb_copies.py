"""Snapshots of the index, backups of the database, and the way back."""

import asyncio
import os
import stat
import threading

import duckdb
import numpy as np
import pytest
from session_mgmt_mcp.adapters import work_folders
from session_mgmt_mcp.adapters.duckdb import connection, index, snapshot, store
from session_mgmt_mcp.adapters.duckdb.backups import restore
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.samples import all_ids, names, pointing, record
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, PortError, Unavailable
from session_mgmt_mcp.ports.vector_store import Condition


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "memory.duckdb"


async def filled(path, count=50):
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record(f"r{n}", f"needle number {n} " + "hay " * 200) for n in range(count)])
    await opened.set_vectors([f"r{n}" for n in range(count)], np.tile(pointing(1, 2), (count, 1)), "m")
    await opened.close()
    return path


@pytest.fixture
def eager(monkeypatch):
    """Closing always leaves a snapshot."""
    monkeypatch.setattr(store, "SNAPSHOT_AFTER", 1)


async def test_opening_goes_on_from_the_snapshot(path, eager, monkeypatch):
    await filled(path)
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record("r1", "changed needle"), record("new", "needle")])
    await opened.delete([Condition("id", "=", "r2")])
    await opened.set_vectors(["new"], pointing(1, 0).reshape(1, -1), "m2")
    found = await everything(opened)
    monkeypatch.setattr(store, "SNAPSHOT_AFTER", 10**9)
    await opened.close()
    again = await DuckDBVectorStore.open(path)
    assert await everything(again) == found
    assert again._saved > 0
    await again.close()
    snapshot.discard(path)
    rebuilt = await DuckDBVectorStore.open(path)
    assert await everything(rebuilt) == found
    await rebuilt.close()


async def everything(opened):
    return (
        await all_ids(opened),
        sorted(names(await opened.search_lexical("needle", (), 999))),
        sorted(names(await opened.search_lexical("changed", (), 999))),
        sorted(names(await opened.search_dense(pointing(1), (), 999))),
        await opened.facets("model_id", ()),
        (await opened.stats()).vectors,
    )


async def test_a_snapshot_newer_than_the_database_is_not_used(path, eager):
    await filled(path, 3)
    older = path.read_bytes()
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record("lost", "needle")])
    await opened.close()
    path.write_bytes(older)  # somebody put a copy back by hand
    opened = await DuckDBVectorStore.open(path)
    assert sorted(names(await opened.search_lexical("needle", (), 9))) == ["r0", "r1", "r2"]
    await opened.upsert([record("other", "needle")])
    assert len(await opened.search_lexical("needle", (), 9)) == 4
    await opened.close()


async def test_a_folder_of_snapshots_that_cannot_be_written_costs_only_time(path, eager):
    path.parent.mkdir()
    snapshot.folder_of(path).write_text("in the way")
    await filled(path, 3)
    opened = await DuckDBVectorStore.open(path)
    assert await opened.count(()) == 3
    await opened.close()


async def test_a_store_at_rest_saves_its_index(path, monkeypatch):
    monkeypatch.setattr(connection, "REST_AFTER", 0.05)
    monkeypatch.setattr(connection, "SNAPSHOT_AFTER", 3)
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record(f"r{n}") for n in range(5)])
    for _ in range(100):
        if (snapshot.folder_of(path) / "current" / "about.json").exists():
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("no snapshot was made")
    await opened.upsert([record("after")])
    await opened.close()


async def test_a_large_index_is_compacted_beside_the_work(path, monkeypatch):
    monkeypatch.setattr(index, "COMPACTED_AT_ONCE", 0)
    monkeypatch.setattr(index, "DEAD_BEFORE_COMPACTION", 10)
    monkeypatch.setattr(connection, "SNAPSHOT_AT_ONCE", 1)
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record(f"r{n}", f"needle {n}", vector=pointing(1, n), model_id="m") for n in range(50)])
    await opened.delete([Condition("id", "in", [f"r{n}" for n in range(40)])])
    for n in range(100):
        await opened.upsert([record(f"new{n}", "needle"), record("r41", f"changed needle {n}")])
        if len(opened._index.rows) < 50 + n:
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("it was never compacted")
    found = await everything(opened)
    await opened.close()
    snapshot.discard(path)
    opened = await DuckDBVectorStore.open(path)
    assert await everything(opened) == found
    await opened.close()


async def test_a_snapshot_in_the_making_lets_others_write(path, monkeypatch):
    monkeypatch.setattr(connection, "SNAPSHOT_AT_ONCE", 1)
    saving, go_on = threading.Event(), threading.Event()
    save = snapshot.Snapshots.save

    def slow(self, seen, token):
        saving.set()
        go_on.wait(10)
        save(self, seen, token)

    monkeypatch.setattr(snapshot.Snapshots, "save", slow)
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record("r1", "needle")])
    assert await asyncio.to_thread(saving.wait, 5)
    async with asyncio.timeout(5):
        await opened.upsert([record("r2", "needle")])
        assert len(await opened.search_lexical("needle", (), 9)) == 2
    go_on.set()
    await opened.close()
    again = await DuckDBVectorStore.open(path)
    assert await all_ids(again) == ["r1", "r2"]
    await again.close()


async def test_what_one_call_writes_may_be_large(path):
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record(f"r{n}", f"needle {n} " + "x" * 1_000_000) for n in range(120)])
    assert await opened.count(()) == 120
    await opened.close()


# backups


async def test_a_backup_made_while_others_write_is_whole(path, tmp_path):
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record(f"r{n}", vector=pointing(1, n), model_id="m") for n in range(300)])
    writing = asyncio.gather(*(opened.upsert([record(f"w{n}")]) for n in range(30)))
    await opened.backup(tmp_path / "copy 'é'")
    await writing
    await opened.close()
    copy = await DuckDBVectorStore.open(tmp_path / "copy 'é'")
    assert {f"r{n}" for n in range(300)} <= set(await all_ids(copy, 100))
    assert len(await copy.vectors(["r7"])) == 1
    await copy.close()


async def test_a_backup_leaves_nothing_else_behind(path, tmp_path):
    opened = await DuckDBVectorStore.open(path)
    folder = tmp_path / "backups"
    folder.mkdir()
    await opened.backup(folder / "copy")
    with pytest.raises(Invalid, match="no directory"):
        await opened.backup(folder / "nowhere" / "copy")
    await opened.close()
    assert [one.name for one in folder.iterdir()] == ["copy"]


async def test_what_a_killed_backup_left_goes_with_the_next_opening_and_what_is_in_use_stays(path):
    path.parent.mkdir()
    dead, alive = (path.parent / f"{work_folders.WORK}{name}" for name in ("dead", "alive"))
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "copy").write_bytes(b"half")
    lock = work_folders.held(alive)
    await filled(path, 1)
    assert (dead.exists(), alive.exists()) == (False, True)
    os.close(lock)
    await filled(path, 1)
    assert not alive.exists()


async def test_what_killed_hubs_of_older_versions_left_beside_their_snapshots_goes(path):
    for name in ("new-17", "old"):
        (snapshot.folder_of(path) / name).mkdir(parents=True)
        (snapshot.folder_of(path) / name / "row-seq.npy").write_bytes(b"half")
    await filled(path, 1)
    assert not {"new-17", "old"} & {one.name for one in snapshot.folder_of(path).iterdir()}


async def test_a_restored_backup_takes_the_place_of_the_database(path, tmp_path, eager):
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record("kept", "needle")])
    await opened.backup(tmp_path / "copy")
    await opened.upsert([record("later", "needle")])
    with pytest.raises(Unavailable):
        await restore(tmp_path / "copy", path)
    await opened.close()
    assert await restore(tmp_path / "copy", path) == 1
    opened = await DuckDBVectorStore.open(path)
    assert names(await opened.search_lexical("needle", (), 9)) == ["kept"]
    await opened.close()
    [replaced] = path.parent.glob("*.replaced-*")
    assert stat.S_IMODE(replaced.stat().st_mode) == stat.S_IMODE(path.stat().st_mode) == 0o600
    old = await DuckDBVectorStore.open(replaced)
    assert await all_ids(old) == ["kept", "later"]
    await old.close()


async def test_a_restore_replaces_even_a_damaged_database(path, tmp_path):
    await filled(path, 3)
    opened = await DuckDBVectorStore.open(path)
    await opened.backup(tmp_path / "copy")
    await opened.close()
    path.write_bytes(b"damaged")
    assert await restore(tmp_path / "copy", path) == 3
    [replaced] = path.parent.glob("*.replaced-*")
    assert replaced.read_bytes() == b"damaged"


async def test_what_is_no_good_backup_is_refused_and_nothing_changes(path, tmp_path):
    await filled(path, 3)
    body = path.read_bytes()
    (tmp_path / "text").write_text("hello")
    with duckdb.connect(str(tmp_path / "foreign")) as raw:
        raw.execute("create table t(n int)")
    cases = [("text", Corrupt), ("foreign", Invalid), ("missing", PortError)]
    for name, error in cases:
        with pytest.raises(error):
            await restore(tmp_path / name, path)
    assert path.read_bytes() == body
    assert not list(path.parent.glob("*replaced*"))
