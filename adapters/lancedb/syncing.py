"""Files on the disk, not only in the system's memory, and for their owner only: Lance acknowledges without either."""

import contextlib
import os
from pathlib import Path

ORDER = ("data", "_deletions", "_indices", "_versions")
"""What names a file comes after it."""
REPLACED = "latest_version_hint.json"
"""Comes anew with every commit."""
SPARED = ("_transactions", REPLACED)
"""Nothing that was written is read from these."""


class Syncing:
    """Remembers which files of a database are on the disk. Not for two threads at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()

    def sync(self) -> int:
        """Puts on the disk what came since the last time; how many files and folders that were."""
        there, folders = self._walked()
        new = (there | folders) - self._known
        due = [path for path in new if not any(one in path for one in SPARED)]
        due += {path.rpartition("/")[0] for path in due}
        for path in new:
            with contextlib.suppress(FileNotFoundError):  # of an old version that was taken away meanwhile
                Path(path).chmod(0o700 if path in folders else 0o600)
        for path in sorted(set(due), key=place_in_order):
            with contextlib.suppress(FileNotFoundError):
                sync(path)
        self._known = {path for path in there if not path.endswith(REPLACED)} | folders
        return len(new)

    def _walked(self) -> tuple[set[str], set[str]]:
        files: set[str] = set()
        folders: set[str] = set()
        for folder, _, names in os.walk(self._folder):
            folders.add(folder)
            files.update(f"{folder}/{name}" for name in names)
        return files, folders


def place_in_order(path: str) -> int:
    return max((ORDER.index(part) for part in path.split("/") if part in ORDER), default=-1)


def sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
