"""Registering with Claude Code and leaving again, on files like users have them."""

import json
import stat
from pathlib import Path

import pytest
from session_mgmt_mcp import registration
from session_mgmt_mcp.adapters.claude_code import json_text, settings
from session_mgmt_mcp.ports.errors import Conflict, Invalid, Unavailable

THEIRS = {"matcher": "Bash", "hooks": [{"type": "command", "command": "lint 'hook'"}]}
FILES = {
    "as the client writes it": json.dumps({"theme": "dark", "hooks": {"Stop": [THEIRS]}, "zoo": 1}, indent=2),
    "on one line": '{"b":1, "a": {"x": []}}\n',
    "with tabs": '{\n\t"b": 1,\n\t"hooks": {\n\t\t"SessionEnd": []\n\t}\n}\n',
    "four spaces, windows lines": '{\r\n    "b": "ü\\u00e9",\r\n    "mcpServers": {}\r\n}\r\n',
    "empty object": "{ \n }",
    "empty": "",
    "only empty hooks": '{"hooks": { }, "mcpServers":\n{\n}}',
    "others' servers": '{\n  "mcpServers": {\n    "z": {"command": "z"},\n    "a": {"command": "a"}\n  }\n}',
    "groups in one event": json.dumps({"hooks": {"Stop": [THEIRS, {"hooks": []}], "Other": []}}, indent=4),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my project"
    folder.mkdir()
    return folder


@pytest.fixture
def user_files(project: Path) -> settings.ClientFiles:
    return settings.client_files("user", project)


def setup(project: Path, scope: settings.Scope = "user") -> list[registration.Change]:
    changes = registration.planned_setup(scope, project)
    registration.keep_backups(changes)
    registration.apply(changes)
    return changes


def uninstall(project: Path, scope: settings.Scope = "user") -> None:
    registration.apply(registration.planned_uninstall(scope, project))


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_uninstall_gives_the_files_back_byte_for_byte(project, user_files, content):
    user_files.hooks.parent.mkdir(parents=True)
    for path in (user_files.servers, user_files.hooks):
        path.write_bytes(content.encode())
    setup(project)
    uninstall(project)
    assert user_files.servers.read_bytes() == content.encode()
    assert user_files.hooks.read_bytes() == content.encode()


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_setup_keeps_what_is_there_in_its_order(project, user_files, content):
    user_files.servers.write_bytes(content.encode())
    setup(project)
    before, after = json.loads(content or "{}"), json.loads(user_files.servers.read_bytes())
    assert [key for key in after if key in before] == list(before)
    assert {**after, "mcpServers": None} == {**before, "mcpServers": None}
    ours = after["mcpServers"].pop("session-mgmt")
    assert list(after["mcpServers"].items()) == list(before.get("mcpServers", {}).items())
    assert Path(ours["command"]).is_absolute()


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_second_setup_has_nothing_to_do(project, user_files, content):
    user_files.servers.write_bytes(content.encode())
    assert len(setup(project)) == 2
    assert setup(project) == []


def test_every_event_gets_one_hook_and_others_hooks_stay(project, user_files):
    user_files.hooks.parent.mkdir(parents=True)
    user_files.hooks.write_text(FILES["as the client writes it"])
    setup(project)
    hooks = json.loads(user_files.hooks.read_text())["hooks"]
    assert set(hooks) == set(settings.HOOK_EVENTS)
    assert hooks["Stop"][0] == THEIRS
    for event, ours in settings.our_hooks({"hooks": hooks}).items():
        assert len(ours) == 1
        assert ours[0][1]["command"].endswith(f"hook {event}")


def test_uninstall_keeps_what_came_after_setup(project, user_files):
    setup(project)
    for path in (user_files.servers, user_files.hooks):
        path.write_text(json_text.put(path.read_text(), ("added",), {"later": True}))
    uninstall(project)
    assert json.loads(user_files.servers.read_text()) == {"added": {"later": True}}
    assert json.loads(user_files.hooks.read_text()) == {"added": {"later": True}}


def test_files_that_setup_made_are_gone_after_uninstall(project):
    setup(project, "project")
    assert (project / ".mcp.json").exists()
    assert (project / ".claude" / "settings.json").exists()
    uninstall(project, "project")
    assert list(project.iterdir()) == []


def test_an_old_registration_moves_to_this_installation_and_keeps_its_environment(project, user_files):
    old = {"command": "python", "args": ["-m", "session_mgmt_mcp.server"], "env": {"A": "b"}}
    user_files.servers.write_text(json.dumps({"mcpServers": {"session-mgmt": old}}))
    setup(project)
    entry = json.loads(user_files.servers.read_text())["mcpServers"]["session-mgmt"]
    assert entry["command"] == str(registration.program())
    assert entry["args"] == []
    assert entry["env"]["A"] == "b"


def test_a_moved_installation_replaces_its_hooks(project, user_files):
    user_files.hooks.parent.mkdir(parents=True)
    old = {"hooks": [{"type": "command", "command": "'/old place/session-mgmt-mcp' hook Stop"}]}
    user_files.hooks.write_text(json.dumps({"hooks": {"Stop": [old, old, THEIRS]}}))
    setup(project)
    stop = json.loads(user_files.hooks.read_text())["hooks"]["Stop"]
    assert "/old place" not in json.dumps(stop)
    assert len(settings.our_hooks({"hooks": {"Stop": stop}})["Stop"]) == 1
    assert THEIRS in stop


@pytest.mark.parametrize(
    "broken", ["{", '{"hooks": [1]}', "[]", '{"mcpServers": 3}', '{"hooks": {"Stop": {}}}', "nonsense"]
)
def test_broken_settings_are_refused_and_left_alone(project, user_files, broken):
    for path in (user_files.servers, user_files.hooks):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(broken)
    with pytest.raises(Invalid, match="repair") as refused:
        registration.planned_setup("user", project)
    assert "\n" not in str(refused.value)
    assert user_files.servers.read_text() == broken


def test_settings_that_are_not_text_are_refused(project, user_files):
    user_files.servers.write_bytes(b"\xff\xfe{}")
    with pytest.raises(Invalid, match="UTF-8"):
        registration.planned_setup("user", project)


def test_a_linked_settings_file_stays_a_link_and_keeps_its_mode(tmp_path, project, user_files):
    target = tmp_path / "dotfiles" / "settings.json"
    target.parent.mkdir()
    target.write_text("{}")
    target.chmod(0o640)
    user_files.hooks.parent.mkdir(parents=True)
    user_files.hooks.symlink_to(target)
    setup(project)
    assert user_files.hooks.is_symlink()
    assert "hooks" in json.loads(target.read_text())
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in target.parent.iterdir()] == ["settings.json"]


def test_a_file_changed_since_it_was_shown_is_not_overwritten(project, user_files):
    changes = registration.planned_setup("user", project)
    user_files.servers.write_text('{"written": "meanwhile"}')
    with pytest.raises(Conflict, match="meanwhile"):
        registration.apply(changes)
    assert user_files.servers.read_text() == '{"written": "meanwhile"}'


def test_the_backup_is_of_the_first_time_and_private(project, user_files):
    user_files.servers.write_text('{"first": 1}')
    setup(project)
    user_files.servers.write_text('{"second": 2}')
    setup(project)
    kept = registration.backup_of(user_files.servers)
    assert kept.read_text() == '{"first": 1}'
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_written_gives_one_sentence(project):
    changes = registration.planned_setup("project", project)
    (project / ".claude").write_text("a file where a folder should be")
    with pytest.raises(Unavailable, match="cannot be") as refused:
        registration.apply(changes)
    assert "\n" not in str(refused.value)


def test_the_config_folder_variable_moves_both_user_files(tmp_path, project):
    files = settings.client_files("user", project, {"CLAUDE_CONFIG_DIR": str(tmp_path)})
    assert (files.servers, files.hooks) == (tmp_path / ".claude.json", tmp_path / "settings.json")


def test_a_data_directory_of_ones_own_is_written_into_the_registration(project, tmp_path):
    environ = {"SESSION_MGMT_DATA_DIR": str(tmp_path / "my data")}
    texts = [change.after.decode() for change in registration.planned_setup("user", project, environ)]
    server = json.loads(texts[0])["mcpServers"]["session-mgmt"]
    hook = json.loads(texts[1])["hooks"]["Stop"][0]["hooks"][0]
    assert server["env"] == environ
    assert hook["command"].startswith(f"SESSION_MGMT_DATA_DIR='{tmp_path}/my data' ")
    assert settings.is_our_hook(hook)


def test_the_diff_names_the_file_and_shows_only_what_changes(project, user_files):
    user_files.servers.write_text('{\n  "theme": "dark"\n}')
    shown = registration.diff(registration.planned_setup("user", project)[0])
    assert shown.startswith(f"--- {user_files.servers}\n+++ {user_files.servers}\n")
    assert [line for line in shown.splitlines()[2:] if line.startswith("-")] == ['-  "theme": "dark"']
