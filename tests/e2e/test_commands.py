"""A slash command, a prompt of the server and a shortcut file reach the tool in the real client; a resource reaches the model."""

from pathlib import Path

import pytest

from .conftest import CONNECTED, ROOT, Client, make_repository, ours, start_hub

pytestmark = [pytest.mark.client, pytest.mark.timeout(200)]
PLUGIN = ROOT / "plugin"


def test_a_command_of_the_plugin_reaches_its_tool(client: Client, tmp_path: Path):
    project = make_repository(tmp_path / "project")
    start_hub()
    run = client.run(
        project,
        [CONNECTED, [{"tool": "mcp__plugin_session-mgmt_mem__quick_search", "input": {"query": "cobalt"}}], [{"text": "."}]],
        "--plugin-dir", str(PLUGIN), "--allowedTools", "Bash",
        prompt="/session-mgmt:quick_search cobalt blue kettle",
    )  # fmt: skip
    [init] = [event for event in run.events if event.get("subtype") == "init"]
    expected = {f"session-mgmt:{page.stem}" for page in (PLUGIN / "commands").iterdir()}
    assert expected <= set(init["slash_commands"])
    assert "with this query, word for word: cobalt blue kettle" in run.said_to_the_model
    assert '"count"' in run.tool_results[1]


def test_a_prompt_of_the_server_is_a_command(client: Client, tmp_path: Path):
    project = make_repository(tmp_path / "project")
    assert ours("setup", "--yes", cwd=project).returncode == 0
    start_hub()
    run = client.run(
        project,
        [CONNECTED, [{"tool": "mcp__session-mgmt__quick_search", "input": {"query": "cobalt"}}], [{"text": "."}]],
        "--allowedTools", "Bash,mcp__session-mgmt__quick_search",
        prompt="/mcp__session-mgmt__quick_search cobalt blue kettle",
    )  # fmt: skip
    assert "<command-args>cobalt blue kettle</command-args>" in run.said_to_the_model
    assert "Call the tool `quick_search` of this server with this query, word for word: cobalt" in run.said_to_the_model
    assert "all of it counts" in run.said_to_the_model  # the client passes on one word an argument
    assert '"count"' in run.tool_results[-1]


def test_a_shortcut_reaches_the_tool_of_the_registered_server(client: Client, tmp_path: Path):
    project = make_repository(tmp_path / "project")
    assert ours("setup", "--yes", "--shortcuts", cwd=project).returncode == 0
    start_hub()
    shortcuts: dict[str, dict[str, str]] = {
        "start": {}, "checkpoint before the cut": {"name": "before the cut"}, "end": {}
    }  # fmt: skip
    for command, given in shortcuts.items():
        name, _, words = command.partition(" ")
        run = client.run(
            project,
            [CONNECTED, [{"tool": f"mcp__session-mgmt__{name}", "input": given}], [{"text": "."}]],
            "--allowedTools", "Bash",
            prompt=f"/{command}",
        )  # fmt: skip
        [init] = [event for event in run.events if event.get("subtype") == "init"]
        assert {"start", "checkpoint", "end"} <= set(init["slash_commands"])
        assert f"leave it out when nothing stands here: {words}" in run.said_to_the_model, command
        assert '"summary"' in run.tool_results[1], (command, run.tool_results)


def test_the_model_lists_and_reads_the_resources(client: Client, tmp_path: Path):
    project = make_repository(tmp_path / "project")
    assert ours("setup", "--yes", cwd=project).returncode == 0
    start_hub()
    read = {"server": "session-mgmt", "uri": "session-mgmt://memory/digest"}
    run = client.run(
        project,
        [
            CONNECTED,
            [{"tool": "mcp__session-mgmt__store_reflection", "input": {"content": "The kettle is cobalt."}}],
            [{"tool": "ListMcpResourcesTool", "input": {"server": "session-mgmt"}}],
            [{"tool": "ReadMcpResourceTool", "input": read}],
            [{"text": "."}],
        ],
        "--allowedTools", "Bash,mcp__session-mgmt__store_reflection,ListMcpResourcesTool,ReadMcpResourceTool",
        prompt="What is remembered?",
    )  # fmt: skip
    listed, page = run.tool_results[2:]
    assert all(f"session-mgmt://{name}" in listed for name in ("handoff/latest", "memory/digest", "quality/history"))
    assert "Kept on purpose, newest first" in page and "cobalt" in page
