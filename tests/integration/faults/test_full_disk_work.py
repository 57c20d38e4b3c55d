"""What work leaves behind, on a disk that is full: outputs of runs, shortcuts, what is restored, logs, searches, commits."""

import asyncio
import json
import logging
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from session_mgmt_mcp import backing_up, logs, restoring, shortcuts
from session_mgmt_mcp.adapters.duckdb.query_log import DuckDBQueryLog
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.git import working
from session_mgmt_mcp.adapters.git.workspace import SubprocessGitWorkspace
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.contracts import git_samples
from session_mgmt_mcp.contracts.samples import all_ids, record
from session_mgmt_mcp.domain.journal import SearchJournal
from session_mgmt_mcp.domain.runs import outputs
from session_mgmt_mcp.ports.errors import PortError, Unavailable
from session_mgmt_mcp.ports.query_log import LoggedSearch, Searches

from .test_full_disk_files import LARGE, only_locks

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def test_the_output_of_a_run(disk, full):
    storage = LocalSessionStorage(disk.folder / "sessions", FixedClock(NOW).now)
    writer = outputs.OutputWriter(storage, FixedClock(NOW), "run")
    await writer.printed("first\n" * outputs.PIECE)
    kept = list(writer.sizes)
    names = full()
    with pytest.raises(Unavailable, match=r"There is no room for .*: make room and try again\."):
        await writer.printed("second\n" * outputs.PIECE)
    assert only_locks(disk.names() - names) and writer.sizes == kept
    page = await outputs.read(storage, "run", writer.sizes, 0, 10)
    assert page.text == "first\nfirs" and page.total == sum(kept)
    await storage.close()


def test_shortcuts(disk, full):
    environ = {"CLAUDE_CONFIG_DIR": str(disk.folder)}
    shortcuts.install_shortcuts(environ)
    files = sorted(shortcuts.folder(environ).iterdir())
    files[0].write_text(files[0].read_text() + "\nolder\n")
    before, names = files[0].read_bytes(), full()
    done = shortcuts.install_shortcuts(environ)
    assert sorted(one.state for one in done) == ["current", "current", "failed"]
    assert "cannot be written (No space left on device): mend that and run this again." in shortcuts.summary(done)
    assert (files[0].read_bytes(), disk.names()) == (before, names)
    disk.free()
    assert "failed" not in {one.state for one in shortcuts.install_shortcuts(environ)}


async def backup_of_much(product_in, shop, to):
    async with product_in(shop) as (app, client):
        await client.call_tool("store_reflection", {"content": "the lantern"})
        for n in range(40):
            await app.storage.put("sessions", f"s{n}", {"text": os.urandom(50_000).hex()})
        await backing_up.backup(app, to)


@pytest.mark.parametrize("leave", [0, 100_000, 3_000_000])
async def test_what_is_restored_is_whole_or_not_there(disk, full, product_in, shop, tmp_path, monkeypatch, leave):
    await backup_of_much(product_in, shop, tmp_path / "copy")
    data = disk.folder / "data"
    monkeypatch.setenv("SESSION_MGMT_DATA_DIR", str(data))
    store = await DuckDBVectorStore.open(data / "reflection.duckdb")
    await store.upsert([record("mine", "needle")])
    await store.close()
    names = full(leave)
    with pytest.raises(Unavailable, match=r"(is full: free some space|make room) and try again\."):
        await asyncio.to_thread(restoring.restore, tmp_path / "copy", True)
    assert {name for name in disk.names() - names if not name.endswith("lock")} == set()
    disk.free()
    store = await DuckDBVectorStore.open(data / "reflection.duckdb")
    assert await all_ids(store, 9) == ["mine"]
    await store.close()
    told = await asyncio.to_thread(restoring.restore, tmp_path / "copy", True)
    assert (told["records"], told["documents"] == 40) == (1, True)


def test_the_log(disk, full, monkeypatch, capsys):
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    monkeypatch.setattr(logs, "MAX_BYTES", 20_000)
    logs.configure(folder=disk.folder)
    log = logging.getLogger("x")
    try:
        log.info("whole")
        full(leave=4_096)
        for n in range(400):
            log.info("line %d %s", n, "x" * 100)
        disk.free()
        log.info("with room")
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)
    lines = [line for file in disk.folder.glob("hub.log*") for line in file.read_text().splitlines()]
    assert "with room" in {json.loads(line)["message"] for line in lines}
    assert capsys.readouterr().err == "", "what is not redacted is said nowhere"


async def test_searches_wait_for_room(disk, full):
    store = await DuckDBVectorStore.open(disk.folder / "reflection.duckdb")
    journal = SearchJournal(DuckDBQueryLog(store))
    await store.upsert([record("one", "needle")])
    full()
    for n in range(900):
        journal.note(LoggedSearch(NOW, "reflect_on_past", "shop", f"{n} " + "x" * 290, 1, 0.5, 1.0))
    await journal.flush()
    disk.free()
    await journal.flush()
    totals = await DuckDBQueryLog(store).totals(Searches())
    assert totals.searches == 900
    await store.close()


async def commit(shop):
    return await SubprocessGitWorkspace().commit(shop, ["file"], "checkpoint", lambda _: "")


async def test_a_checkpoint_commit(disk, full, tmp_path, monkeypatch):
    (Path(os.environ["HOME"]) / ".gitconfig").write_text("[user]\n\tname = Grace\n\temail = grace@example.org\n")
    shop = git_samples.new_repository(disk.folder / "shop")
    (shop / "file").write_text(LARGE)
    head = git_samples.run_git(shop, "rev-parse", "HEAD")
    names = full()
    with pytest.raises(PortError, match=r"No space left on device.*try again"):
        await commit(shop)
    assert {name for name in disk.names() - names if "/objects/" not in name} == set(), "git itself sweeps those"
    assert git_samples.run_git(shop, "rev-parse", "HEAD") == head
    disk.free()
    assert await commit(shop) != head


async def test_a_checkpoint_commit_without_room_for_what_passes(disk, full, tmp_path, monkeypatch):
    (Path(os.environ["HOME"]) / ".gitconfig").write_text("[user]\n\tname = Grace\n\temail = grace@example.org\n")
    shop = git_samples.new_repository(tmp_path / "shop")
    (shop / "file").write_text(LARGE)
    head = git_samples.run_git(shop, "rev-parse", "HEAD")
    monkeypatch.setattr(tempfile, "tempdir", str(disk.folder))
    full()
    with pytest.raises(Unavailable, match=r"No space left on device.*try again"):
        await commit(shop)
    assert git_samples.run_git(shop, "rev-parse", "HEAD") == head and disk.names() == set()
    assert working.diff(shop, 1_000, 20) == "", "unknown, and no error"
