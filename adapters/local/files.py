"""Folders and files of one owner: made, locked, replaced whole and durably."""

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from session_mgmt_mcp.ports.errors import PortError, Unavailable

if sys.platform != "win32":
    import fcntl

PATIENCE = 10.0
"""Seconds that a writer waits for the others. One write takes about a millisecond."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_READING = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def make_folder(path: Path) -> None:
    """With its parents, for the owner only; what is there already stays as it is. Raises OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        sync_folder(path.parent)


def read(path: Path | str, most: int) -> bytes | None:
    """At most one byte more than `most`; None for what is no plain file (a link, a folder, a pipe).

    What is written over it meanwhile may be cut: documents are replaced, never written over.

    Raises FileNotFoundError and other OSErrors.
    """
    try:
        file = os.open(path, _READING)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            return None
        raise
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return None
        parts = []
        room = min(found.st_size, most) + 1
        while room > 0 and (part := os.read(file, room)):
            parts.append(part)
            room -= len(part)
        return b"".join(parts)
    finally:
        os.close(file)


def replace(path: Path, unfinished: Path, data: bytes) -> None:
    """`path` holds `data`, or what it held before; `unfinished` beside it belongs to whoever holds the lock. Raises OSError."""
    unfinished.unlink(missing_ok=True)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # its folders cannot be synchronised
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the kernel's lock on `path`, which no other process then holds. Raises Unavailable, OSError."""
    if sys.platform == "win32":
        yield  # there one process serves one session, see docs/architecture/0002
        return
    lock = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o600)
    try:
        _wait_for(lock, path)
        yield
    finally:
        os.close(lock)


def _wait_for(lock: int, path: Path) -> None:
    until, pause = time.monotonic() + PATIENCE, 0.0005
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise busy(path) from None
        time.sleep(pause)
        pause = min(2 * pause, 0.01)


def busy(path: Path) -> Unavailable:
    return Unavailable(f"Another process has held {path} for {PATIENCE:.0f} seconds: end it, or try again.", PATIENCE)


def translated(error: OSError, path: Path) -> PortError:
    """As one sentence that says what to do."""
    if error.errno in _FULL:
        return Unavailable(f"There is no room for {path}: make room and try again.", retry_after=60)
    if error.errno in _FORBIDDEN:
        advice = "change its owner or permissions, or choose another data directory"
        return Unavailable(f"{error.filename or path} cannot be opened or written: {advice}.", retry_after=60)
    if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP):
        where = error.filename or path
        return Unavailable(f"{where} is not what was left there ({error.strerror}): move it away.", retry_after=60)
    return Unavailable(f"{error.filename or path}: {error.strerror}: mend that and try again.")
