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
from session_mgmt_mcp.adapters.duckdb.lexical import Postings
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.samples import all_ids, names, pointing, record
from session_mgmt_mcp.ports.errors import Corrupt, PortError, Unavailable, Unsupported
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
        copies = dict.fromkeys(("rows.sqlite", "rows.sqlite-shm", "rows.sqlite-wal"), 0o600)
        tables = {"memory.duckdb": 0o600, "memory.duckdb.wal": 0o600, "memory.duckdb.index": 0o700}
        assert modes(path.parent) == {**tables, **copies}
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
    assert await opened.count(()) == 1
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


async def test_a_file_of_the_first_version_learns_which_files_its_calls_touched(path):
    path.parent.mkdir()
    with duckdb.connect(str(path)) as raw:
        schema.migrate(raw, path, to=1)
        calls = ['{"call":{"tool":"Edit","ok":true,"files":["a.py","b c/é.md","a.py"]}}',
                 '{"call":{"tool":"Bash","ok":false,"files":[]}}', '{"files":"x"}', "{}",
                 '{"call":{"files":["\\ud83d.py"]}}']  # fmt: skip
        for n, metadata in enumerate(calls):
            raw.execute(
                "insert into memory values (?, ?, ?, 'action', 'Edit', 'shop', 's', 'tool', '', ?, '', 0, 0, [])",
                [n + 1, n + 1, f"r{n}", metadata],
            )
    opened = await DuckDBVectorStore.open(path)
    found = await opened.get([f"r{n}" for n in range(5)])
    assert [sorted(one.files) for one in found] == [["a.py", "b c/é.md"], [], [], [], []]
    assert await opened.facets("facts", ()) == {"outcome:failed": 1, "tool:Bash": 1, "tool:Edit": 1}
    assert await opened.facets("files", ()) == {"a.py": 1, "b c/é.md": 1}
    await opened.upsert([record("r1", files=("new.py",))])
    assert await opened.count([Condition("files", "has", "new.py")]) == 1
    assert (await opened.stats()).schema_version == schema.VERSION
    await opened.close()


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


async def test_a_fatal_error_costs_one_write_and_the_database_is_opened_anew(path, monkeypatch):
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record("before", "needle")])
    upsert = opened._connection._upsert

    def fail(raw, rows):
        raw.close()
        raise duckdb.FatalException("the database has been invalidated")

    monkeypatch.setattr(opened._connection, "_upsert", fail)
    with pytest.raises(Unavailable):
        await opened.upsert([record("failed", "needle")])
    monkeypatch.setattr(opened._connection, "_upsert", upsert)
    await opened.upsert([record("after", "needle")])
    assert sorted(names(await opened.search_lexical("needle", (), 9))) == ["after", "before"]
    assert await all_ids(opened) == ["before", "after"]
    await opened.close()


@pytest.mark.parametrize("where", ["index", "modes"])
async def test_what_was_committed_and_not_taken_in_is_taken_in_afterwards(path, monkeypatch, where):
    opened = await DuckDBVectorStore.open(path)
    await opened.upsert([record("before", "needle")])

    def fail(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(*((Postings, "append") if where == "index" else (connection, "owner_only")), fail)
        answers = await asyncio.gather(
            opened.upsert([record("first", "needle")]), opened.upsert([record("second")]), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [MemoryError, MemoryError]
    await opened.upsert([record("first", "needle"), record("after")])
    assert sorted(names(await opened.search_lexical("needle", (), 9))) == ["before", "first"]
    await opened.close()
    again = await DuckDBVectorStore.open(path)
    assert sorted(await all_ids(again)) == ["after", "before", "first", "second"]
    assert [one.id for one in await again.get(["first", "second", "after"])] == ["first", "second", "after"]
    await again.close()


async def test_a_write_that_the_database_refuses_harms_no_neighbour(path, monkeypatch):
    opened = await DuckDBVectorStore.open(path)
    upsert = opened._connection._upsert

    def fail(raw, rows):
        if any(row.id == "bad" for row in rows):
            raise duckdb.ConstraintException("refused")
        return upsert(raw, rows)

    monkeypatch.setattr(opened._connection, "_upsert", fail)
    writes = [opened.upsert([record(name)]) for name in ["a", "b", "bad", "c", "d"]]
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), type(None), Unavailable, type(None), type(None)]
    assert sorted(await all_ids(opened)) == ["a", "b", "c", "d"]
    await opened.close()


async def test_concurrent_writes_share_a_transaction(path, monkeypatch):
    opened = await DuckDBVectorStore.open(path)
    await opened.count(())
    groups = []
    upsert = opened._connection._upsert
    monkeypatch.setattr(opened._connection, "_upsert", lambda raw, rows: groups.append(len(rows)) or upsert(raw, rows))
    await asyncio.gather(*(opened.upsert([record(f"r{n}")]) for n in range(60)))
    assert sum(groups) == 60
    assert len(groups) < 30
    await opened.close()
