"""Whether the opened product is well, and what to do where it is not."""

import asyncio
import os
import shutil
import stat
from dataclasses import dataclass
from typing import Literal

from session_mgmt_mcp import documents, paths
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.ports.errors import PortError

LOW_DISK_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    state: Literal["ok", "warn", "fail"]
    advice: str  # one sentence: what is so, and what to do unless it is ok


async def checks(app: Application) -> list[Check]:
    """Memory, vectors, documents, disk space, file permissions and spool, each with its advice."""
    on_disk = [await asyncio.to_thread(look, app) for look in (_documents, _disk)]
    return [await _memory(app), await _vectors(app), *(check for found in on_disk for check in found)]


async def _memory(app: Application) -> Check:
    try:
        stats = await app.memory.stats()
    except PortError as error:
        return Check("memory", "fail", str(error))
    return Check("memory", "ok", f"Records: {stats.records}, schema: {stats.schema_version}.")


async def _vectors(app: Application) -> Check:
    progress = await app.embedding.progress()
    if progress.problem:
        return Check("vectors", "warn", f"Search works by word only: {progress.problem}")
    waiting = f"{progress.pending} memories wait for their vector." if progress.pending else "Every memory has one."
    return Check("vectors", "ok", waiting)


def _documents(app: Application) -> list[Check]:
    if app.settings.session_storage != "local":
        return [Check("documents", "ok", "Sessions and what goes with them end with this process.")]
    return [Check("documents", *documents.state(paths.documents(app.settings.data_dir)))]


def _disk(app: Application) -> list[Check]:
    data = app.settings.data_dir
    free = shutil.disk_usage(data).free
    found = [
        Check("disk", "ok", f"{free >> 20} MiB free.")
        if free > LOW_DISK_BYTES
        else Check("disk", "warn", f"Only {free >> 20} MiB are free for {data}: make room.")
    ]
    open_files = [p.name for p in data.rglob("*") if p.is_file() and stat.S_IMODE(p.stat().st_mode) & 0o077]
    found.append(
        Check("permissions", "ok", "All files are the owner's only.")
        if not open_files
        else Check("permissions", "warn", f"Others can read {open_files[0]}: run `session-mgmt-mcp doctor --fix`.")
    )
    waiting = len(os.listdir(paths.spool(data))) if paths.spool(data).is_dir() else 0  # noqa: PTH208 (a count)
    found.append(Check("spool", "ok" if waiting < 1_000 else "warn", f"{waiting} hook events wait to be taken in."))
    return found
