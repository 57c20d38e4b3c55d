"""The real client in a terminal, as a person uses it: typed into, read from, closed and killed."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "TERM": "xterm-256color",
    "SHELL": "/bin/bash",
    "ANTHROPIC_API_KEY": "dummy",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
    "IS_SANDBOX": "1",
}
PROMPT = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"


def accustom(home: Path, *folders: Path) -> None:
    """Leaves the client's settings as they are after its first start, in which it asks for a theme and for trust."""
    file = home / ".claude.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    trusted = {
        str(folder): {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True} for folder in folders
    }
    known |= {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": ["dummy"], "rejected": []},
        "bypassPermissionsModeAccepted": True,
        "projects": {**known.get("projects", {}), **trusted},
    }
    file.write_text(json.dumps(known))


@dataclass
class Terminal:
    """One terminal window with one client in it. `model` is the program that plays the model's `turns`."""

    executable: Path
    model: Path
    folder: Path  # where its script and log go
    environment: dict[str, str]
    sockets: str = field(
        default_factory=lambda: tempfile.mkdtemp(prefix="tmux-", dir="/tmp")
    )  # paths of sockets are short

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)

    def start(self, cwd: Path, turns: Sequence[Any], *args: str) -> None:
        (self.folder / "script.json").write_text(json.dumps({"turns": turns}))
        port = self.folder / "port"
        with (self.folder / "model.txt").open("w") as said:
            self._playing = subprocess.Popen(
                [sys.executable, self.model, "--script", self.folder / "script.json", "--log", self.log, "--port-file", port],
                stdout=said, stderr=said,
            )  # fmt: skip
        until(port.exists)
        given = {**ENVIRONMENT, "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port.read_text()}", **self.environment}
        words = [*(f"{name}={value}" for name, value in given.items()), str(self.executable), *args]
        command = f"exec env -i {shlex.join(words)} 2>{shlex.quote(str(self.folder / 'stderr.txt'))}"
        self._tmux("new-session", "-d", "-x", "150", "-y", "50", "-s", "one", "-c", str(cwd), command)
        until(lambda: PROMPT in self.screen())

    @property
    def log(self) -> Path:
        return self.folder / "requests.jsonl"

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What the client asked its model, but for titles and the like."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return [line["body"] for line in lines if line["route"] == "main"]

    @property
    def said_to_the_model(self) -> str:
        return json.dumps(self.requests, ensure_ascii=False)

    @property
    def pid(self) -> int:
        """The client's process."""
        return int(self._tmux("list-panes", "-F", "#{pane_pid}").strip())

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def ask(self, prompt: str, answer: str) -> None:
        """Types a prompt, and waits until the answer is on the screen."""
        self.enter(prompt)
        until(lambda: answer in self.screen(), seen=self.screen)

    def enter(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)
        time.sleep(0.3)  # what comes with its Enter in one piece is taken for a paste
        self._tmux("send-keys", "Enter")

    def close(self) -> None:
        """Closes the window, as a person does with the mouse: the client gets SIGHUP."""
        self._tmux("kill-session", "-t", "one")

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)

    @property
    def is_open(self) -> bool:
        return "one" in self._tmux("list-sessions")

    def end(self) -> None:
        """Whatever is left of it."""
        self._tmux("kill-server")
        self._playing.kill()
        self._playing.wait()
        shutil.rmtree(self.sockets)

    def _tmux(self, *args: str) -> str:
        done = subprocess.run(
            ["tmux", "-f", "/dev/null", *args],
            check=False, capture_output=True, text=True, timeout=30, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TMUX_TMPDIR": self.sockets},
        )  # fmt: skip
        return done.stdout


def until(true: Callable[[], object], seconds: float = 60, seen: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it did not happen in time\n{seen()}"
        time.sleep(0.1)
