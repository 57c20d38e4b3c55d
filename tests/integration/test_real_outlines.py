"""Outlines of real sessions: figures counted here a second time, from the raw JSON."""

import json
import random
import re
import time
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts

pytestmark = pytest.mark.shared
OWN_COMMAND = r"(?s)<command-message>.*<command-name>(.+?)</command-name>.*<command-args>(.+)</command-args>"
NOT_TYPED = ("<command-", "<local-command-", "<task-notification>", "[Request interrupted", "Operation stopped by hook")


@pytest.fixture(scope="module")
def real(shared: Path) -> list[Path]:
    folder = shared / "claude-code"
    return [*folder.glob("real-projects/*/*.jsonl"), *folder.glob("transcripts/*/*.jsonl")]


def lines_of(path: Path) -> list[dict]:
    return [json.loads(text) for text in path.read_text().splitlines()]


def typed_in(line: dict) -> list[str]:
    if line["type"] != "user" or line.get("isMeta") or line.get("isCompactSummary"):
        return []
    content = line["message"]["content"]
    texts = [content] if isinstance(content, str) else [b["text"] for b in content if b["type"] == "text"]
    texts = [re.sub(OWN_COMMAND, r"\1 \2", text) for text in texts]
    return [text.strip() for text in texts if text.strip() and not text.startswith(NOT_TYPED)]


async def test_the_prompts_are_the_last_that_were_typed(real):
    assert len(real) == 24
    for path in real:
        typed = [text for line in lines_of(path) for text in typed_in(line)]
        found = await ClaudeCodeTranscripts().outline(path)
        assert len(found.prompts) == min(20, len(typed)) > 0
        assert [p[:40] for p in found.prompts] == [t[:40] for t in typed[-20:]], path


async def test_the_use_is_that_of_the_last_message_that_a_model_wrote(real):
    windows = []
    for path in real:
        used = 0
        for line in lines_of(path):
            if line["type"] == "assistant" and line["message"]["model"] != "<synthetic>":
                usage, model = line["message"]["usage"], line["message"]["model"]
                used = usage["input_tokens"] + usage["output_tokens"]
                used += usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
        found = await ClaudeCodeTranscripts().outline(path)
        assert (found.usage.tokens, found.usage.model) == (used, model)
        windows.append(used)
    assert min(windows) > 10_000 and max(windows) < 200_000


async def test_the_todos_are_those_that_the_raw_calls_leave(real):
    lists = 0
    for path in real:
        listed, tasks = [], {}
        lines = lines_of(path)
        calls = {
            block["id"]: block for line in lines if line["type"] == "assistant"
            for block in line["message"]["content"] if block["type"] == "tool_use"
        }  # fmt: skip
        for line in lines:
            beside = line.get("toolUseResult")
            if not isinstance(beside, dict):
                continue
            call = calls[line["message"]["content"][0]["tool_use_id"]]
            if call["name"] == "TodoWrite":
                listed = [(todo["content"], todo["status"]) for todo in call["input"]["todos"]]
            if call["name"] == "TaskCreate":
                tasks[beside["task"]["id"]] = (beside["task"]["subject"], "pending")
            if call["name"] == "TaskUpdate":
                text, state = tasks[call["input"]["taskId"]]
                tasks[call["input"]["taskId"]] = (
                    call["input"].get("subject", text),
                    call["input"].get("status", state),
                )
        found = await ClaudeCodeTranscripts().outline(path)
        assert [(todo.text, todo.state) for todo in found.todos] == [*listed, *tasks.values()]
        lists += bool(found.todos)
    assert lists == 6


async def test_compactions_are_counted_and_nothing_is_said_to_run(real):
    counted = {}
    for path in real:
        found = await ClaudeCodeTranscripts().outline(path)
        counted[path.parent.name] = found.compactions
        marks = [line for line in lines_of(path) if line.get("subtype") == "compact_boundary"]
        assert (found.compactions, found.running) == (len(marks), ())
        stamps = [line["timestamp"] for line in lines_of(path) if line["type"] in ("user", "assistant")]
        assert found.last.isoformat()[:19] >= max(stamps)[:19] and found.started.isoformat()[:19] >= min(stamps)[:19]
    assert counted["2.1.330-tui-compact-auto"] == counted["2.1.330-tui-compact-manual"] == 1


async def test_reading_on_gives_what_reading_at_once_gives(real, tmp_path):
    chance = random.Random(4)
    for path in real[:8]:
        grown, source = tmp_path / path.name, ClaudeCodeTranscripts()
        raw, at = path.read_bytes(), 0
        while at < len(raw):
            upto = at + chance.randint(1, 400_000)
            with grown.open("ab") as file:
                file.write(raw[at:upto])
            at = upto
            found = await source.outline(grown)
        assert found == await ClaudeCodeTranscripts().outline(path)


async def test_a_conversation_of_a_hundred_megabytes_costs_a_second_once_and_nothing_again(real, tmp_path):
    longest = max(real, key=lambda path: path.stat().st_size)
    grown = tmp_path / longest.name
    raw = longest.read_bytes()
    with grown.open("wb") as file:
        for _ in range(100_000_000 // len(raw)):
            file.write(raw)
    source = ClaudeCodeTranscripts()
    started = time.perf_counter()
    await source.outline(grown)
    once = time.perf_counter() - started
    started = time.perf_counter()
    await source.outline(grown)
    again = time.perf_counter() - started
    print(f"{grown.stat().st_size / 1e6:.0f} MB: {once:.2f} s, again {again * 1000:.1f} ms")
    assert once < 10 and again < once / 20
