"""A backup holds everything that cannot be made again, and gives all of it back."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from session_mgmt_mcp import backing_up, exporting, restoring
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.contracts.samples import all_ids, pointing, record
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, NotFound
from session_mgmt_mcp.ports.vector_store import Record
from session_mgmt_mcp.settings import load

DATA = "SESSION_MGMT_DATA_DIR"


@pytest.fixture
def data(isolation, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    return Path(os.environ[DATA])


async def fill(data, to):
    """A product that was used, and what its backup says."""
    (data / "handoffs" / "shop").mkdir(parents=True)
    (data / "handoffs" / "shop" / "s1.md").write_text("# Handoff\n")
    (data / "settings.toml").write_text("search_limit = 7\n")
    async with open_application(load()) as app:
        await app.memory.store_many(
            [Draft(f"The till {n} is locked.", "shop", tags=("till", f"n{n}")) for n in range(9)]
        )
        await app.embedding.wait_idle()
        await app.storage.put("reminders", "Call-Bob", {"title": "☂", "n": [1, None]})
        await app.storage.put("sessions", "s1", {"state": "closed"})
        await app.storage.put("sessions", "s1", {"state": "open"})
        await app.shared_storage.put("teams", "t1", {"members": ["a"]})
        return await backing_up.backup(app, to)


async def everything(data):
    """Records with their vectors, documents with their versions and times, pages and settings."""
    store = await DuckDBVectorStore.open(data / "reflection.duckdb")
    ids = await all_ids(store, 1_000)
    vectors = await store.vectors(ids)
    records = {one.id: (one, vectors[one.id].tobytes()) for one in await store.get(ids)}
    await store.close()
    documents = {}
    for name, collections in (("sessions", ("reminders", "sessions")), ("shared", ("teams",))):
        storage = LocalSessionStorage(data / name)
        for collection in collections:
            documents |= {(name, collection, one.id): one for one in (await storage.list(collection)).documents}
        await storage.close()
    pages = {str(file.relative_to(data)): file.read_text() for file in (data / "handoffs").rglob("*.md")}
    return records, documents, pages, (data / "settings.toml").read_text()


async def restored_into(other, backup, monkeypatch):
    monkeypatch.setenv(DATA, str(other))
    return await asyncio.to_thread(restoring.restore, backup, True)


async def test_what_comes_back_is_what_there_was(data, tmp_path, monkeypatch):
    told = await fill(data, tmp_path / "copy")
    before = await everything(data)
    assert (len(before[0]), len(before[1])) == (9, 3)
    assert (told["records"], told["documents"]) == (9, 3)
    answer = await restored_into(tmp_path / "other", tmp_path / "copy", monkeypatch)
    assert (answer["records"], answer["documents"]) == (9, 3)
    assert await everything(tmp_path / "other") == before


async def test_what_was_there_is_kept_beside_it(data, tmp_path, monkeypatch):
    await fill(data, tmp_path / "copy")
    (data / "settings.toml").write_text("search_limit = 9\n")
    async with open_application(load()) as app:
        await app.storage.put("sessions", "later", {})
        await app.memory.store_many([Draft("Later.", "shop")])
    await restored_into(data, tmp_path / "copy", monkeypatch)
    records, documents, _, settings = await everything(data)
    assert len(records) == 9
    assert ("sessions", "sessions", "later") not in documents
    assert settings == "search_limit = 9\n"
    [aside] = data.glob("sessions.replaced-*")
    assert (aside / "sessions" / "later.jsonl").exists()
    assert len(list(data.glob("reflection.duckdb.replaced-*"))) == 1


async def test_only_its_owner_reads_it_and_nothing_else_is_left(data, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    await fill(data, folder / "copy")
    assert [one.name for one in folder.iterdir()] == ["copy"]
    modes = {stat.S_IMODE(one.stat().st_mode) for one in [folder / "copy", *(folder / "copy").rglob("*")]}
    assert modes == {0o600, 0o700}
    assert not list((folder / "copy").rglob(".*"))


async def test_the_single_file_of_an_older_version_gives_the_memories_back(data, tmp_path, monkeypatch):
    store = await DuckDBVectorStore.open(tmp_path / "old.duckdb")
    await store.upsert([record("r1", vector=pointing(1), model_id="m")])
    await store.backup(tmp_path / "old backup")
    await store.close()
    await fill(data, tmp_path / "copy")
    answer = await restored_into(data, tmp_path / "old backup", monkeypatch)
    assert (answer["records"], answer["documents"]) == (1, 0)
    records, documents, _, _ = await everything(data)
    assert set(records) == {"r1"}
    assert len(documents) == 3


async def test_a_damaged_document_stops_all_of_it_before_anything_changed(data, tmp_path, monkeypatch):
    await fill(data, tmp_path / "copy")
    before = await everything(data)
    (tmp_path / "copy" / "sessions" / "sessions" / "s1.jsonl").write_text("{}\n{}\n")
    with pytest.raises(Corrupt, match="nothing was changed"):
        await restored_into(data, tmp_path / "copy", monkeypatch)
    assert await everything(data) == before
    assert not list(data.glob("*.replaced-*"))


async def test_a_document_that_is_damaged_where_it_lies_stops_no_backup(data, tmp_path):
    await fill(data, tmp_path / "first")
    (data / "sessions" / "sessions" / "s1.jsonl").write_text("{}\n{}\n")
    async with open_application(load()) as app:
        told = await backing_up.backup(app, tmp_path / "copy")
    assert (told["documents"], told["damaged_left_out"]) == (2, 1)
    assert backing_up.check_documents(tmp_path / "copy") == 2
    assert (data / "sessions" / "sessions" / "s1.jsonl").exists()


async def test_what_is_no_backup_is_refused(data, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match="not a backup"):
        await restored_into(data, tmp_path / "empty", monkeypatch)
    with pytest.raises(NotFound):
        await restored_into(data, tmp_path / "nowhere", monkeypatch)
    (tmp_path / "lance").mkdir()
    (tmp_path / "lance" / "memories.arrow").touch()
    with pytest.raises(Invalid, match="lancedb"):
        await restored_into(data, tmp_path / "lance", monkeypatch)


async def test_a_backup_never_takes_anothers_place(data, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(Invalid, match="exists"):
        await fill(data, tmp_path / "there")


async def exported(to, project=None):
    async with open_application(load()) as app:
        await exporting.export(app, to, project, lambda done, total: None)
    return [json.loads(line) for line in to.read_text().splitlines()]


def as_record(line):
    lists = {name: tuple(line[name]) for name in ("tags", "files", "facts")}
    return Record(**{**line, **lists, "time": datetime.fromisoformat(line["time"])})


async def test_an_export_says_all_of_every_memory(data, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE", 4)
    await fill(data, tmp_path / "copy")
    lines = await exported(tmp_path / "out.jsonl")
    records = {id: replace(record, vector=None) for id, (record, _) in (await everything(data))[0].items()}
    assert {line["id"]: as_record(line) for line in lines} == records
    assert len(lines) == 9
    assert stat.S_IMODE((tmp_path / "out.jsonl").stat().st_mode) == 0o600
    assert await exported(tmp_path / "none.jsonl", "another") == []
    with pytest.raises(Invalid, match="exists"):
        await exported(tmp_path / "out.jsonl")


async def test_what_is_exported_after_a_restore_is_what_was_exported_before(data, tmp_path, monkeypatch):
    await fill(data, tmp_path / "copy")
    before = await exported(tmp_path / "before.jsonl")
    await restored_into(tmp_path / "other", tmp_path / "copy", monkeypatch)
    assert await exported(tmp_path / "after.jsonl") == before


def test_over_the_command_line_while_a_session_goes_on(world, tmp_path, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    server = (sys.executable, "-m", "session_mgmt_mcp.server")
    client = world.client(command=server, CLAUDE_PROJECT_DIR=str(tmp_path), CLAUDE_CODE_SESSION_ID="s1")
    kept = client.call("store_reflection", content="The till is locked by a file lock.")["id"]
    client.call("create_natural_reminder", title="Call Bob", time_expression="in 3 days")

    def told(*words):
        done = subprocess.run([*server, *words, "--json"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert told("backup", str(tmp_path / "copy"))["documents"] >= 1
    assert told("export", str(tmp_path / "out.jsonl"))["records"] == 1
    client.call("store_reflection", content="Later.")
    assert told("restore", str(tmp_path / "copy"), "--yes")["records"] == 1
    assert client.call("reflection_stats")["by_kind"] == {"reflection": 1}
    assert told("show", kept)["memories"][0]["text"] == "The till is locked by a file lock."
    assert "Call Bob" in json.dumps(client.call("list_user_reminders"))
