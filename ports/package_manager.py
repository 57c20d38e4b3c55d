"""Brings a project's dependencies in line with its lock file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Synced:
    """What was run, and how it ended."""

    command: str
    ok: bool
    output: str  # its last 4,000 characters, standard error included
    seconds: float


class PackageManager(Protocol):
    """Runs only what the user asked for: it may use the network, and changes the project's environment."""

    async def sync(self, manager: str, folder: Path, timeout: float = 600.0) -> Synced:
        """By the named manager's own command, which follows the lock file. Cancelling it ends all that it started.

        Raises Unsupported for a manager it does not know, Unavailable when that is not installed or out of time.
        """
