"""Which files there are, and their bytes: bounded, and never through a link."""

import os
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from session_mgmt_mcp.adapters.project.names import BUILT, HIDDEN_BUT_SEEN, VENDORED

MOST_FILES = 200_000
_MARKS = (".git", ".jj", ".hg", ".svn", ".bzr", ".pijul", ".fslckout")
_REGULAR_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def walk(folder: Path, most: int, seconds: float) -> tuple[list[str], bool]:
    """Files below `folder`, from there with `/`, by name; True when there were more than could be looked at."""
    found: list[str] = []
    until = time.monotonic() + seconds
    waiting = [""]
    while waiting:
        below = waiting.pop()
        for name, is_folder in _entries(folder, below):
            path = f"{below}/{name}" if below else name
            if is_folder:
                if not _skipped(name, below):
                    waiting.append(path)
            else:
                found.append(path)
        if len(found) >= most or time.monotonic() > until:
            return sorted(found)[:most], bool(waiting) or len(found) > most
    return sorted(found), False


def _skipped(name: str, below: str) -> bool:
    return (
        name in VENDORED
        or (name.startswith(".") and not (not below and name in HIDDEN_BUT_SEEN))
        or (not below and name in BUILT)
    )


def _entries(folder: Path, below: str) -> Iterator[tuple[str, bool]]:
    """Regular files and folders; no links, nothing that cannot be listed."""
    try:
        with os.scandir(folder / below) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        yield entry.name, True
                    elif entry.is_file(follow_symlinks=False):
                        yield entry.name, False
                except OSError:
                    continue
    except OSError:
        return


def names_in(folder: Path, below: str) -> list[str]:
    """Files directly in a folder that really lies inside `folder`; none when it does not, or is not there."""
    place = folder / below
    if below and not _inside(folder, place):
        return []
    return sorted(name for name, is_folder in _entries(folder, below) if not is_folder)


def _inside(folder: Path, place: Path) -> bool:
    real = os.path.realpath(place)
    top = os.path.realpath(folder)
    return real == os.path.join(top, os.path.relpath(place, folder))  # noqa: PTH118 - no component is a link


def version_control(folder: Path) -> str:
    """The system whose mark stands in the folder or above it; empty when there is none."""
    above = (folder, *folder.parents)
    return next((mark[1:] for place in above for mark in _MARKS if os.path.lexists(place / mark)), "")


def time_of(folder: Path, path: str) -> datetime | None:
    """When a regular file was written; None for anything else."""
    try:
        seen = (folder / path).lstat()
    except (OSError, ValueError):
        return None
    return datetime.fromtimestamp(seen.st_mtime, UTC) if stat.S_ISREG(seen.st_mode) else None


def content(folder: Path, path: str, most: int) -> tuple[bytes, bool]:
    """At most `most` bytes of a regular file, and whether that is all. Raises OSError, also for links out of the folder."""
    place = folder / path
    if not _inside(folder, place):
        raise OSError(f"{path} leads through a link")
    descriptor = os.open(place, _REGULAR_ONLY)
    with os.fdopen(descriptor, "rb") as stream:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(f"{path} is no regular file")
        return stream.read(most), seen.st_size <= most
