"""Handoffs as pages that people read."""

from pathlib import Path
from typing import Protocol


class HandoffFiles(Protocol):
    """One page a session, in a folder a project, for the owner's eyes only."""

    async def write(self, project: str, session: str, text: str) -> Path:
        """Replaces the page as a whole, durably; where it stands. Two sessions never share one. Raises Invalid, Unavailable."""

    def where(self, project: str, session: str) -> Path:
        """Where the page stands, or will stand. Raises Invalid."""

    async def read(self, project: str, session: str) -> str | None:
        """What was written last; None: nothing was. Raises Invalid, Unavailable."""

    async def remove(self, project: str, session: str) -> bool:
        """Whether there was one. Raises Invalid, Unavailable."""
