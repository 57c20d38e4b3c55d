"""Copies of the database while it is open, and the way back from one."""

import asyncio
import contextlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from session_mgmt_mcp.adapters.duckdb import schema, snapshot
from session_mgmt_mcp.adapters.duckdb.connection import claimed, connect, prepare, wal
from session_mgmt_mcp.adapters.duckdb.failures import is_full, translated
from session_mgmt_mcp.adapters.work_folders import work_folder
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, NotFound, Unsupported


def write(cursor: Any, database: Path, to: Path) -> None:
    """A whole, verified, owner-only copy at `to`, or nothing. One transaction reads it all: writers go on."""
    if to.exists():
        raise Invalid(f"to: {to} exists; name a new file.")
    if not to.parent.is_dir():
        raise Invalid(f"to: {to.parent} is no directory; make it first.")
    with work_folder(to) as folder:
        copy = folder / "copy"
        (name,) = cursor.execute("select current_database()").fetchone()
        try:
            cursor.execute(f"attach '{quoted(copy)}' as copy")
            try:
                cursor.execute(f'copy from database "{name.replace(chr(34), chr(34) * 2)}" to copy')
            finally:
                cursor.execute("detach copy")
        except duckdb.Error as error:
            if is_full(error):  # where the copy goes, not where the database is
                raise translated(error, to) from error
            raise
        verify(copy)
        publish(copy, to)


def verify(backup: Path) -> int:
    """Reads every block; how many records there are. Raises NotFound, Corrupt, Invalid, Unsupported."""
    if not backup.is_file():
        raise NotFound(f"There is no backup at {backup}: name the file that `backup` wrote.")
    connection = connect(backup, read_only=True)
    try:
        found = schema.version(connection)
        if found == 0:
            raise Invalid(f"{backup} is not a backup of session-mgmt-mcp: name the file that `backup` wrote.")
        if found > schema.VERSION:
            raise Unsupported(f"{backup} was written by a newer session-mgmt-mcp (schema {found}): update this one.")
        (records, _) = connection.execute(
            "select count(*), sum(length(text) + length(metadata)) from memory"
        ).fetchone()
        connection.execute("select sum(vector[1]), sum(len(model_id)) from vectors").fetchone()
        return int(records)
    except duckdb.Error as error:
        raise translated(error, backup, opening=True) from error
    finally:
        connection.close()


async def restore(backup: Path, database: Path) -> int:
    """Puts a copy of `backup` in the place of `database`, which stays beside it as `.replaced-<time>`.

    Gives the number of records. Raises NotFound, Invalid, Unsupported, Corrupt for what is no good backup, Unavailable
    while the database is open elsewhere.
    """
    return await asyncio.to_thread(_restore, backup, database)


def _restore(backup: Path, database: Path) -> int:
    try:
        records = verify(backup)
        with contextlib.suppress(Corrupt):  # what is there is set aside as it is
            prepare(database)
        with claimed(database), work_folder(database) as folder:
            copy = folder / "copy"
            shutil.copyfile(backup, copy)
            verify(copy)
            settle(database)
            set_aside(database)
            snapshot.discard(database)
            publishable(copy).replace(database)
            sync_folder(database.parent)
    except OSError as error:
        raise translated(error, database) from error
    return records


def settle(database: Path) -> None:
    """Nobody else has it, and its WAL is within. What is damaged is set aside as it is."""
    if not database.exists() or database.stat().st_size == 0:
        return
    with contextlib.suppress(Corrupt, Unsupported):
        connect(database).close()


def set_aside(database: Path) -> None:
    """Under another name first, so that a crash leaves a database at its place at any moment."""
    aside = database.with_name(f"{database.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
    if database.exists():
        os.link(database, aside)
    if wal(database).exists():
        wal(database).rename(wal(aside))


def publish(made: Path, to: Path) -> None:
    """Into place by a link, which unlike a rename never takes another's."""
    try:
        os.link(publishable(made), to)
    except FileExistsError as error:
        raise Invalid(f"to: {to} exists; name a new file.") from error
    sync_folder(to.parent)


def publishable(file: Path) -> Path:
    file.chmod(0o600)
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
    return file


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def quoted(path: Path) -> str:
    return str(path).replace("'", "''")
