"""A real repository in which a session has worked, and that session's transcript."""

import json
import shutil
import subprocess
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

SESSION = "11111111-2222-4333-8444-555555555555"


def git(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    return subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True, text=True).stdout


@dataclass
class Desk:
    """A repository at `root`, and what its session wrote into its transcript."""

    root: Path
    transcript: Path
    session: str = SESSION
    at: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=5))
    lines: int = 0

    def git(self, *args: str) -> str:
        return git(self.root, *args)

    def write(self, name: str, text: str) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def said(self, kind: str, content: object, **more: object) -> None:
        self.lines += 1
        self.at += timedelta(seconds=1)
        line = {
            "type": kind,
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.session}/{self.lines}")),
            "timestamp": self.at.isoformat().replace("+00:00", "Z"),
            "cwd": str(self.root),
            "sessionId": self.session,
            "version": "2.1.330",
            "gitBranch": "main",
            "isSidechain": False,
            "message": {"id": f"msg_{self.lines}", "role": kind, "content": content},
        } | more
        with self.transcript.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def prompt(self, text: str) -> None:
        self.said("user", text)

    def call(self, tool: str, beside: object = None, **inputs: object) -> None:
        name = f"toolu_{self.lines}"
        self.said("assistant", [{"type": "tool_use", "id": name, "name": tool, "input": inputs}])
        self.said("user", [{"type": "tool_result", "tool_use_id": name, "content": "fine"}], toolUseResult=beside)


def desk_at(root: Path, home: Path, session: str = SESSION) -> Desk:
    folder = home / ".claude" / "projects" / str(root).replace("/", "-")
    folder.mkdir(parents=True, exist_ok=True)
    return Desk(root, folder / f"{session}.jsonl", session)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """On `main` with one commit of three files; the session read one and edited another, and has todos."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    root = tmp_path / "my code" / "shop"
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    made = desk_at(root, tmp_path / "home")
    for name in ("cart.py", "price.py", "über.py"):
        made.write(name, f"# {name}\n")
    made.git("add", ".")
    made.git("commit", "-q", "-m", "first")
    made.prompt("Make the cart keep its prices")
    made.call("Read", file_path=str(root / "price.py"))
    made.call("Edit", file_path=str(root / "cart.py"), old_string="#", new_string="# the")
    made.call("Read", file_path=str(root / "cart.py"))
    made.call("Bash", command="sleep 900", run_in_background=True, beside={"backgroundTaskId": "b1"})
    todos = [
        {"content": "Round prices", "status": "in_progress", "activeForm": "Rounding"},
        {"content": "Read the cart", "status": "completed", "activeForm": "Reading"},
    ]
    made.call("TodoWrite", todos=todos)
    made.prompt("Round them to cents")
    return made
