"""The plugin says the same as `setup` writes, and its launcher says what to do where the program is missing."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.claude_code.settings import HOOK_EVENTS, HOOK_TIMEOUT

PLUGIN = Path(__file__).resolve().parents[2] / "plugin"


def launch(*args: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    environ = {"PATH": path, "HOME": os.environ["HOME"]}
    return subprocess.run(["sh", PLUGIN / "launch.sh", *args], check=False, env=environ, capture_output=True, text=True)


def test_the_plugin_has_the_hooks_that_setup_registers():
    hooks = json.loads((PLUGIN / "hooks" / "hooks.json").read_text())["hooks"]
    assert tuple(hooks) == HOOK_EVENTS
    for event, [group] in hooks.items():
        assert group == {
            "hooks": [
                {
                    "type": "command",
                    "command": f'sh "${{CLAUDE_PLUGIN_ROOT}}/launch.sh" hook {event}',
                    "timeout": HOOK_TIMEOUT,
                }
            ]
        }


def test_the_plugin_and_the_package_have_one_version():
    from session_mgmt_mcp.version import VERSION

    assert json.loads((PLUGIN / ".claude-plugin" / "plugin.json").read_text())["version"] == VERSION


@pytest.mark.parametrize("command", sorted(PLUGIN.glob("commands/*.md")), ids=lambda path: path.stem)
def test_a_command_calls_the_tool_of_its_name_on_the_plugin_s_server(command):
    text = command.read_text()
    [server] = json.loads((PLUGIN / ".mcp.json").read_text())["mcpServers"]
    tool = f"mcp__plugin_session-mgmt_{server}__{command.stem}"
    assert text.count(tool) == 2  # allowed, and called
    assert len(tool) <= 64


def test_the_launcher_runs_the_program_it_finds(tmp_path):
    program = tmp_path / "session-mgmt-mcp"
    program.write_text('#!/bin/sh\necho "ran $*"\n')
    program.chmod(0o755)
    assert launch("hook", "Stop", path=f"{tmp_path}:/usr/bin:/bin").stdout == "ran hook Stop\n"


def test_the_launcher_finds_the_program_where_pipx_puts_it():
    folder = Path(os.environ["HOME"]) / ".local" / "bin"
    folder.mkdir(parents=True)
    (folder / "session-mgmt-mcp").write_text("#!/bin/sh\necho found\n")
    (folder / "session-mgmt-mcp").chmod(0o755)
    assert launch().stdout == "found\n"


def test_without_the_program_the_server_fails_with_what_to_install():
    done = launch()
    assert done.returncode == 127
    assert "pipx install session-mgmt-mcp" in done.stderr


def test_without_the_program_a_session_is_told_once_and_never_stopped():
    start = launch("hook", "SessionStart")
    assert start.returncode == 0
    assert "pipx install session-mgmt-mcp" in json.loads(start.stdout)["systemMessage"]
    later = launch("hook", "PostToolUse")
    assert (later.returncode, later.stdout, later.stderr) == (0, "", "")
