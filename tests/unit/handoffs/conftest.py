"""Sessions that are made up: as memories for what is pure, as a transcript for what reads one."""

import json
import subprocess
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.ports.vector_store import Record

BEGAN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SESSION = "11111111-2222-4333-8444-555555555555"


class Told:
    """The memories of a session, as capturing leaves them; each call returns what it added."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def _add(self, kind: str, text: str, role: str, facts: tuple[str, ...] = (), **metadata: object) -> Record:
        number = len(self.records)
        time = BEGAN + timedelta(minutes=number)
        files = tuple(metadata.get("call", {}).get("files", ()))
        record = Record(f"m{number}", kind, text, "shop-1a2b3c", time, SESSION, role, number,
                        files=files, facts=facts, metadata=metadata)  # fmt: skip
        self.records.append(record)
        return record

    def user(self, text: str, **metadata: object) -> Record:
        return self._add("turn", text, "user", **metadata)

    def say(self, role: str, text: str, agent: str) -> Record:
        return self._add("turn", text, role, **({"agent": agent} if agent else {}))

    def assistant(self, text: str, **metadata: object) -> Record:
        return self._add("turn", text, "assistant", **metadata)

    def call(self, tool: str, text: str, ok: bool | None = True, error: str = "", agent: str = "", *,
             facts: tuple[str, ...] = (), **call: object) -> Record:  # fmt: skip
        whole = {"tool": tool, "ok": ok, "files": [], "command": "", "error": error, **call}
        failed = f" -> failed: {error}" if ok is False else f" -> printed: {error}" if error else ""
        outcome = () if ok is not False and not error else ("outcome:failed" if ok is False else "outcome:hidden",)
        more = {"agent": agent} if agent else {}
        return self._add("action", text + failed, "tool", facts or (f"tool:{tool}", *outcome), call=whole, **more)

    def bash(self, command: str, error: str = "", ok: bool | None = True, **more: object) -> Record:
        return self.call("Bash", f"Bash: {command}", False if error else ok, error, command=command, **more)

    def edit(self, file: str, error: str = "", **more: object) -> Record:
        return self.call("Edit", f"Edit: {file}", not error, error, files=[file], **more)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def told_anew() -> type[Told]:
    return Told


class Transcript:
    """A client's file that grows by what happens; a call comes with its result. Its clock goes by the second."""

    def __init__(self, folder: Path, cwd: Path, session: str = SESSION, began: datetime = BEGAN) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.cwd, self.session, self.began, self.lines = folder / f"{session}.jsonl", cwd, session, began, 0

    def line(self, kind: str, content: object, beside: object = None, **message: object) -> None:
        self.lines += 1
        line = {
            "type": kind,
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.session}/{self.lines}")),
            "timestamp": (self.began + timedelta(seconds=self.lines)).isoformat(),
            "cwd": str(self.cwd),
            "sessionId": self.session,
            "gitBranch": "main",
            "message": {"role": kind, "content": content, **message},
            "toolUseResult": beside,
        }
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def user(self, text: str) -> None:
        self.line("user", text)

    def assistant(self, text: str, tokens: int = 20_000, model: str = "claude-opus-5-5") -> None:
        usage = {
            "input_tokens": tokens,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "output_tokens": 0,
        }
        self.line("assistant", [{"type": "text", "text": text}], model=model, usage=usage)

    def call(
        self, tool: str, result: str = "fine", error: bool = False, beside: object = None, **inputs: object
    ) -> None:
        name = f"c{self.lines}"
        self.line("assistant", [{"type": "tool_use", "id": name, "name": tool, "input": inputs}])
        block = {"type": "tool_result", "tool_use_id": name, "content": result, "is_error": error}
        self.line("user", [block], beside)

    def bash(self, command: str, failed: str = "") -> None:
        self.call("Bash", failed or "ok", bool(failed), {"stdout": "ok", "stderr": ""}, command=command)

    def background(self, command: str) -> None:
        beside = {"stdout": "", "stderr": "", "backgroundTaskId": f"b{self.lines}"}
        self.call("Bash", "running", False, beside, command=command, run_in_background=True)

    def edit(self, file: Path, before: str = "a", after: str = "b") -> None:
        self.call("Edit", file_path=str(file), old_string=before, new_string=after)

    def todos(self, **states: str) -> None:
        todos = [{"content": text, "status": state} for text, state in states.items()]
        self.call("TodoWrite", beside={"newTodos": todos}, todos=todos)


@pytest.fixture
def transcript(tmp_path, shop) -> Transcript:
    return Transcript(tmp_path / "home" / ".claude" / "projects" / "-shop", shop)


class Git:
    """A repository in `folder`, with one commit that is older than every session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self("init", "-q", "-b", "main")
        (folder / "cart.py").write_text("total = 0\n")
        self.base = self.commit("Start", BEGAN - timedelta(days=1))

    def __call__(self, *args: str, when: datetime | None = None) -> str:
        names = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                 for what, value in (("NAME", "You"), ("EMAIL", "you@example.com"))}  # fmt: skip
        if when is not None:
            names |= {"GIT_AUTHOR_DATE": when.isoformat(), "GIT_COMMITTER_DATE": when.isoformat()}
        environ = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(self.folder), **names}
        done = subprocess.run(["git", *args], cwd=self.folder, env=environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message: str, when: datetime) -> str:
        self("add", "-A")
        self("commit", "-q", "-m", message, when=when)
        return self("rev-parse", "HEAD")


@pytest.fixture
def repository(shop) -> Callable[[], Git]:
    return lambda: Git(shop)
