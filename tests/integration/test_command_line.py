"""The command line with a hub of its own, on the sample transcripts."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(sys.executable).parent / "session-mgmt-mcp"
SAMPLES = Path(__file__).resolve().parents[2] / "entrypoints" / "samples"

pytestmark = pytest.mark.timeout(240)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *words], check=False, env=os.environ, capture_output=True, text=True, timeout=120)


def told(*words: str) -> dict[str, Any]:
    done = run(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def failed(*words: str) -> str:
    """The one sentence of a verb that fails."""
    done = run(*words)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")  # the model takes longer than all that is asked here
    folder = tmp_path / "a project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    run("hub", "stop")


def test_from_an_import_to_a_hit_and_the_words_around_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SESSION_MGMT_EMBEDDER")
    first = told("import", str(SAMPLES), "--wait")
    assert first["new"] > 20
    assert told("import", str(SAMPLES))["new"] == 0
    assert told("hub", "status")["pending_embeddings"] == 0
    found = told("search", "stale prices after a deploy", "--project", "*", "--limit", "3")["hits"]
    assert len(found) == 3
    assert set(found[0]) == {"id", "score", "kind", "project", "session_id", "time", "role", "snippet"}
    around = told("show", found[0]["id"], "--around", "1")["memories"]
    assert found[0]["id"] in [memory["id"] for memory in around]
    assert len(around) >= 2
    assert len({memory["session_id"] for memory in around}) == 1
    assert {hit["kind"] for hit in told("search", "test", "--project", "*", "--kind", "action")["hits"]} == {"action"}
    assert told("search", "stale prices after a deploy")["hits"] == []  # this folder is another project


def test_a_backup_comes_back_whole_after_everything_is_gone(tmp_path: Path):
    told("import", str(SAMPLES), "--wait")
    told("backup", "copy.duckdb")
    assert "exists" in failed("backup", "copy.duckdb")
    before = told("search", "port", "--project", "*")["hits"]
    told("uninstall", "--yes", "--purge")
    assert not (Path(os.environ["SESSION_MGMT_DATA_DIR"]) / "reflection.duckdb").exists()
    told("restore", "copy.duckdb", "--yes")
    assert [hit["id"] for hit in told("search", "port", "--project", "*")["hits"]] == [hit["id"] for hit in before]


def test_a_file_that_is_no_backup_changes_nothing(tmp_path: Path):
    told("import", str(SAMPLES), "--wait")
    Path("garbage").write_bytes(os.urandom(50_000))
    before = told("search", "port", "--project", "*")["hits"]
    assert "garbage" in failed("restore", "garbage", "--yes")
    assert told("search", "port", "--project", "*")["hits"] == before


def test_the_hub_tells_who_it_is_and_goes_when_told():
    told("search", "anything")
    status = told("hub", "status")
    assert status["running"] is True
    assert {"pid", "version", "uptime", "clients", "data_dir", "pending_embeddings"} <= set(status)
    assert told("hub", "stop")["stopped"] is True
    assert told("hub", "status") == {"running": False}


def test_the_doctor_is_content_with_and_without_a_hub():
    told("import", str(SAMPLES), "--wait")
    for running in (True, False):
        found = {check["name"]: check for check in told("doctor")["checks"]}
        assert found["hub"]["state"] == "ok"
        assert ("Process" in found["hub"]["advice"]) is running
        assert found["memory"]["state"] == "ok"
        told("hub", "stop")


def test_the_doctor_fails_with_a_damaged_database():
    told("import", str(SAMPLES))
    told("hub", "stop")
    database = Path(os.environ["SESSION_MGMT_DATA_DIR"]) / "reflection.duckdb"
    damaged = bytearray(database.read_bytes())
    damaged[4096 * 3 : 4096 * 40] = b"\xff" * (4096 * 37)
    database.write_bytes(damaged)
    done = run("doctor", "--json")
    assert done.returncode == 1
    memory = next(check for check in json.loads(done.stdout)["checks"] if check["name"] == "memory")
    assert memory["state"] == "fail"
    assert "restore" in memory["advice"]
    assert database.read_bytes() == damaged


def test_scrub_finds_nothing_in_what_was_redacted_on_the_way_in():
    told("import", str(SAMPLES))
    assert told("scrub", "--dry-run") == {"found": {}, "dry_run": True}


def test_what_cannot_be_used_is_said_in_one_sentence(tmp_path: Path):
    assert "nowhere" in failed("import", "nowhere")
    assert "kind" in failed("search", "x", "--kind", "nonsense")
    assert failed("show", "no-such-id")
    assert failed("search", " ")
    assert failed("search", "x", "--project", "unheard-of")


@pytest.mark.parametrize("name", ["with space and ünïcödé", "l" * 200])
def test_any_data_directory_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv("SESSION_MGMT_DATA_DIR", str(tmp_path / name))
    told("search", "anything")
    assert (tmp_path / name / "reflection.duckdb").exists()
    assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_a_tool_is_called_as_a_client_would_call_it():
    stored = told("call", "store_reflection", "content=the cache key lacks the id", "tags=cache,fix")
    found = told("call", "search_reflections", "query=cache key", "limit=1", "min_score=0")
    assert [(hit["id"], hit["snippet"]) for hit in found["hits"]] == [(stored["id"], "the cache key lacks the id")]
    page = run("call", "ping")
    assert page.returncode == 0 and "{" in page.stdout
    assert "no tool 'pong'" in failed("call", "pong")
    assert "no parameter 'q'" in failed("call", "quick_search", "q=cache")
    assert "limit: give integer" in failed("call", "search_reflections", "query=x", "limit=many")
    assert "NAME=VALUE" in failed("call", "ping", "now")
    assert "empty" in failed("call", "store_reflection", "content=   ")


@pytest.mark.slow
def test_memories_move_to_another_store_and_back(project: Path):
    data = Path(os.environ["SESSION_MGMT_DATA_DIR"])
    told("import", str(SAMPLES), "--wait")
    asked = ("search", "stale prices after a deploy", "--project", "*", "--limit", "3")
    hits = [hit["id"] for hit in told(*asked)["hits"]]
    planned = told("migrate", "lancedb", "--dry-run")
    assert planned["records"] > 20 and planned["already_there"] == 0
    moved = told("migrate", "lancedb")
    assert (moved["records"], moved["written"], moved["others"]) == (planned["records"], planned["records"], 0)
    assert told("migrate", "lancedb")["written"] == 0
    assert "already" in failed("migrate", "duckdb") and "no place" in failed("migrate", "paper")

    run("hub", "stop")
    (data / "settings.toml").write_text('vector_store = "lancedb"\n')
    assert [hit["id"] for hit in told(*asked)["hits"]] == hits
    told("call", "store_reflection", "content=written in LanceDB")
    back = told("migrate", "duckdb:copy.duckdb")  # in this folder, not in the hub's
    assert back["to"] == f"duckdb:{project / 'copy.duckdb'}" and (project / "copy.duckdb").exists()
    assert (back["records"], back["written"]) == (moved["records"] + 1, moved["records"] + 1)
    assert told("migrate", "duckdb")["written"] == 1
