"""The command line's manners: what it prints where, and how it fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from session_mgmt_mcp import asking, cli, doctor, failures, installing, paths, places, registration
from session_mgmt_mcp.control import ControlError
from session_mgmt_mcp.ports.errors import Invalid

HIT = {
    "id": "ab12",
    "score": 0.5,
    "kind": "turn",
    "project": "shop-1",
    "session_id": "s",
    "time": "2026-01-02T03:04:05+00:00",
    "role": "user",
    "snippet": "reset the [cache]",
}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def hub(monkeypatch):
    """A hub that answers from a dict, and remembers what it was asked."""

    class Hub(dict):
        def call(self, verb, args=None, on_progress=None, spawn=True, timeout=None):
            self.asked.append((verb, args))
            if verb not in self:
                raise ControlError("NoHub", "No hub is running.")
            if isinstance(self[verb], Exception):
                raise self[verb]
            for now in self.get("progress", ()):
                on_progress(now)
            return self[verb]

    hub = Hub()
    hub.asked = []
    monkeypatch.setattr(asking, "call", hub.call)
    return hub


def home_files() -> dict[str, bytes]:
    home = Path(os.environ["HOME"])
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in home.rglob("*")}


def test_an_unknown_verb_or_option_is_a_usage_error(capsys):
    for words in (["frobnicate"], ["search"], ["search", "x", "--limit", "0"], ["setup", "--scope", "moon"]):
        assert cli.main(words) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert "--help" in err


def test_search_prints_hits_as_json_and_passes_every_option_on(hub, capsys):
    hub["search"] = {"hits": [HIT], "total": 1, "note": ""}
    assert cli.main(["search", "the cache", "--project", "*", "--limit", "3", "--kind", "turn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hits"] == [HIT]
    assert hub.asked == [("search", {"query": "the cache", "project": "*", "limit": 3, "kind": "turn"})]


def test_search_shows_hits_to_people_word_for_word(hub, capsys):
    hub["search"] = {"hits": [HIT], "total": 1, "note": "3 memories wait for their vector."}
    assert cli.main(["search", "the cache"]) == 0
    out = capsys.readouterr().out
    assert "reset the [cache]" in out
    assert "ab12" in out
    assert "3 memories wait" in out


def test_progress_never_mixes_with_the_answer(hub, capsys, tmp_path):
    hub["progress"] = [
        {"phase": "read", "bytes_done": 5, "bytes_total": 10, "entries": 1, "files_done": 0, "files_total": 1},
        {"phase": "vectors", "done": 1, "pending": 3},
    ]
    hub["import"] = {"files": 1, "entries": 2, "new": 2, "skipped": {}, "redacted": {}, "problems": []}
    assert cli.main(["import", str(tmp_path), "--wait", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["new"] == 2
    assert hub.asked == [("import", {"paths": [str(tmp_path)], "wait": True})]


def test_paths_are_made_absolute_because_the_hub_lives_elsewhere(hub, project):
    hub["import"] = hub["backup"] = {}
    cli.main(["import", "here"])
    cli.main(["backup", "file.bak"])
    assert [args for _, args in hub.asked] == [
        {"paths": [str(project / "here")], "wait": False},
        {"file": str(project / "file.bak")},
    ]


def test_an_expected_failure_is_one_sentence(hub, capsys):
    hub["search"] = ControlError("Invalid", "query: say what to look for.")
    assert cli.main(["search", ""]) == 1
    assert capsys.readouterr() == ("", "query: say what to look for.\n")


def test_an_unexpected_failure_is_one_sentence_and_its_story_stands_in_the_log(hub, capsys):
    hub["search"] = RuntimeError("no\nidea")
    assert cli.main(["search", "x"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "RuntimeError: no idea" in err
    assert "Traceback" not in err
    assert not failures.log_file().exists()
    assert cli.main(["--debug", "search", "x"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert "Traceback" in failures.log_file().read_text()
    assert failures.log_file().stat().st_mode & 0o077 == 0


def test_no_hub_is_an_answer_not_a_failure(hub, capsys):
    assert cli.main(["hub", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"running": False}
    assert cli.main(["hub", "stop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stopped"] is False


def test_hub_status_tells_what_the_hub_says(hub, capsys):
    hub["hub.status"] = {"pid": 7, "version": "1.0.0", "uptime": 2.5, "clients": 1}
    hub["stats"] = {"waiting_for_vector": 4, "memories": 9}
    assert cli.main(["hub", "status", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"running": True, **hub["hub.status"], "pending_embeddings": 4}


def test_setup_with_dry_run_shows_the_diff_and_writes_nothing(project, capsys):
    before = home_files()
    assert cli.main(["setup", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert '+    "session-mgmt": {' in out
    assert "hook SessionStart" in out
    assert home_files() == before
    assert list(project.iterdir()) == []


def test_setup_without_an_answer_changes_nothing(project, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: PTH123, SIM115
    before = home_files()
    assert cli.main(["setup"]) == 1
    assert capsys.readouterr().err.endswith("Nothing was changed.\n")
    assert home_files() == before


def test_setup_twice_has_nothing_to_do_the_second_time(project, capsys):
    assert cli.main(["setup", "--yes"]) == 0
    written = home_files()
    capsys.readouterr()
    assert cli.main(["setup", "--yes"]) == 0
    assert capsys.readouterr().out.startswith("Nothing to do.\n")
    assert home_files() == written


def test_uninstall_leaves_nothing_of_ours_but_the_data(project, hub, capsys):
    data = paths.data_dir()
    cli.main(["setup", "--yes"])
    (data / "spool").mkdir(parents=True)
    (data / "spool" / "event").write_text("{}")
    documents = paths.documents(data) / "reminders" / "r1.jsonl"
    kept = {data / "reflection.duckdb", data / "somebody.else", documents}
    for file in (*kept, data / "hub.lock", paths.log_dir() / "hub.log"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    assert cli.main(["uninstall", "--yes"]) == 0
    left = {path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()}
    assert left == kept
    assert cli.main(["uninstall", "--yes", "--purge"]) == 0
    assert list(data.iterdir()) == [data / "somebody.else"]


def test_uninstall_with_dry_run_removes_nothing(project, hub, capsys):
    cli.main(["setup", "--yes"])
    before = home_files()
    capsys.readouterr()
    assert cli.main(["uninstall", "--purge", "--dry-run"]) == 0
    assert '-    "session-mgmt": {' in capsys.readouterr().out
    assert home_files() == before


def test_uninstall_in_the_home_folder_meets_each_file_once(hub, monkeypatch):
    monkeypatch.chdir(os.environ["HOME"])
    cli.main(["setup", "--yes"])
    assert cli.main(["uninstall", "--yes"]) == 0
    assert not any(path.is_file() for path in Path(os.environ["HOME"]).rglob("*"))


def test_setup_says_when_the_plugin_is_there_as_well(project, capsys):
    settings = Path(os.environ["HOME"]) / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{"enabledPlugins": {"session-mgmt@session-mgmt": true}}')
    assert cli.main(["setup", "--dry-run", "--json"]) == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert any("one of the two is enough" in note for note in notes)


def states(report: dict) -> dict[str, str]:
    return {check["name"]: check["state"] for check in report["checks"]}


def test_doctor_changes_nothing_and_names_every_part(project, hub):
    before = home_files()
    found = states(doctor.examine())
    assert {"python", "packages", "data directory", "permissions", "disk", "hub", "memory", "model"} <= set(found)
    assert {"client", "spool", "platform", "documents"} <= set(found)
    assert "fail" not in found.values()
    assert home_files() == before


def test_doctor_mends_permissions_only_when_asked(project, hub):
    database = paths.database(paths.data_dir())
    database.parent.mkdir(parents=True)
    (database.parent / "settings.toml").write_text("")
    (database.parent / "settings.toml").chmod(0o644)
    assert states(doctor.examine())["permissions"] == "warn"
    assert (database.parent / "settings.toml").stat().st_mode & 0o077
    report = doctor.examine(fix=True)
    assert states(report)["permissions"] == "ok"
    assert not (database.parent / "settings.toml").stat().st_mode & 0o077
    assert report["fixed"]


def test_doctor_names_a_document_that_cannot_be_read(project, hub):
    folder = paths.documents(paths.data_dir()) / "handoffs"
    folder.mkdir(parents=True)
    (folder / "h1.jsonl").write_text("half a docu")
    [said] = [check for check in doctor.examine(fix=True)["checks"] if check["name"] == "documents"]
    assert said["state"] == "warn" and str(folder / "h1.jsonl") in said["advice"]
    assert (folder / "h1.jsonl").read_text() == "half a docu"


def test_doctor_mends_the_permissions_of_documents_as_well(project, hub):
    folder = paths.documents(paths.data_dir()) / "handoffs"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    assert states(doctor.examine())["permissions"] == "warn"
    assert states(doctor.examine(fix=True))["permissions"] == "ok" and folder.stat().st_mode & 0o077 == 0


def test_doctor_finds_a_socket_without_a_hub_and_removes_it(project, hub):
    socket = Path(places.hub_socket(places.data_dir()))
    socket.parent.mkdir(mode=0o700)
    socket.touch()
    assert states(doctor.examine())["hub"] == "warn"
    assert states(doctor.examine(fix=True))["hub"] == "ok"
    assert not socket.exists()


def test_doctor_fails_with_a_data_directory_that_is_a_file(project, hub, capsys):
    paths.data_dir().parent.mkdir(parents=True)
    paths.data_dir().write_text("in the way")
    assert cli.main(["doctor", "--json"]) == 1
    assert states(json.loads(capsys.readouterr().out))["data directory"] == "fail"


def test_doctor_tells_a_complete_registration_from_a_missing_one(project, hub, monkeypatch, tmp_path):
    claude = tmp_path / "bin" / "claude"
    claude.parent.mkdir()
    claude.write_text("#!/bin/sh\necho '2.1.330 (Claude Code)'\n")
    claude.chmod(0o755)
    monkeypatch.setenv("PATH", str(claude.parent), prepend=os.pathsep)
    assert states(doctor.examine())["registration"] == "warn"
    registration.apply(registration.planned_setup("user", project))
    assert states(doctor.examine())["registration"] == "ok"


def test_restore_refuses_a_file_that_is_not_there(hub, project, capsys):
    assert cli.main(["restore", "nothing.bak", "--yes"]) == 1
    assert "nothing.bak" in capsys.readouterr().err


def test_a_setting_that_is_broken_is_one_sentence(monkeypatch, hub, capsys):
    hub["search"] = Invalid("settings.toml is not valid TOML\n(line 3): mend it.")
    assert cli.main(["search", "x"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_every_verb_of_the_issue_is_there_with_json(capsys):
    verbs = {"setup", "uninstall", "import", "search", "show", "doctor", "hub", "backup", "restore", "scrub"}
    for verb in sorted(verbs):
        words = [verb, "status"] if verb == "hub" else [verb]
        assert cli.main([*words, "--help"]) == 0
        assert "--json" in capsys.readouterr().out, verb


def test_the_hook_has_help_although_it_never_loads_the_command_line():
    done = subprocess.run(
        [installing.registration.program(), "hook", "--help"], capture_output=True, text=True, check=True
    )
    assert "EVENT" in done.stdout


def test_a_verb_of_the_hub_imports_neither_numbers_nor_settings():
    code = "import sys, session_mgmt_mcp.cli; print([n for n in ('numpy', 'pydantic', 'asyncio') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
