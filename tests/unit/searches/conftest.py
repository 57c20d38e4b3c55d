"""Sessions that are made up, taken in as a client leaves them, and questions through a real MCP client."""

import json
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from session_mgmt_mcp.application import Application


class Session:
    """A transcript that grows by what happens; a call comes with its result."""

    def __init__(self, folder: Path, name: str, cwd: Path | str, day: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.cwd, self.name, self.day, self.lines = folder / f"{name}.jsonl", str(cwd), name, day, 0

    def line(self, kind: str, content: object, **more: object) -> None:
        self.lines += 1
        line = {
            "type": kind,
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.path.name}/{self.lines}")),
            "timestamp": f"2026-03-{self.day:02}T10:{self.lines // 60:02}:{self.lines % 60:02}.000Z",
            "cwd": self.cwd,
            "sessionId": self.name,
            "message": {"role": kind, "content": content},
        } | more
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def user(self, text: str) -> None:
        self.line("user", text)

    def assistant(self, text: str) -> None:
        self.line("assistant", [{"type": "text", "text": text}])

    def call(self, tool: str, result: str = "fine", error: bool = False, agent: str = "", **inputs: object) -> None:
        name, side = f"c{self.lines}", {"isSidechain": True, "agentId": agent} if agent else {}
        self.line("assistant", [{"type": "tool_use", "id": name, "name": tool, "input": inputs}], **side)
        block = {"type": "tool_result", "tool_use_id": name, "content": result, "is_error": error}
        self.line("user", [block], toolUseResult={"stdout": result, "stderr": ""} if tool == "Bash" else None, **side)

    def bash(self, command: str, failed: str = "", printed: str = "ok", agent: str = "") -> None:
        self.call("Bash", failed or printed, bool(failed), agent, command=command)

    def edit(self, file: str, before: str = "a", after: str = "b", failed: str = "", agent: str = "") -> None:
        self.call("Edit", failed or "done", bool(failed), agent, file_path=file, old_string=before, new_string=after)

    def write(self, file: str, content: str) -> None:
        self.call("Write", file_path=file, content=content)


class Desk:
    """The opened product, and a client that sits in `folder`."""

    def __init__(self, app: Application, client: Client, folder: Path, transcripts: Path) -> None:
        self.app, self.client, self.folder, self.transcripts = app, client, folder, transcripts

    def session(self, name: str = "s1", cwd: Path | str = "", day: int = 1) -> Session:
        return Session(self.transcripts, name, cwd or self.folder, day)

    async def ask(self, tool: str, **arguments: object) -> dict:
        await self.app.capture.import_paths([self.transcripts])
        return (await self.client.call_tool(tool, arguments)).structured_content

    async def refused(self, tool: str, **arguments: object) -> str:
        result = await self.client.call_tool(tool, arguments, raise_on_error=False)
        assert result.is_error
        return result.content[0].text


@pytest.fixture
async def desk(product_in: Any, shop: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    async with product_in(shop, session="now") as (app, client):
        yield Desk(app, client, shop, tmp_path / "transcripts")


@pytest.fixture
async def real(product_in: Any, tmp_path: Path, shared: Path) -> AsyncIterator[Desk]:
    """The real transcripts, asked from a folder that knows nothing of them: with project="*"."""
    copies = tmp_path / "real"
    shutil.copytree(shared / "claude-code" / "real-projects", copies)
    async with product_in(tmp_path, session="now") as (app, client):
        yield Desk(app, client, tmp_path, copies)
