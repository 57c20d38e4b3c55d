"""The plugin in the real client: valid, installable from a folder, its server connected and its hooks heard."""

from pathlib import Path

import pytest

from .conftest import CONNECTED, ROOT, Client, make_repository, search, start_hub, wait_until

pytestmark = [pytest.mark.client, pytest.mark.timeout(200)]

PLUGIN = ROOT / "plugin"
STORE = "mcp__plugin_session-mgmt_mem__store_reflection"


def test_the_plugin_is_valid(client: Client):
    for manifest in ("plugin.json", "marketplace.json"):
        said = client.command("plugin", "validate", "--strict", str(PLUGIN / ".claude-plugin" / manifest))
        assert "Validation passed" in said, said
    assert "Validation passed" in client.command("plugin", "validate", str(PLUGIN))


def test_the_plugin_installs_from_a_local_marketplace(client: Client, tmp_path: Path):
    project = make_repository(tmp_path / "project")
    client.command("plugin", "marketplace", "add", str(PLUGIN), cwd=project)
    client.command("plugin", "install", "session-mgmt@session-mgmt", cwd=project)
    listed = client.command("mcp", "list", cwd=project)
    assert "plugin:session-mgmt:mem" in listed, listed
    assert "Connected" in listed, listed


def test_the_plugin_folder_brings_the_server_the_hooks_and_the_commands(client: Client, tmp_path: Path):
    project = make_repository(tmp_path / "project")
    start_hub()
    run = client.run(
        project,
        [
            CONNECTED,
            [{"tool": STORE, "input": {"content": "The till needs a vermilion key."}}],
            [{"text": "The gate opens with a cerulean key."}],
        ],
        "--plugin-dir",
        str(PLUGIN),
        "--allowedTools",
        "mcp__plugin_session-mgmt_mem__*,Bash",
        prompt="Which keys are there?",
    )
    assert "vermilion" not in run.tool_results[0]
    assert "error" not in run.tool_results[1].lower(), run.tool_results[1]
    [init] = [event for event in run.events if event.get("subtype") == "init"]
    assert {"session-mgmt:reflect_on_past", "session-mgmt:store_reflection"} <= set(init["slash_commands"])
    wait_until(lambda: any("vermilion" in hit["snippet"] for hit in search("vermilion", project)))
    wait_until(lambda: any("cerulean" in hit["snippet"] for hit in search("cerulean", project)))
