"""`backup`: a folder with everything that cannot be made again, and what `restore` takes from it.

    memories.duckdb   or memories.arrow, of LanceDB: every memory, vector, tag and vote
    sessions/         your own documents: sessions, handoffs, checkpoints, reminders, scores
    shared/           teams, groups of projects, serverless sessions
    handoffs/         the pages of handoffs
    settings.toml     your settings

What lies on a server (Redis, S3) stays there and is not in it.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from session_mgmt_mcp.adapters.local import copies, files
from session_mgmt_mcp.adapters.work_folders import work_folder
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.ports.errors import Invalid

MEMORIES = {"duckdb": "memories.duckdb", "lancedb": "memories.arrow", "memory": "memories.json"}
DOCUMENTS = ("sessions", "shared")
PAGES = "handoffs"
SETTINGS = "settings.toml"


async def backup(app: Application, to: Path) -> Mapping[str, Any]:
    """Whole, owner-only, or nothing. Raises Invalid where `to` is or its folder is not, Unavailable on a full disk."""
    if os.path.lexists(to):
        raise Invalid(f"to: {to} exists; name a new folder.")
    if not to.parent.is_dir():
        raise Invalid(f"to: {to.parent} is no directory; make it first.")
    try:
        with work_folder(to) as folder:
            made = folder / "made"
            made.mkdir(mode=0o700)
            await app.store.backup(made / MEMORIES[app.settings.vector_store])
            documents, damaged = await asyncio.to_thread(_copy, app.settings.data_dir, made)
            made.rename(to)
            files.sync_folder(to.parent)
    except OSError as error:
        raise files.translated(error, to) from error
    records = (await app.memory.stats()).records
    size = sum(file.stat().st_size for file in to.rglob("*") if file.is_file())
    left_out = {"damaged_left_out": damaged} if damaged else {}
    return {"file": str(to), "records": records, "documents": documents, "bytes": size, **left_out}


def _copy(data: Path, made: Path) -> tuple[int, int]:
    """How many documents, and how many were damaged and are not in it."""
    counts = []
    for name in DOCUMENTS:
        copies.copy(data / name, made / name)
        counts.append(copies.leave_out_damaged(made / name))
    copies.copy(data / PAGES, made / PAGES)
    settings = data / SETTINGS
    if settings.is_file():
        shutil.copyfile(settings, made / SETTINGS)
        (made / SETTINGS).chmod(0o600)
    return sum(whole for whole, _ in counts), sum(damaged for _, damaged in counts)


def memories_in(backup: Path, store: str) -> Path:
    """The file of memories in what `backup` wrote: itself, where it was written by an older version.

    Raises Invalid when the folder is none of ours, or of another store than `store`.
    """
    if backup.is_file():
        return backup
    found = [name for name in MEMORIES.values() if (backup / name).is_file()]
    if not found:
        raise Invalid(f"{backup} is not a backup of session-mgmt-mcp: name the folder that `backup` wrote.")
    if MEMORIES[store] not in found:
        kind = next(kind for kind, name in MEMORIES.items() if name == found[0])
        raise Invalid(f'{backup} holds memories of {kind}: set vector_store to "{kind}", restore it, then migrate.')
    return backup / MEMORIES[store]


def check_documents(backup: Path) -> int:
    """How many documents `backup` holds; of an older version's file none. Raises Corrupt."""
    return sum(copies.check(backup / name) for name in DOCUMENTS if (backup / name).is_dir())


@contextlib.contextmanager
def documents_beside(backup: Path, data: Path) -> Iterator[Callable[[], None]]:
    """Copies of what `backup` has of folders and settings, and a call that puts them in the place of those that are there.

    Settings only where there are none. Raises Unavailable.
    """
    try:
        with work_folder(data / SETTINGS) as beside:
            folders = [name for name in (*DOCUMENTS, PAGES) if (backup / name).is_dir()]
            for name in folders:
                copies.copy(backup / name, beside / name)
            settings = (backup / SETTINGS).is_file() and not (data / SETTINGS).exists()
            if settings:
                shutil.copyfile(backup / SETTINGS, beside / SETTINGS)
                (beside / SETTINGS).chmod(0o600)

            def put_in_place() -> None:
                for name in folders:
                    copies.exchange(beside / name, data / name)
                if settings:
                    (beside / SETTINGS).replace(data / SETTINGS)

            yield put_in_place
    except OSError as error:
        raise files.translated(error, data) from error
