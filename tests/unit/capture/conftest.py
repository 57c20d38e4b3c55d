"""Transcripts written by hand, line by line, as Claude Code writes them."""

import json
import uuid
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts

SESSION = "11111111-2222-4333-8444-555555555555"


class Transcript:
    """A file that grows by the things that happen in a session."""

    def __init__(self, folder: Path, session: str = SESSION, cwd: str = "/home/you/shop", name: str = "") -> None:
        self.path = folder / (name or f"{session}.jsonl")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        self.session, self.cwd, self.lines = session, cwd, 0

    def line(self, kind: str, **more: object) -> dict:
        self.lines += 1
        seconds = self.lines % 60
        line = {
            "parentUuid": None,
            "isSidechain": False,
            "type": kind,
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.path.name}/{self.lines}")),
            "timestamp": f"2026-03-02T10:{self.lines // 60:02}:{seconds:02}.000Z",
            "cwd": self.cwd,
            "sessionId": self.session,
            "version": "2.1.330",
            "gitBranch": "main",
        } | more
        self.raw(json.dumps(line).encode() + b"\n")
        return line

    def raw(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def user(self, content: object, **more: object) -> dict:
        return self.line("user", message={"role": "user", "content": content}, **more)

    def assistant(self, *blocks: object, **more: object) -> dict:
        content = [{"type": "text", "text": b} if isinstance(b, str) else b for b in blocks]
        return self.line("assistant", message={"id": "msg_1", "role": "assistant", "content": content}, **more)

    def call(self, name: str, tool: str = "Bash", **inputs: object) -> dict:
        return self.assistant({"type": "tool_use", "id": name, "name": tool, "input": inputs})

    def result(self, name: str, content: object = "fine", error: bool | None = None, beside: object = None) -> dict:
        block = {"type": "tool_result", "tool_use_id": name, "content": content}
        if error is not None:
            block["is_error"] = error
        return self.user([block], toolUseResult=beside)


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    return Transcript(tmp_path / "projects" / "-home-you-shop")


@pytest.fixture
def new_transcript(tmp_path: Path):
    def make(**how: object) -> Transcript:
        return Transcript(tmp_path / "projects" / "-home-you-shop", **how)

    return make


@pytest.fixture
def source() -> ClaudeCodeTranscripts:
    return ClaudeCodeTranscripts()


@pytest.fixture
def read(source: ClaudeCodeTranscripts):
    """All entries of a file by id in first-read order, what was skipped, and the last cursor."""

    async def reading(path: Path, cursor=None):
        entries, skipped = {}, {}
        async for batch in source.read(path, cursor):
            entries |= {entry.id: entry for entry in batch.entries}
            for reason, count in batch.skipped.items():
                skipped[reason] = skipped.get(reason, 0) + count
            cursor = batch.cursor
        return list(entries.values()), skipped, cursor

    return reading
