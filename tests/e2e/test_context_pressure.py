"""How full the context is, as the real client's own transcript says while the conversation goes on."""

import json
from pathlib import Path

import pytest

from .conftest import Client, make_repository, ours, start_hub

pytestmark = pytest.mark.client

WAITS = "until [ -e enough ]; do sleep 0.1; done"
COMPACT = "mcp__session-mgmt__auto_compact"
ALLOWED = ("--allowedTools", "mcp__session-mgmt__*,Write,Bash,TaskCreate,TaskUpdate")


@pytest.mark.timeout(300)
def test_it_is_measured_and_what_must_survive_is_preserved(client: Client, tmp_path: Path):
    shop = make_repository(tmp_path / "shop")
    assert ours("setup", "--yes", cwd=shop).returncode == 0
    start_hub()
    usage = {"input_tokens": 1_000, "cache_read_input_tokens": 140_000, "cache_creation_input_tokens": 0}
    run = client.run(
        shop,
        [
            [{"tool": "Write", "input": {"file_path": str(shop / "cart.py"), "content": "total = 1\n"}}],
            [{"tool": "TaskCreate", "input": {"subject": "Write the docs", "description": "all of them"}}],
            [{"tool": "TaskCreate", "input": {"subject": "Fix the cart", "description": "soon"}}],
            [{"tool": "TaskUpdate", "input": {"taskId": "2", "status": "completed"}}],
            [{"tool": "Bash", "input": {"command": WAITS, "description": "wait", "run_in_background": True}}],
            [{"text": "We decided to keep prices in cents because floats drift."}, {"tool": COMPACT, "input": {}}],
            {"content": [{"tool": "Bash", "input": {"command": "true", "description": "t"}}], "usage": usage},
            {"content": [{"tool": COMPACT, "input": {}}], "usage": usage},  # it may not be on the disk yet
            [{"tool": "Bash", "input": {"command": "touch enough", "description": "t"}}],  # the client would wait
            [{"text": "Measured."}],
        ],
        *ALLOWED,
        prompt="Count in cents.",
    )
    before, reply = (json.loads(result) for result in (run.tool_results[-4], run.tool_results[-2]))
    assert (before["verdict"], before["compact"], before["preserved"]) == ("low", False, None)
    assert 141_000 <= reply["tokens"] < 142_000
    assert (reply["window"], reply["verdict"], reply["compact"]) == (200_000, "high", True)
    assert [todo["text"] for todo in reply["todos"]] == ["Write the docs"]
    assert [said["quote"] for said in reply["prompts"]] == ["Count in cents."]
    assert [said["quote"] for said in reply["decisions"]] == [
        "We decided to keep prices in cents because floats drift."
    ]
    assert (reply["files"], reply["running"]) == (["cart.py"], [WAITS])
