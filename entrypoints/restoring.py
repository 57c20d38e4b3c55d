"""`restore`: the hub leaves, the file is checked and put in place, the next hub opens it."""

import asyncio
import os
from pathlib import Path
from typing import Any

import typer
from session_mgmt_mcp import asking, election, memories, paths, places
from session_mgmt_mcp.ports.errors import NotFound, Unavailable
from session_mgmt_mcp.settings import load

PATIENCE = 10.0  # seconds; a hook or another command may hold the lock for a moment


def restore(file: Path, yes: bool) -> dict[str, Any]:
    from session_mgmt_mcp.adapters.duckdb import backups

    settings = load()
    lance = settings.vector_store == "lancedb"
    if not file.is_file():
        raise NotFound(f"There is no file {file}: name one that `session-mgmt-mcp backup` wrote.")
    database = Path(memories.own_place(settings)) if lance else paths.database(paths.data_dir())
    if database.exists() and not yes:
        typer.confirm(f"Put {file} in place of what is remembered now?", abort=True, err=True)
    asking.hub_stop()
    lock = election.take_patiently(places.data_dir(), PATIENCE)
    if lock is None:
        raise Unavailable("A hub was started again meanwhile: close Claude Code's sessions and run this again.")
    try:
        records = asyncio.run(memories.restored(file, settings) if lance else backups.restore(file, database))
    finally:
        os.close(lock)
    return {"restored": str(file), "records": records}
