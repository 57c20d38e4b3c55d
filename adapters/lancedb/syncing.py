"""Files on the disk, not only in the system's memory, and for their owner only: Lance acknowledges without either."""

import contextlib
import os
from pathlib import Path

ORDER = ("data", "_deletions", "_indices", "_transactions", "_versions")
"""What names a file comes after it."""
REPLACED = "latest_version_hint.json"
"""Comes anew with every commit."""


class Syncing:
    """Remembers which files of a database are on the disk. Not for two threads at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[Path] = set()

    def sync(self) -> int:
        """Puts on the disk what came since the last time; how many files that were."""
        there = set(self._folder.rglob("*"))
        new = sorted(there - self._known, key=place_in_order)
        folders = {path.parent for path in new}
        for path in (*new, *folders):
            with contextlib.suppress(FileNotFoundError):  # of an old version that was taken away meanwhile
                if path not in self._known:
                    path.chmod(0o700 if path.is_dir() else 0o600)
                sync(path)
        self._known = {path for path in there if path.name != REPLACED}
        return len(new)


def place_in_order(path: Path) -> int:
    return max((ORDER.index(part) for part in path.parts if part in ORDER), default=-1)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
