"""Files on the disk, not only in the system's memory: Lance acknowledges a commit without that."""

import contextlib
import os
from pathlib import Path

FOLDERS = ("data", "_deletions", "_indices", "_transactions", "_versions")
"""In this order: what names a file comes after it."""


class Syncing:
    """Remembers which files of a table are on the disk. Not for two threads at once."""

    def __init__(self, table: Path) -> None:
        self._table = table
        self._known: set[Path] = set()

    def sync(self) -> int:
        """Puts on the disk what came since the last time; how many files that were."""
        there: set[Path] = set()
        count = 0
        for name in FOLDERS:
            new = {path for path in (self._table / name).rglob("*") if path.is_file()}
            there |= new
            new -= self._known
            for path in [*new, *{path.parent for path in new}]:
                with contextlib.suppress(FileNotFoundError):  # of an old version that was taken away meanwhile
                    sync(path)
            count += len(new)
        self._known = there
        return count


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
