"""Contexts of real sessions: what they hold, counted here a second time from the raw JSON."""

import json
import shutil
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts

pytestmark = pytest.mark.shared
EDITORS, READERS = {"Edit", "MultiEdit", "Write", "NotebookEdit"}, {"Read", "NotebookRead"}


@pytest.fixture(scope="module")
def real(shared: Path) -> list[Path]:
    folder = shared / "claude-code"
    return [*folder.glob("real-projects/*/*.jsonl"), *folder.glob("transcripts/*/*.jsonl")]


def used_in(path: Path) -> dict[str, tuple[str, str]]:
    """Each file that a call of the main conversation touched without failing, whether it was edited, and when last."""
    calls, used = {}, {}
    for text in path.read_text().splitlines():
        line = json.loads(text)
        if line["type"] not in ("user", "assistant") or not isinstance(line["message"]["content"], list):
            continue
        for block in line["message"]["content"]:
            if block["type"] == "tool_use":
                calls[block["id"]] = (block["name"], block["input"], line["timestamp"])
            if block["type"] != "tool_result" or block.get("is_error"):
                continue
            name, inputs, time = calls[block["tool_use_id"]]
            file = inputs.get("file_path") or inputs.get("notebook_path")
            if name not in EDITORS | READERS or not file:
                continue
            before = used.get(file, ("read", ""))
            use = "edited" if name in EDITORS or before[0] == "edited" else "read"
            used[file] = (use, max(time, before[1]))
    return used


async def test_a_context_of_each_real_session_tells_its_files_prompts_and_todos(real, product_in, tmp_path):
    projects = Path.home() / ".claude" / "projects" / "real"
    projects.mkdir(parents=True)
    for path in real:
        shutil.copy(path, projects)
    files = prompts = todos = 0
    async with product_in(tmp_path, max_tokens=100_000) as (app, client):
        for path in real:
            arguments = {"session_id": path.stem}
            kept = (await client.call_tool("preserve_current_context", arguments)).structured_content
            context = await app.contexts.find(path.stem)
            root = Path(context.place.folder)
            found = {
                str(one.path if Path(one.path).is_absolute() else root / one.path): one.use
                for one in context.work.files
            }
            expected = used_in(path)
            newest = sorted(expected, key=lambda file: expected[file][1], reverse=True)[:100]
            assert found == {file: expected[file][0] for file in newest}, path
            assert not context.work.there and kept["branch"] is None
            outline = await ClaudeCodeTranscripts().outline(path)
            assert len(kept["prompts"]) == min(10, len(outline.prompts)) > 0
            assert [todo["state"] for todo in kept["todos"]] == [todo.state for todo in outline.todos]
            back = (await client.call_tool("restore_session_context", arguments)).structured_content
            assert back["id"] == kept["id"] and back["mismatches"] == [] and "is gone" in back["summary"]
            files, prompts, todos = files + len(found), prompts + len(kept["prompts"]), todos + len(kept["todos"])
    assert files > 50 and prompts > 50 and todos > 0
