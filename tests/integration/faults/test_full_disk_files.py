"""Each file the product writes, on a disk that is full: one sentence, no half file, and what stood there stands."""

import os
import re
import sqlite3

import pytest
from session_mgmt_mcp import backing_up, ending, exporting, layouts, machine, registration, settings_file, spool
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.git import committing
from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
from session_mgmt_mcp.adapters.local.handoff_files import LocalHandoffFiles
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.contracts.samples import record
from session_mgmt_mcp.election import announce, announced, take
from session_mgmt_mcp.ports.errors import Unavailable

LOCKS = re.compile(r"(^|/)\.([^/]*lock|time)$")
LARGE = "x" * 100_000


def only_locks(names):
    return [name for name in names if not LOCKS.search(name)] == []


async def test_documents(disk, full):
    storage = LocalSessionStorage(disk.folder / "sessions")
    await storage.put("s", "one", {"n": 1})
    names = full()
    with pytest.raises(Unavailable, match=r"There is no room for .*: make room and try again\."):
        await storage.put("s", "one", {"text": LARGE})
    with pytest.raises(Unavailable, match="make room"):
        await storage.put("s", "two", {"n": 1})
    assert only_locks(disk.names() - names)
    assert (await storage.get("s", "one")).body == {"n": 1}
    disk.free()
    assert (await storage.put("s", "one", {"n": 2})).version == 2
    await storage.close()


async def test_pages_of_handoffs(disk, full):
    pages = LocalHandoffFiles(disk.folder / "handoffs")
    await pages.write("shop", "s1", "as it was")
    names = full()
    with pytest.raises(Unavailable, match=r"There is no room for .*: make room and try again\."):
        await pages.write("shop", "s1", LARGE)
    assert disk.names() == names
    assert await pages.read("shop", "s1") == "as it was"
    disk.free()
    await pages.write("shop", "s1", LARGE)


def test_events_of_hooks(disk, full):
    data = str(disk.folder)
    spool.leave(data, {"n": 1})
    names = full()
    with pytest.raises(OSError, match="No space left"):
        spool.leave(data, {"text": LARGE})
    disk.free()
    full(leave=4096)
    with pytest.raises(OSError, match="No space left"):
        spool.leave(data, {"text": LARGE})  # room for its beginning
    assert disk.names() == names
    disk.free()
    spool.leave(data, {"n": 2})
    seen = []
    assert spool.drain(data, seen.append) == (2, 0)
    assert [event["n"] for event in seen] == [1, 2]


def test_the_settings(disk, full, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_DATA_DIR", str(disk.folder))
    file = settings_file.write({"timezone": "Europe/Berlin"})
    before, names = file.read_bytes(), full()
    with pytest.raises(Unavailable, match=r"cannot be written \(No space left on device\): mend that and try again\."):
        settings_file.write({"timezone": LARGE})
    assert (file.read_bytes(), disk.names()) == (before, names)
    disk.free()
    settings_file.write({"timezone": "Europe/Vienna"})


def test_the_settings_of_the_client(disk, full):
    file = disk.folder / "settings.json"
    file.write_text("{}")
    change = registration.Change(file, b"{}", LARGE.encode())
    names = full()
    with pytest.raises(Unavailable, match=r"cannot be written \(No space left on device\)"):
        registration.apply([change])
    assert (file.read_text(), disk.names()) == ("{}", names)
    disk.free()
    registration.apply([change])


def test_a_handoff_in_the_repository(disk, full):
    ending._write(disk.folder, "as it was")
    [name] = names = full()
    with pytest.raises(Unavailable, match=r"cannot be written \(No space left on device\): mend that and call end"):
        ending._write(disk.folder, LARGE)
    assert disk.names() == names
    assert "as it was" in (disk.folder / name).read_text()


def test_the_name_of_the_machine(disk, full):
    names = full()
    assert machine.identity(disk.folder) == ""
    assert disk.names() == names
    disk.free()
    assert len(machine.identity(disk.folder)) == 16


def test_who_holds_the_lock_is_said_again_without_more_room(disk, full):
    lock = take(str(disk.folder))
    announce(lock, state="serving", socket="x" * 300)
    full()
    announce(lock, state="leaving")
    assert announced(str(disk.folder))["state"] == "leaving"
    os.close(lock)
    disk.free()
    new = take(str(disk.folder / "new"))
    full()
    announce(new, state="starting")  # information: nobody fails for it
    assert announced(str(disk.folder / "new")) == {}
    os.close(new)


def test_a_starting_layout(disk, full):
    project = disk.folder / "project"
    project.mkdir()
    names = full()
    with pytest.raises(Unavailable):
        layouts.apply(project, "python", confirm=True)
    assert disk.names() == names and list(project.iterdir()) == []


async def test_memories_and_what_is_derived_from_them(disk, full):
    path = disk.folder / "reflection.duckdb"
    store = await DuckDBVectorStore.open(path)
    await store.upsert([record("one", "needle")])
    full()
    with pytest.raises(Unavailable, match=r"The disk that holds .* is full: free some space and try again\."):
        await store.upsert([record("large", "needle " * 500_000)])
    assert [hit.id for hit in await store.search_lexical("needle", (), 9)] == ["one"]
    assert [one.id for one in await store.get(["one"])] == ["one"]
    disk.free()
    await store.upsert([record("two", "needle")])
    assert sorted(hit.id for hit in await store.search_lexical("needle", (), 9)) == ["one", "two"]
    full()
    await store.close()  # its snapshot finds no room
    disk.free()
    again = await DuckDBVectorStore.open(path)
    assert sorted(one.id for one in await again.get(["one", "two", "large"])) == ["one", "two"]
    await again.close()


async def test_a_backup_leaves_nothing_behind(disk, full, tmp_path):
    store = await DuckDBVectorStore.open(tmp_path / "reflection.duckdb")
    await store.upsert([record(f"r{n}", f"needle {n} " + os.urandom(4_000).hex()) for n in range(100)])
    names = full(leave=100_000)
    with pytest.raises(Unavailable, match=rf"holds {disk.folder}/backup is full: free some space"):
        await store.backup(disk.folder / "backup")
    assert disk.names() == names
    disk.free()
    await store.backup(disk.folder / "backup")
    await store.close()


async def test_copies_of_rows_that_find_no_room_are_given_up(disk, full):
    path = disk.folder / "reflection.duckdb"
    store = await DuckDBVectorStore.open(path)
    await store.upsert([record(f"r{n}", f"needle {n}") for n in range(50)])
    await store.close()
    with sqlite3.connect(path.with_name(path.name + ".index") / "rows.sqlite") as copies:
        assert copies.execute("select count(*) from row").fetchone() == (50,)
    full(leave=200_000)
    try:
        again = await DuckDBVectorStore.open(path)
    except Unavailable as error:
        assert "is full" in str(error)
        disk.free()
        again = await DuckDBVectorStore.open(path)
    assert len(await again.get([f"r{n}" for n in range(50)])) == 50
    await again.close()


async def test_a_snapshot_of_the_index_keeps_no_room_that_is_missing(disk, full):
    path = disk.folder / "reflection.duckdb"
    store = await DuckDBVectorStore.open(path)
    await store.upsert([record(f"r{n}", f"needle {n} " + "hay " * 20) for n in range(3_000)])
    full(leave=200_000)
    await store.close()
    assert [name for name in disk.names() if "/current/" in name] == []
    disk.free()
    again = await DuckDBVectorStore.open(path)
    assert await again.count(()) == 3_000
    await again.close()
    assert [name for name in disk.names() if name.endswith("/current/about.json")]


async def test_a_backup_of_everything_and_an_export(disk, full, product_in, shop):
    async with product_in(shop) as (app, client):
        await client.call_tool("store_reflection", {"content": "the lantern " + os.urandom(3_000).hex()})
        names = full(leave=4_096)
        for write in (lambda: backing_up.backup(app, disk.folder / "all"), lambda: export(disk, app)):
            with pytest.raises(Unavailable, match=rf"(The disk that holds|There is no room for) {disk.folder}/"):
                await write()
            assert disk.names() == names
        disk.free()
        await backing_up.backup(app, disk.folder / "all")
        await export(disk, app)


def export(disk, app):
    return exporting.export(app, disk.folder / "lines", None, lambda *_: None)


def test_the_index_of_a_repository_that_is_put_back(disk, full, tmp_path):
    index, copy = disk.folder / "index", tmp_path / "copy"
    index.write_bytes(b"as git left it")
    copy.write_bytes(LARGE.encode())
    names = full()
    committing._restore(committing._Before("head", index, copy, "mark"))
    assert disk.names() == names, "a lock that stays stops every git command"
    disk.free()
    committing._restore(committing._Before("head", index, copy, "mark"))
    assert index.read_bytes() == copy.read_bytes()


@pytest.mark.slow
async def test_memories_in_a_folder_of_lancedb(disk, full):
    store = await LanceDBVectorStore.open(str(disk.folder / "memories.lance"))
    await store.upsert([record("one", "needle")])
    full()
    with pytest.raises(Unavailable):
        await store.upsert([record("large", "needle " * 500_000)])
    assert [one.id for one in await store.get(["one"])] == ["one"]
    disk.free()
    await store.upsert([record("two", "needle")])
    assert sorted(one.id for one in await store.get(["one", "two", "large"])) == ["one", "two"]
    await store.close()
