"""`restore`: the hub leaves, what was backed up is checked and put in place, the next hub opens it."""

import asyncio
import os
from pathlib import Path
from typing import Any

import typer
from session_mgmt_mcp import asking, backing_up, election, memories, paths, places
from session_mgmt_mcp.ports.errors import NotFound, Unavailable
from session_mgmt_mcp.settings import load

PATIENCE = 10.0  # seconds; a hook or another command may hold the lock for a moment


def restore(file: Path, yes: bool) -> dict[str, Any]:
    """`file` is a folder that `backup` wrote, or the file of memories that older versions wrote."""
    from session_mgmt_mcp.adapters.duckdb import backups

    settings = load()
    lance = settings.vector_store == "lancedb"
    if not file.exists():
        raise NotFound(f"There is nothing at {file}: name what `session-mgmt-mcp backup` wrote.")
    source = backing_up.memories_in(file, settings.vector_store)
    documents = backing_up.check_documents(file)
    data = paths.data_dir()
    database = Path(memories.own_place(settings)) if lance else paths.database(data)
    if (database.exists() or paths.documents(data).exists()) and not yes:
        typer.confirm(f"Put {file} in place of what is remembered now?", abort=True, err=True)
    asking.hub_stop()
    lock = election.take_patiently(places.data_dir(), PATIENCE)
    if lock is None:
        raise Unavailable("A hub was started again meanwhile: close Claude Code's sessions and run this again.")
    try:
        with backing_up.documents_beside(file, data) as put_in_place:  # what finds no room changes nothing
            records = asyncio.run(memories.restored(source, settings) if lance else backups.restore(source, database))
            put_in_place()
    finally:
        os.close(lock)
    return {"restored": str(file), "records": records, "documents": documents}
