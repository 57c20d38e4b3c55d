"""Whether the opened product is well, and what to do where it is not."""

import asyncio
import shutil
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from session_mgmt_mcp import documents, memories, paths, spool
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.backends import where
from session_mgmt_mcp.llm.state import state
from session_mgmt_mcp.llm.trying import without_keys
from session_mgmt_mcp.llm.vendors import order
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.session_storage import SessionStorage

REACH_SECONDS = 5.0
LOW_DISK_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    state: Literal["ok", "warn", "fail"]
    advice: str  # one sentence: what is so, and what to do unless it is ok


async def checks(app: Application) -> list[Check]:
    """Memory, vectors, documents of both sorts, a team's memories, language models, disk, permissions and spool, with advice."""
    reached = await asyncio.gather(_memory(app), _vectors(app), _documents(app), _shared_documents(app))
    return [*reached, *await _team(app), *_language_models(app), *await asyncio.to_thread(_disk, app)]


async def _memory(app: Application) -> Check:
    try:
        stats = await app.memory.stats()
    except PortError as error:
        return Check("memory", "fail", str(error))
    if (database := paths.database(app.settings.data_dir)).exists() and (
        lost := await asyncio.to_thread(_lost, database)
    ):
        return Check("memory", "warn", lost)
    where = f" In {memories.own_place(app.settings)}." if app.settings.vector_store == "lancedb" else ""
    return Check("memory", "ok", f"Records: {stats.records}, schema: {stats.schema_version}.{where}")


def _lost(database: Path) -> str:
    from session_mgmt_mcp.adapters.duckdb import evidence

    return next((evidence.said(database, folder) for folder in evidence.kept(database)), "")


async def _team(app: Application) -> list[Check]:
    """Whether what a team shares can be reached, where it does not lie among the own memories."""
    place = memories.team_place(app.settings)
    if not place:
        return []
    began = time.perf_counter()
    try:
        async with asyncio.timeout(REACH_SECONDS):
            records = await app.team_store.count(())
    except TimeoutError:
        advice = f"What the team shares cannot be reached: {place} does not answer within {REACH_SECONDS:g} seconds."
        return [Check("team memory", "fail", advice)]
    except PortError as error:
        return [Check("team memory", "fail", f"What the team shares cannot be reached: {error}")]
    took = 1_000 * (time.perf_counter() - began)
    return [Check("team memory", "ok", f"What the team shares: {place}, records: {records}, {took:.0f} ms away.")]


async def _vectors(app: Application) -> Check:
    progress = await app.embedding.progress()
    if progress.problem:
        return Check("vectors", "warn", f"Search works by word only: {progress.problem}")
    waiting = f"{progress.pending} memories wait for their vector." if progress.pending else "Every memory has one."
    return Check("vectors", "ok", waiting)


async def _documents(app: Application) -> Check:
    """One's own: sessions and what goes with them."""
    data, backend = app.settings.data_dir, app.settings.session_storage
    if backend == "local":
        return Check("documents", *await asyncio.to_thread(documents.state, paths.documents(data)))
    return await _reached(
        "documents", "Sessions and what goes with them", app.storage, where(backend, "own", app.settings)
    )


async def _shared_documents(app: Application) -> Check:
    chosen = app.shared_storage.settings
    if chosen.shared_storage == "local":
        return Check("shared documents", *await asyncio.to_thread(documents.state, paths.shared(chosen.data_dir)))
    place = where(chosen.shared_storage, "shared", chosen)
    return await _reached("shared documents", "What is shared", app.shared_storage, place)


async def _reached(name: str, what: str, storage: SessionStorage, place: str) -> Check:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(REACH_SECONDS):
            await storage.get("probes", "any")
    except TimeoutError:
        return Check(
            name, "fail", f"{what} cannot be reached: {place} does not answer within {REACH_SECONDS:g} seconds."
        )
    except PortError as error:
        return Check(name, "fail", f"{what} cannot be reached: {error}")
    return Check(name, "ok", f"{what}: {place}, {1_000 * (time.perf_counter() - began):.0f} ms away.")


def _language_models(app: Application) -> list[Check]:
    """Where an order of them was set; nobody is asked, the keyring neither: it might wait for its user."""
    settings = app.llm_providers.settings
    if not settings.llm_providers and not settings.llm_polish:
        return []
    found = [without_keys(settings, vendor) for vendor in order(settings)]
    return [Check("language models", *state(found, settings.llm_polish, keys=False))]


def _disk(app: Application) -> list[Check]:
    data = app.settings.data_dir
    free = shutil.disk_usage(data).free
    found = [
        Check("disk", "ok", f"{free >> 20} MiB free.")
        if free > LOW_DISK_BYTES
        else Check("disk", "warn", f"Only {free >> 20} MiB are free for {data}: make room.")
    ]
    open_files = [path.name for path in data.rglob("*") if _is_open(path)]
    found.append(
        Check("permissions", "ok", "All files are the owner's only.")
        if not open_files
        else Check("permissions", "warn", f"Others can read {open_files[0]}: run `session-mgmt-mcp doctor --fix`.")
    )
    waiting = spool.waiting(str(data))
    found.append(Check("spool", "ok" if waiting < 1_000 else "warn", f"{waiting} hook events wait to be taken in."))
    if bad := spool.damaged(str(data)):
        found[-1] = Check("spool", "warn", bad)
    return found


def _is_open(path: Path) -> bool:
    """For others than its owner; what has gone meanwhile is not."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o077)
