"""Everything real clients wrote is read: counted here a second time, by a few lines that share nothing with the product."""

import json
from collections import Counter
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.claude_code.parsing import line_type, parse, parse_fully
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts

pytestmark = pytest.mark.shared
NOT_SAID = ("<command-name>", "<local-command-", "<task-notification>")


@pytest.fixture(scope="module")
def real(shared: Path) -> list[Path]:
    return [
        p for folder in ("real-projects", "transcripts") for p in (shared / "claude-code" / folder).rglob("*.jsonl")
    ]


def said_in(line: dict) -> list[str]:
    content = line["message"]["content"]
    if line.get("isMeta") or line.get("isCompactSummary"):
        return []
    texts = [content] if isinstance(content, str) else [b["text"] for b in content if b["type"] == "text"]
    texts = [text for text in texts if text.strip()]
    if line["type"] == "assistant":
        return texts
    return [t for t in texts if not t.startswith(NOT_SAID) and not ("<command-message>" in t and "-args>" not in t)]


async def test_no_line_that_counts_is_lost_and_none_counts_twice(real):
    assert len(real) == 26
    expected: Counter = Counter()
    for path in real:
        results = {}
        for text in path.read_text().splitlines():
            line = json.loads(text)
            if line["type"] == "system" and line["subtype"] == "compact_boundary":
                expected[path, "boundary"] += 1
            if line["type"] not in ("user", "assistant"):
                continue
            expected[path, line["type"]] += len(said_in(line))
            for block in line["message"]["content"] if isinstance(line["message"]["content"], list) else []:
                if block["type"] == "tool_use":
                    expected[path, "tool"] += 1
                if block["type"] == "tool_result":
                    results[block["tool_use_id"]] = block.get("is_error") is True
        expected[path, "failed"] += sum(results.values())
    found: Counter = Counter()
    ids = set()
    for path in real:
        async for batch in ClaudeCodeTranscripts().read(path):
            for entry in batch.entries:
                assert entry.id not in ids
                ids.add(entry.id)
                found[path, entry.role] += 1
                found[path, "failed"] += entry.call is not None and entry.call.ok is False
    assert +found == +expected
    assert sum(found.values()) > 1_200


def test_no_line_is_passed_over_unparsed_that_holds_something(real):
    unparsed = 0
    for path in real:
        for text in path.read_bytes().splitlines():
            whole = parse_fully(text)
            assert whole == json.loads(text)
            assert line_type(text) in (None, whole["type"])
            if isinstance(parse(text), str):
                unparsed += 1
                assert whole["type"] not in ("user", "assistant", "system")
    assert unparsed > 50


async def test_every_line_is_either_taken_or_counted(real):
    for path in real:
        lines = blocks = results = 0
        for text in path.read_text().splitlines():
            line = json.loads(text)
            lines += 1
            content = line.get("message", {}).get("content") if line["type"] in ("user", "assistant") else None
            if isinstance(content, list) and not line.get("isCompactSummary"):
                blocks += len(content) - 1
                results += sum(block["type"] == "tool_result" for block in content)
        counted = 0
        async for batch in ClaudeCodeTranscripts().read(path):
            counted += len(batch.entries) + sum(batch.skipped.values())
        assert counted + results == lines + blocks
