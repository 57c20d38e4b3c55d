"""Reminders in the real client: its model is shown what is due, once, with the answer of any tool."""

from pathlib import Path

import pytest

from .conftest import CONNECTED, ROOT, Client, make_repository, start_hub

pytestmark = [pytest.mark.client, pytest.mark.timeout(200)]

OURS = "mcp__plugin_session-mgmt_mem__"


def test_a_reminder_reaches_the_model_with_the_next_answer_once(client: Client, tmp_path: Path):
    project = make_repository(tmp_path / "project")
    start_hub()
    made = {"title": "Call Bob", "time_expression": "in 3 seconds"}
    run = client.run(
        project,
        [
            CONNECTED,
            [{"tool": f"{OURS}create_natural_reminder", "input": made}],
            [
                {
                    "tool": f"{OURS}create_natural_reminder",
                    "input": {"title": "Later", "time_expression": "next session"},
                }
            ],
            [{"tool": "Bash", "input": {"command": "sleep 4", "description": "wait"}}],
            [{"tool": f"{OURS}quick_search", "input": {"query": "anything"}}],
            [{"tool": f"{OURS}quick_search", "input": {"query": "anything"}}],
            [{"text": "done"}],
        ],
        "--plugin-dir",
        str(ROOT / "plugin"),
        "--allowedTools",
        f"{OURS}*,Bash",
        prompt="Remind me to call Bob.",
    )
    _, _, waits, _, told, after = run.tool_results
    assert "Call Bob" not in waits
    assert "due_reminders" in told and 'Reminder for the user: \\"Call Bob\\"' in told, told
    assert "due_reminders" not in after and "Bob" not in after
    run = client.run(
        project,
        [
            CONNECTED,
            [{"tool": f"{OURS}ping", "input": {}}],
            [{"text": "done"}],
        ],
        "--plugin-dir",
        str(ROOT / "plugin"),
        "--allowedTools",
        f"{OURS}*,Bash",
        prompt="Go on.",
    )
    assert "Later" in run.said_to_the_model and "when the next session starts" in run.said_to_the_model
