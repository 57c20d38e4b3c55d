"""The real client, against a model that plays a script. Nothing leaves the machine."""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from session_mgmt_mcp import asking

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).parent / "session-mgmt-mcp"
PLACES = (
    os.environ.get("CLAUDE", ""),
    ROOT / ".cache/claude-code/node_modules/.bin/claude",
    Path.home() / ".cache/claude-code-test/node_modules/.bin/claude",  # read before each test gets its own home
)


CONNECTED = [
    {
        "tool": "Bash",
        "input": {
            "command": "until grep -q 'Successfully connected' '${OUT}/debug.txt'; do sleep 0.1; done; sleep 1",
            "description": "let the server connect",
        },
    }
]
"""A turn of the model: the client answers it once it knows our tools."""


@dataclass(frozen=True)
class Run:
    """One session of the client: what it asked its model, and what it printed."""

    folder: Path

    @property
    def requests(self) -> list[dict[str, Any]]:
        lines = map(json.loads, (self.folder / "requests.jsonl").read_text().splitlines())
        return [line["body"] for line in lines if line["path"].startswith("/v1/messages?") and line["route"] == "main"]

    @property
    def said_to_the_model(self) -> str:
        return json.dumps(self.requests, ensure_ascii=False)

    @property
    def tools(self) -> set[str]:
        """In the last request: at the first one a server may still be connecting."""
        return {tool["name"] for tool in self.requests[-1]["tools"]}

    @property
    def tool_results(self) -> list[str]:
        """What each call gave, as the model saw it, in the order of the calls."""
        blocks = [block for message in self.requests[-1]["messages"] for block in _blocks(message)]
        return [_text(block["content"]) for block in blocks if block["type"] == "tool_result"]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "stream.jsonl").read_text().splitlines()]

    @property
    def debug(self) -> str:
        return (self.folder / "debug.txt").read_text()


@dataclass(frozen=True)
class Client:
    """Runs the client in the test's home, where `setup` or the plugin has registered us."""

    executable: Path
    runner: Callable[[], Path]
    folder: Path
    extra: dict[str, str]

    def run(self, cwd: Path, turns: Sequence[Sequence[dict[str, Any]]], *args: str, prompt: str) -> Run:
        out = self.folder / f"run{len(list(self.folder.glob('run*')))}"
        out.mkdir(parents=True)
        (out / "script.json").write_text(json.dumps({"turns": turns}))
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": os.environ["HOME"],
            "CLAUDE": str(self.executable),
            "CLIENT_PATH": f"{PROGRAM.parent}:/usr/local/bin:/usr/bin:/bin",
            "CHOME": os.environ["HOME"],
            "KEEP_HOME": "1",
            "CWD": str(cwd),
            "PROMPT": prompt,
            "EXTRA_ENV": " ".join(f"{name}={value}" for name, value in self.extra.items()),
        }
        done = subprocess.run(
            [self.runner(), out / "script.json", out, *args],
            check=False, env=environ, capture_output=True, text=True, timeout=150,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}{done.stderr}{(out / 'stderr.txt').read_text()}"
        return Run(out)

    def command(self, *args: str, cwd: Path | None = None) -> str:
        """One of the client's own commands, such as `mcp list`."""
        environ = {
            "PATH": f"{PROGRAM.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": os.environ["HOME"],
            "IS_SANDBOX": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            **self.extra,
        }
        done = subprocess.run(
            [self.executable, *args], check=False, env=environ, cwd=cwd, capture_output=True, text=True, timeout=120
        )
        return done.stdout + done.stderr


@pytest.fixture(scope="session")
def executable() -> Path:
    found = next((Path(place) for place in PLACES if place and os.access(place, os.X_OK)), None)
    if found is None:
        pytest.skip("the Claude Code client is not installed: name it with the environment variable CLAUDE")
    return found


@pytest.fixture
def embedder() -> str:
    """The model takes longer to load than most sessions here last: who looks by meaning asks for it."""
    return "memory"


@pytest.fixture
def client(
    executable: Path, tmp_path: Path, request: pytest.FixtureRequest, embedder: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", embedder)
    names = ("XDG_RUNTIME_DIR", "TMPDIR", "SESSION_MGMT_DATA_DIR", "SESSION_MGMT_LOG_DIR", "SESSION_MGMT_EMBEDDER")
    extra = {name: os.environ[name] for name in names}

    def runner() -> Path:  # only a conversation needs a model, and with it the folder `shared`
        return request.getfixturevalue("shared") / "claude-code" / "run_claude.sh"

    yield Client(executable, runner, tmp_path / "runs", extra)
    asking.hub_stop()


def ours(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """One of our own verbs."""
    return subprocess.run(
        [PROGRAM, *args], check=False, cwd=cwd, env=os.environ, capture_output=True, text=True, timeout=120
    )


def start_hub() -> None:
    """The client waits only a moment for its servers; a cold hub on a busy machine takes longer."""
    assert asking.ask("stats", {})


def search(query: str, cwd: Path) -> list[dict[str, Any]]:
    """What the hub finds for who asks from `cwd`."""
    with contextlib.chdir(cwd):
        return asking.ask("search", {"query": query, "limit": 50})["hits"]


def wait_until(true: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.2)


def make_repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("hello\n")
    for command in ("git init -q -b main", "git add README.md", "git commit -q -m first"):
        git(folder, command)
    return folder


def git(folder: Path, command: str) -> None:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run(shlex.split(command), cwd=folder, check=True, env={**os.environ, **who})


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    return message["content"] if isinstance(message["content"], list) else []


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(block.get("text", "") for block in content)
