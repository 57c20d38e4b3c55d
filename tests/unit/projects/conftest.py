"""Projects that are made up: sessions of each in a folder of its own that is gone by now, and a client in one of them."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.projects import project_id


class Session:
    """A transcript of a project that grows by what happens; a call comes with its result."""

    def __init__(self, folder: Path, name: str, cwd: str, began: datetime) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.cwd, self.name, self.began, self.lines = folder / f"{name}.jsonl", cwd, name, began, 0

    def line(self, kind: str, content: object, **more: object) -> None:
        self.lines += 1
        line = {
            "type": kind,
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.path}/{self.lines}")),
            "timestamp": (self.began + timedelta(seconds=self.lines)).isoformat().replace("+00:00", "Z"),
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

    def call(self, tool: str, result: str = "fine", error: bool = False, **inputs: object) -> None:
        name = f"c{self.lines}"
        self.line("assistant", [{"type": "tool_use", "id": name, "name": tool, "input": inputs}])
        block = {"type": "tool_result", "tool_use_id": name, "content": result, "is_error": error}
        self.line("user", [block], toolUseResult={"stdout": result, "stderr": ""} if tool == "Bash" else None)

    def bash(self, command: str, failed: str = "") -> None:
        self.call("Bash", failed or "ok", bool(failed), command=command)

    def edit(self, *files: str, failed: str = "") -> None:
        for file in files:
            self.call("Edit", failed or "done", bool(failed), file_path=file, old_string="a", new_string="b")


class Desk:
    """The opened product, and a client that sits in the project `shop`."""

    def __init__(self, app: Application, client: Client, transcripts: Path, now: datetime) -> None:
        self.app, self.client, self.transcripts, self.now = app, client, transcripts, now

    def folder(self, project: str) -> str:
        return f"/home/you/{project}"

    def id(self, project: str) -> str:
        return project_id(self.folder(project))

    def session(self, project: str, name: str, days_ago: float = 1) -> Session:
        began = self.now - timedelta(days=days_ago)
        return Session(self.transcripts / f"-home-you-{project}", f"{project}-{name}", self.folder(project), began)

    async def take_in(self) -> None:
        await self.app.capture.import_paths([self.transcripts])

    async def ask(self, tool: str, **arguments: object) -> dict[str, Any]:
        await self.take_in()
        reply: dict[str, Any] = (await self.client.call_tool(tool, arguments)).structured_content
        return reply

    async def refused(self, tool: str, **arguments: object) -> str:
        result = await self.client.call_tool(tool, arguments, raise_on_error=False)
        assert result.is_error
        text: str = result.content[0].text
        assert "\n" not in text and "Traceback" not in text
        return text


@pytest.fixture
async def desk(product_in: Any, tmp_path: Path) -> AsyncIterator[Desk]:
    async with product_in(Path("/home/you/shop"), session="now") as (app, client):
        yield Desk(app, client, tmp_path / "transcripts", datetime.now(UTC).replace(microsecond=0))
