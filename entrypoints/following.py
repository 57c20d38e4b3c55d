"""Live capture: a hook says which transcript grew, and soon after it is read on."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from session_mgmt_mcp.application import Application
from session_mgmt_mcp.ports.errors import PortError

SETTLE_SECONDS = 0.3  # hooks come in bursts, and the client writes its transcript a little later than it fires them
_log = logging.getLogger(__name__)


class Follower:
    """Reads transcripts on, one at a time, each at most once per burst of events."""

    def __init__(self, app: Application, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._app = app
        self._settle_seconds = settle_seconds
        self._due: dict[Path, float] = {}
        self._folders: set[str] = set()
        self._reading = False
        self._wake = asyncio.Event()

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Takes a hook's event; what names no transcript of Claude Code is passed over."""
        if event.get("event") == "SessionStart" and isinstance(event.get("cwd"), str):
            self._folders.add(event["cwd"])  # it may have become a repository, or another worktree, meanwhile
        for name in ("transcript_path", "agent_transcript_path"):
            path = Path(str(event.get(name) or ""))
            if path.suffix == ".jsonl" and path.is_absolute():
                self._due[path] = asyncio.get_running_loop().time() + self._settle_seconds
                self._wake.set()

    @property
    def busy(self) -> bool:
        """Whether a transcript waits or is being read."""
        return bool(self._due) or self._reading

    async def run(self) -> None:
        """Forever; cancel it to stop. A transcript that cannot be read is logged and tried at its next event."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                path, due = min(self._due.items(), key=lambda item: item[1])
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                if self._due.get(path) == due:
                    del self._due[path]
                    await self._follow(path)

    async def _follow(self, path: Path) -> None:
        self._reading = True
        try:
            while self._folders:
                await self._app.projects.learn(self._folders.pop())
            report = await self._app.capture.follow(path)
            for problem in report.problems:
                _log.warning(problem)
        except PortError as error:
            _log.warning(str(error))
        except Exception:
            _log.exception("a transcript could not be followed")  # the next one still is
        finally:
            self._reading = False


async def catch_up(app: Application) -> None:
    """Takes in what was written while no hub was running, if there ever was a first import."""
    root = app.settings.transcripts_dir.expanduser()
    if app.settings.catch_up and root.is_dir() and await app.ledger.last_import() is not None:
        report = await app.capture.import_paths([root], lambda _: None)
        for problem in report.problems:
            _log.warning(problem)
