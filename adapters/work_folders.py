"""Folders to make something in, beside the place where it is to be: for whoever writes it whole or not at all."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

WORK = ".session-mgmt-work."


@contextlib.contextmanager
def work_folder(beside: Path) -> Iterator[Path]:
    """Owner-only, on the same disk: what is in it can be renamed into place. What was left there by the dead goes first."""
    sweep(beside.parent)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=WORK, dir=beside.parent))
        lock = held(folder)
        if lock is not None:
            break  # else somebody took it for one that was left
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(folder: Path) -> None:
    """Takes away the work folders of processes that were killed: nobody holds their lock."""
    for left in folder.glob(f"{WORK}*"):
        if (lock := held(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)


def held(folder: Path) -> int | None:
    """A descriptor that holds the kernel's lock on `folder`; None when another does, or when it is gone."""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), folder.stat()):
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
