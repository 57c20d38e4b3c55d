"""The database, its log and what is derived from them, damaged while nobody had them open."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.duckdb import backups, evidence
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.samples import record
from session_mgmt_mcp.ports.errors import Corrupt

RECORDS = 20


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "reflection.duckdb"


@pytest.fixture
async def closed(path):
    """Of an orderly end."""
    store = await DuckDBVectorStore.open(path)
    await store.upsert([record(f"r{n}", f"needle {n}") for n in range(RECORDS)])
    await store.close()
    return path


@pytest.fixture
def killed(path):
    """Its writer was killed: what it had acknowledged stands in the log."""
    code = f"""
        import asyncio, os
        from pathlib import Path
        from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
        from session_mgmt_mcp.contracts.samples import record

        async def main():
            store = await DuckDBVectorStore.open(Path({str(path)!r}))
            for n in range({RECORDS}):
                await store.upsert([record(f"r{{n}}", f"needle {{n}}")])
            os.kill(os.getpid(), 9)
        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return path


def log_of(path):
    return path.with_name(path.name + ".wal")


def everything(folder):
    return {file: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def overwrite(file, at, bytes_):
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(bytes_)


DAMAGE = {
    "no bytes": lambda file: file.write_bytes(b""),
    "garbage": lambda file: file.write_bytes(b"garbage!" * 4_096),
    "a garbled header": lambda file: overwrite(file, 0, b"\xff" * 4_096),
    "cut in half": lambda file: os.truncate(file, file.stat().st_size // 2),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_a_damaged_database_is_said_and_left_as_it_is_until_a_backup_replaces_it(closed, damage, tmp_path):
    store = await DuckDBVectorStore.open(closed)
    await store.backup(tmp_path / "backup")
    await store.close()
    damage(closed)
    before = everything(closed.parent)
    with pytest.raises(Corrupt, match=r"restore a backup \(session-mgmt-mcp restore FILE\) or move it away"):
        await DuckDBVectorStore.open(closed)
    assert everything(closed.parent) == before
    assert await backups.restore(tmp_path / "backup", closed) == RECORDS
    [aside] = closed.parent.glob("*.replaced-*[0-9]")
    assert aside.read_bytes() == before[closed]
    again = await DuckDBVectorStore.open(closed)
    assert await again.count(()) == RECORDS
    await again.close()


LOST = {
    "no bytes": lambda file: file.write_bytes(b""),
    "garbage": lambda file: file.write_bytes(b"garbage!" * 4_096),
    "its last byte": lambda file: os.truncate(file, file.stat().st_size - 1),
    "its second half": lambda file: os.truncate(file, file.stat().st_size // 2),
}


@pytest.mark.parametrize(
    "damage",
    [pytest.param(how, id=name, marks=[] if name == "garbage" else pytest.mark.slow) for name, how in LOST.items()],
)
async def test_writes_that_a_damaged_log_lost_are_said_and_what_is_left_of_them_is_kept(killed, damage, caplog):
    damage(log_of(killed))
    damaged = log_of(killed).read_bytes()
    store = await DuckDBVectorStore.open(killed)
    assert await store.count(()) < RECORDS
    [folder] = evidence.kept(killed)
    assert (folder / "log-before-opening").read_bytes() == damaged
    with contextlib.closing(sqlite3.connect(folder / "rows.sqlite")) as copies:
        assert copies.execute("select count(*) from row").fetchone() == (RECORDS,)
    assert folder.stat().st_mode & 0o077 == 0
    assert f"was damaged and its last writes are lost: what is left of them is in {folder}" in caplog.text
    await store.upsert([record("later", "needle")])
    await store.close()
    again = await DuckDBVectorStore.open(killed)
    assert [one.id for one in await again.get(["later"])] == ["later"]
    await again.close()
    assert evidence.kept(killed) == [folder], "said once"


@pytest.mark.slow
async def test_a_log_with_a_flipped_bit_is_said_and_left_as_it_is(killed):
    overwrite(log_of(killed), log_of(killed).stat().st_size // 2, b"\xff\x00\xff")
    before = everything(killed.parent)
    with pytest.raises(Corrupt, match="restore a backup"):
        await DuckDBVectorStore.open(killed)
    assert everything(killed.parent) == before


async def test_a_killed_writer_whose_log_is_whole_sets_nothing_aside(killed):
    for _ in range(2):
        store = await DuckDBVectorStore.open(killed)
        assert await store.count(()) == RECORDS
        await store.close()
    assert evidence.kept(killed) == []
    assert not list(Path(killed.parent).rglob("log-before-opening"))


@pytest.mark.parametrize("kind", ["rows.sqlite", "current"])
async def test_what_is_derived_is_made_anew(closed, kind):
    derived = closed.with_name(closed.name + ".index")
    files = [file for file in derived.rglob("*") if file.is_file() and kind in str(file)]
    for file in files:
        file.write_bytes(b"garbage!" * 64)
    store = await DuckDBVectorStore.open(closed)
    assert len(await store.search_lexical("needle", (), 99)) == RECORDS
    assert len(await store.get([f"r{n}" for n in range(RECORDS)])) == RECORDS
    await store.close()
    assert evidence.kept(closed) == []
