from collections import Counter
from pathlib import Path

import orjson
import pytest
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts

from benchmarks.transcripts import write_transcripts

REAL_LINES = {"result": 18.0, "call": 18.0, "text": 9.5, "thinking": 7.0, "prompt": 1.6, "progress": 41.7}
REAL_BYTES = {"result": 64.4, "call": 8.0, "text": 3.2, "thinking": 4.9, "prompt": 0.7, "progress": 18.1}
"""Percent of 4,280 lines and 13.8 MB of real sessions."""
NAMES = {"tool_result": "result", "tool_use": "call"}


def kind(line: dict) -> str:
    content = line.get("message", {}).get("content")
    if isinstance(content, list):
        return NAMES.get(content[0]["type"], content[0]["type"])
    return "prompt" if line["type"] == "user" else line["type"]


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> list[tuple[str, int]]:
    """Kind and bytes of each."""
    folder = tmp_path_factory.mktemp("projects")
    assert write_transcripts(folder, 12) == pytest.approx(12e6, rel=0.02)
    return [(kind(orjson.loads(line)), len(line)) for file in folder.rglob("*.jsonl") for line in file.open("rb")]


def test_lines_are_shared_out_as_in_real_sessions(lines) -> None:
    counts = Counter(kind for kind, _ in lines)
    ours = {kind: 100 * counts[kind] / len(lines) for kind in REAL_LINES}
    assert ours == pytest.approx(REAL_LINES, rel=0.25)


def test_bytes_are_shared_out_as_in_real_sessions(lines) -> None:
    total = sum(size for _, size in lines)
    ours = {named: 100 * sum(size for kind, size in lines if kind == named) / total for named in REAL_BYTES}
    assert ours == pytest.approx(REAL_BYTES, rel=0.35)
    assert total / len(lines) == pytest.approx(3_235, rel=0.15)


async def test_the_product_reads_them(tmp_path: Path) -> None:
    written = write_transcripts(tmp_path / "projects", 2)
    source = ClaudeCodeTranscripts()
    files = await source.find([tmp_path / "projects"])
    assert written == sum(file.bytes for file in files)
    entries = [entry for file in files async for batch in source.read(file.path) for entry in batch.entries]
    assert {entry.role for entry in entries} == {"user", "assistant", "tool"}
    assert len(entries) == pytest.approx(2 * 90, rel=0.4)
    assert len({entry.id for entry in entries}) == len(entries)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_transcripts(tmp_path / name, 0.2)
    one, other = (
        [(file.name, file.read_bytes()) for file in sorted((tmp_path / name).rglob("*.jsonl"))]
        for name in ("one", "other")
    )
    assert one == other
