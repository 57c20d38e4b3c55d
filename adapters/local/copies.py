"""Copies of folders whose files are replaced whole: of documents, and of pages made of them."""

import os
import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

from session_mgmt_mcp.adapters.local import files
from session_mgmt_mcp.adapters.local.session_storage import examined
from session_mgmt_mcp.ports.errors import Corrupt


def copy(folder: Path, to: Path) -> int:
    """Every file below `folder` but hidden ones (locks, what is unfinished or damaged) and links; how many. Raises OSError."""
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        target = to / Path(place).relative_to(folder)
        files.make_folder(target)
        for name in names:
            source = Path(place) / name
            if not name.startswith(".") and _copied(source, target / name):
                count += 1
    return count


def check(folder: Path) -> int:
    """How many documents there are below it. Raises Corrupt when one of them is not whole."""
    found = examined(folder)
    if found.damaged:
        raise Corrupt(f"{found.damaged[0]} is damaged: restore another backup; nothing was changed.", found.damaged[0])
    return found.whole


def leave_out_damaged(folder: Path) -> tuple[int, int]:
    """Of a copy: how many documents are whole, and how many were not and are no longer in it. Raises OSError."""
    found = examined(folder)
    for file in found.damaged:
        file.unlink()
    return found.whole, len(found.damaged)


def exchange(made: Path, folder: Path) -> None:
    """`made` in the place of `folder`, which stays beside it as `.replaced-<time>`. Raises OSError."""
    if folder.exists():
        folder.rename(folder.with_name(f"{folder.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"))
    made.rename(folder)
    files.sync_folder(folder.parent)


def _copied(source: Path, target: Path) -> bool:
    """False for what went meanwhile, and for what is no plain file."""
    try:
        if not stat.S_ISREG(source.lstat().st_mode):
            return False
        with source.open("rb") as there, os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as here:
            shutil.copyfileobj(there, here)
            here.flush()
            os.fsync(here.fileno())
    except FileNotFoundError:
        return False
    return True
