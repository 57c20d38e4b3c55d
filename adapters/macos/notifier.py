"""Notifier by `osascript`, which comes with macOS and, unlike a Python process, may show notifications without a signature."""

import asyncio
import os
from contextlib import suppress

from session_mgmt_mcp.ports.errors import Unavailable

SECONDS = 10.0
# The texts are arguments, never script; the word before them ends the options, whatever a title begins with.
SCRIPT = ("on run argv", "display notification (item 3 of argv) with title (item 2 of argv)", "end run")
WAITS = "due reminders wait for a session"


class OsascriptNotifier:
    """Notifier."""

    def __init__(self, program: str = "/usr/bin/osascript") -> None:
        self._program = program

    async def desktop(self) -> str:
        if not os.access(self._program, os.X_OK):
            raise Unavailable(f"There is no desktop here ({self._program} is missing): {WAITS}.", 60.0)
        return "macOS Notification Center"

    async def notify(self, title: str, text: str) -> None:
        await self.desktop()
        lines = [part for line in SCRIPT for part in ("-e", line)]
        try:
            running = await asyncio.create_subprocess_exec(
                self._program, *lines, "reminder", title, text,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise Unavailable(f"{self._program} cannot be run ({error}): {WAITS}.", 60.0) from error
        try:
            code = await asyncio.wait_for(running.wait(), SECONDS)
        except TimeoutError:
            raise Unavailable(f"The desktop does not answer: {WAITS}.", 60.0) from None
        finally:
            if running.returncode is None:
                with suppress(ProcessLookupError):
                    running.kill()
                await running.wait()
        if code:
            raise Unavailable(
                f"This desktop shows no notifications ({self._program} ended with {code}): {WAITS}.", 60.0
            )
