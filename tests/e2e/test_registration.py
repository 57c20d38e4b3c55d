"""What `setup` writes is what the real client reads, and after `uninstall` it knows nothing of us."""

import json
import os
from pathlib import Path

import pytest

from .conftest import Client, make_repository, ours, start_hub

pytestmark = [pytest.mark.client, pytest.mark.timeout(200)]


@pytest.mark.parametrize("scope", ["user", "project"])
def test_the_client_connects_to_what_setup_registered(client: Client, tmp_path: Path, scope: str):
    project = make_repository(tmp_path / "a project")
    done = ours("setup", "--yes", "--scope", scope, cwd=project)
    assert done.returncode == 0, done.stderr
    start_hub()
    tool = "mcp__session-mgmt__quick_search"
    run = client.run(
        project,
        [[{"tool": tool, "input": {"query": "hello"}}], [{"text": "hello"}]],
        "--allowedTools",
        "mcp__session-mgmt__*",
        prompt="hello",
    )
    [init] = [event for event in run.events if event.get("subtype") == "init"]
    assert [(server["name"], server["source"]) for server in init["mcp_servers"]] == [("session-mgmt", scope)]
    assert tool in run.tools
    assert "count" in json.loads(run.tool_results[0])
    fired = {event["hook_event"] for event in run.events if event.get("subtype") == "hook_response"}
    assert {"SessionStart", "UserPromptSubmit", "Stop"} <= fired
    assert all(event["exit_code"] == 0 for event in run.events if event.get("subtype") == "hook_response")


def test_after_uninstall_the_client_knows_nothing_of_us(client: Client, tmp_path: Path):
    project = make_repository(tmp_path / "a project")
    home = Path(os.environ["HOME"])
    client.command("mcp", "add", "--scope", "user", "other", "--", "/bin/cat", cwd=project)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and "backup" not in str(path)}
    assert ours("setup", "--yes", cwd=project).returncode == 0
    assert "session-mgmt" in client.command("mcp", "list", cwd=project)
    done = ours("uninstall", "--yes", cwd=project)
    assert done.returncode == 0, done.stderr
    listed = client.command("mcp", "list", cwd=project)
    assert "session-mgmt" not in listed
    assert "other" in listed
    assert not (home / ".claude" / "settings.json").exists()
    assert set(before) <= set(home.rglob("*"))
