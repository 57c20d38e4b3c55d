"""What may be wrong with the file, the folder and the disk."""

import asyncio
import os
import stat
import subprocess
import sys
import textwrap

import duckdb
import numpy as np
import pytest
from session_mgmt_mcp.adapters.duckdb import connection, schema, snapshot, store
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.samples import all_ids, names, pointing, record
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, PortError, Unavailable, Unsupported
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


def modes(folder):
    return {one.name: stat.S_IMODE(one.stat().st_mode) for one in folder.rglob("*")}


async def test_everything_is_for_the_owner_only(path, monkeypatch):
    monkeypatch.setattr(connection, "SNAPSHOT_AFTER", 1)
    monkeypatch.setattr(store, "SNAPSHOT_AFTER", 1)
    before = os.umask(0o000)
    try:
        opened = await DuckDBVectorStore.open(path)
        await opened.upsert([record("a")])
        assert modes(path.parent) == {"memory.duckdb": 0o600, "memory.duckdb.wal": 0o600}
        await opened.backup(path.parent / "copy")
        await opened.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    found = modes(path.parent)
    assert found.pop("memory.duckdb.index") == found.pop("current") == 0o700
    assert set(found.values()) == {0o600}


async def test_an_empty_file_is_a_new_database(path):
    path.parent.mkdir()
    path.touch()
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record("a")])
    await opened.close()


async def test_a_folder_in_the_place_of_the_file_is_said(path):
    path.mkdir(parents=True)
    with pytest.raises(Unavailable, match="is a directory"):
        await DuckDBVectorStore.open(path)


async def test_a_file_in_the_place_of_the_folder_is_said(path):
    path.parent.write_text("in the way")
    with pytest.raises(PortError):
        await DuckDBVectorStore.open(path)


async def test_a_folder_that_cannot_be_written_is_said(path, monkeypatch):
    path.parent.mkdir()
    monkeypatch.setattr(connection.os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(Unavailable, match="not writable"):
        await DuckDBVectorStore.open(path)


@pytest.mark.parametrize("body", [b"not a database", b"\0" * 20_000, os.urandom(20_000), b"SQLite format 3\0" * 500])
async def test_a_file_that_is_no_database_is_left_as_it_is(path, body):
    path.parent.mkdir()
    path.write_bytes(body)
    with pytest.raises(Corrupt) as caught:
        await DuckDBVectorStore.open(path)
    assert caught.value.where == path
    assert path.read_bytes() == body


async def test_a_truncated_database_is_corrupt_and_untouched(path):
    await filled(path)
    snapshot.discard(path)
    for size in (100, 4_096, 12_288, path.stat().st_size // 2):
        body = path.read_bytes()
        path.write_bytes(body[:size])
        with pytest.raises(Corrupt, match="restore a backup"):
            opened = await DuckDBVectorStore.open(path)
            try:
                await opened.get([f"r{n}" for n in range(50)])
                await opened.vectors(["r1"])
            finally:
                await opened.close()
        assert path.read_bytes()[:size] == body[:size] or size > 12_288
        path.write_bytes(body)


async def test_a_flipped_block_is_corrupt(path):
    await filled(path)
    body = bytearray(path.read_bytes())
    at = body.find(b"needle number")
    body[at if at >= 0 else len(body) // 2] ^= 0xFF
    path.write_bytes(body)
    with pytest.raises(Corrupt):
        opened = await DuckDBVectorStore.open(path)
        try:
            await opened.get([f"r{n}" for n in range(50)])
        finally:
            await opened.close()


async def test_a_newer_schema_is_refused_and_left_as_it_is(path):
    await filled(path)
    with duckdb.connect(str(path)) as raw:
        raw.execute("update meta set value = '99' where key = 'schema_version'")
    with pytest.raises(Unsupported, match="newer session-mgmt-mcp"):
        await DuckDBVectorStore.open(path)
    with duckdb.connect(str(path), read_only=True) as raw:
        assert raw.execute("select count(*) from memory").fetchone() == (50,)


async def test_a_database_of_somebody_else_is_refused(path):
    path.parent.mkdir()
    with duckdb.connect(str(path)) as raw:
        raw.execute("create table invoices(id int)")
    with pytest.raises(Corrupt, match="not a database of session-mgmt-mcp"):
        await DuckDBVectorStore.open(path)


def test_migrations_go_forward_one_by_one_and_all_or_none(tmp_path):
    raw = duckdb.connect(str(tmp_path / "x"))
    steps = {1: ("create table a(n int)",), 2: ("alter table a add column m int",), 3: ("insert into a values (1, 2)",)}
    schema.migrate(raw, tmp_path, to=1, migrations=steps)
    schema.migrate(raw, tmp_path, to=3, migrations=steps)
    schema.migrate(raw, tmp_path, to=3, migrations=steps)
    assert raw.execute("select * from a").fetchall() == [(1, 2)]
    with pytest.raises(duckdb.Error):
        schema.migrate(raw, tmp_path, to=5, migrations={**steps, 4: ("create table b(n int)",), 5: ("nonsense",)})
    assert schema.version(raw) == 3
    assert "b" not in schema.tables(raw)


async def test_the_same_file_twice_in_one_process_is_refused(path):
    opened = await DuckDBVectorStore.open(path)
    link = path.parent.parent / "link"
    link.symlink_to(path.parent)
    with pytest.raises(Unavailable, match="this process"):
        await DuckDBVectorStore.open(link / path.name)
    await opened.close()
    await (await DuckDBVectorStore.open(path)).close()


async def test_a_file_that_another_process_has_names_it_and_the_hub(path):
    code = f"""
        import duckdb, sys
        raw = duckdb.connect({str(path)!r}); print("open", flush=True); sys.stdin.read()
    """
    path.parent.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "open\n"
        with pytest.raises(Unavailable, match=f"process {other.pid}.*hub"):
            await DuckDBVectorStore.open(path)
        other.stdin.close()
    await (await DuckDBVectorStore.open(path)).close()


async def test_a_full_disk_fails_the_write_and_keeps_what_was_acknowledged(path):
    code = f"""
        import asyncio, resource, signal
        from pathlib import Path
        from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
        from session_mgmt_mcp.contracts.samples import record
        from session_mgmt_mcp.ports.errors import Unavailable

        async def main():
            store = await DuckDBVectorStore.open(Path({str(path)!r}))
            await store.upsert([record("kept", "needle")])
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
            try:
                await store.upsert([record("big", "x" * 3_000_000)])
            except Unavailable as error:
                print("refused", error)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await store.upsert([record("later", "needle")])
            print(sorted(hit.id for hit in await store.search_lexical("needle", (), 9)))
            await store.close()
        asyncio.run(main())
    """
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "refused" in done.stdout
    assert "is full" in done.stdout
    assert "['kept', 'later']" in done.stdout
    opened = await DuckDBVectorStore.open(path)
    assert await all_ids(opened) == ["kept", "later"]
    await opened.close()


# snapshots


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


async def test_what_one_call_writes_may_be_large(path):
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record(f"r{n}", f"needle {n} " + "x" * 1_000_000) for n in range(60)])
    assert await opened.count(()) == 60
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


async def test_a_restored_backup_takes_the_place_of_the_database(path, tmp_path, eager):
    from session_mgmt_mcp.adapters.duckdb.backups import restore

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
    from session_mgmt_mcp.adapters.duckdb.backups import restore

    await filled(path, 3)
    opened = await DuckDBVectorStore.open(path)
    await opened.backup(tmp_path / "copy")
    await opened.close()
    path.write_bytes(b"damaged")
    assert await restore(tmp_path / "copy", path) == 3
    [replaced] = path.parent.glob("*.replaced-*")
    assert replaced.read_bytes() == b"damaged"


async def test_what_is_no_good_backup_is_refused_and_nothing_changes(path, tmp_path):
    from session_mgmt_mcp.adapters.duckdb.backups import restore

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
