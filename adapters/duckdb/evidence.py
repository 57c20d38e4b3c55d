"""What a damaged write-ahead log held: DuckDB drops it without a word, but the copies beside the database know better."""

import contextlib
import logging
import shutil
import sqlite3
import time
from pathlib import Path

from session_mgmt_mcp.adapters.duckdb.connection import wal

SET_ASIDE = ".damaged-"
_log = logging.getLogger(__name__)


def copy_log(path: Path) -> Path:
    """The log as it is before DuckDB opens the database and cuts off what it cannot read; where there is room for it."""
    copy = _folder(path) / "log-before-opening"
    with contextlib.suppress(OSError):
        copy.unlink(missing_ok=True)
        if wal(path).exists():
            copy.parent.mkdir(mode=0o700, exist_ok=True)
            copy.touch(0o600)
            shutil.copyfile(wal(path), copy)
    return copy


def look(path: Path, last_revision: int) -> None:
    """Keeps the copied log only when it held more than was read of it: then it is set aside, and that is said."""
    log, copies = _folder(path) / "log-before-opening", _folder(path) / "rows.sqlite"
    with contextlib.suppress(OSError):
        if _knows_more(copies, last_revision):
            folder = path.with_name(f"{path.name}{SET_ASIDE}{time.time_ns()}")
            folder.mkdir(mode=0o700)
            for file in (log, *(copies.with_name(copies.name + end) for end in ("", "-wal", "-shm"))):
                if file.exists():
                    file.rename(folder / file.name)
            _log.warning("%s", said(path, folder))
        log.unlink(missing_ok=True)


def kept(path: Path) -> list[Path]:
    """Folders of what was set aside, the oldest first."""
    return sorted(path.parent.glob(f"{path.name}{SET_ASIDE}*"))


def said(path: Path, folder: Path) -> str:
    return (
        f"The write-ahead log of {path} was damaged and its last writes are lost: what is left of them is in {folder}; "
        "look whether something is missing, then remove it."
    )


def _knows_more(copies: Path, last_revision: int) -> bool:
    """Whether the copies were written after a change that the tables do not know."""
    if not copies.exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(copies)) as connection:
            about = dict(connection.execute("select name, value from about").fetchall())
            return int(about["revision"]) > last_revision
    except (sqlite3.Error, KeyError, ValueError):
        return False


def _folder(path: Path) -> Path:
    return path.with_name(path.name + ".index")
