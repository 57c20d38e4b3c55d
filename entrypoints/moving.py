"""`migrate`: all memories from where they are into a store of another kind, or of the same elsewhere."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from session_mgmt_mcp import memories, paths
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain import migration
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import VectorStore


async def migrate(
    app: Application, args: Mapping[str, Any], progress: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """to, from?, dry_run? -> what was copied and compared, and how to use it from then on"""
    source_place, target_place = _place(app, str(args.get("from") or "")), _place(app, str(args["to"]))
    if source_place == target_place:
        raise Invalid(f"The memories are in {target_place} already: name another place.")

    def moved(phase: migration.Phase, done: int, total: int) -> None:
        progress({"phase": phase, "done": done, "total": total})

    async with _opened(app, source_place) as source, _opened(app, target_place) as target:
        if args.get("dry_run"):
            records, there = await source.count(()), await target.count(())
            return {
                "from": source_place,
                "to": target_place,
                "dry_run": True,
                "records": records,
                "already_there": there,
            }
        report = await migration.migrate(source, target, app.storage, f"{source_place} {target_place}", moved)
    return {"from": source_place, "to": target_place, **asdict(report), "then": _then(app, target_place)}


def _place(app: Application, named: str) -> str:
    """KIND:WHERE in full; of an empty name, where the memories are. Raises Invalid."""
    kind, _, where = (named or app.settings.vector_store).partition(":")
    match kind:
        case "duckdb":
            return f"duckdb:{Path(where).expanduser().absolute() if where else paths.database(app.settings.data_dir)}"
        case "lancedb":
            return f"lancedb:{memories.absolute(where, app.settings) or memories.own_place(app.settings)}"
    raise Invalid(f"{kind[:60]!r} is no place: give duckdb, duckdb:FILE, lancedb, lancedb:FOLDER or lancedb:s3://...")


@asynccontextmanager
async def _opened(app: Application, place: str) -> AsyncIterator[VectorStore]:
    """What this process has open already stays open."""
    kind, _, where = place.partition(":")
    if place == _place(app, ""):
        yield app.store
    elif place == _place(app, "duckdb"):
        assert app.database is not None  # it keeps what this machine has read, where LanceDB keeps the memories
        yield app.database
    elif kind == "duckdb":
        from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore

        store = await DuckDBVectorStore.open(Path(where))
        try:
            yield store
        finally:
            await store.close()
    else:
        lance = memories.store_at(where, app.settings, app.backends.credentials)
        try:
            await lance.ready()
            yield lance
        finally:
            await lance.close()


def _then(app: Application, place: str) -> str:
    kind, _, where = place.partition(":")
    if place == _place(app, ""):
        return "They are in use."
    lines = [f'vector_store = "{kind}"', f'lancedb_uri = "{where}"'][: 1 if kind == "duckdb" else 2]
    if kind == "duckdb" and place != _place(app, "duckdb"):
        return "This file is a copy: `session-mgmt-mcp restore` puts it into use."
    return f"To use them, set {' and '.join(lines)} in settings.toml, then run `session-mgmt-mcp hub stop`."
