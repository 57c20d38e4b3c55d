"""How much is remembered, and forgetting it all."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.errors import Corrupt, Unavailable

SUFFIXES = {"duckdb": ".duckdb", "lancedb": ".arrow", "memory": ".json"}  # of a backup


async def statistics(app: Application) -> dict[str, Any]:
    counts, stats, vectors = await app.memory.facets(), await app.memory.stats(), await app.embedding.progress()
    memories = sum(counts["kind"].values())
    last = await app.ledger.last_import()
    waiting = f", {vectors.pending} wait for their vector" if vectors.pending else ""
    return {
        "summary": f"{_many(memories)} of {counted(len(counts['project']), 'project')}{waiting}.",
        "memories": memories,
        **{f"by_{name}": values for name, values in counts.items()},
        "records": stats.records,
        "indexed": stats.indexed,
        "vectors": stats.vectors,
        "waiting_for_vector": vectors.pending,
        "vector_problem": vectors.problem,
        "model": model_of(app),
        "bytes_on_disk": stats.bytes_on_disk,
        "schema_version": stats.schema_version,
        "last_import": last,
    }


def model_of(app: Application) -> str:
    """The model's id, or that there is none: search by word goes on without."""
    try:
        return app.embedder.model_id
    except (Unavailable, Corrupt) as error:
        return f"none: {error}"


async def what_would_go(app: Application) -> Mapping[str, Any]:
    memories = sum((await app.memory.facets())["kind"].values())
    summary = f"{_many(memories)} of all projects would go, after a backup; confirm=true does it."
    return {"summary": summary, "reset": False, "memories": memories, "backup": None}


async def reset(app: Application) -> Mapping[str, Any]:
    memories = sum((await app.memory.facets())["kind"].values())
    backup = (
        app.settings.data_dir
        / "backups"
        / f"before-reset-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}{SUFFIXES[app.settings.vector_store]}"
    )
    backup.parent.mkdir(mode=0o700, exist_ok=True)
    await app.store.backup(backup)
    await app.memory.delete_all()
    await app.ledger.forget_all()
    await app.journal.forget_all()
    summary = f"{_many(memories)} forgotten; `session-mgmt-mcp restore` brings the backup back."
    return {"summary": summary, "reset": True, "memories": memories, "backup": backup.name}


def _many(memories: int) -> str:
    return counted(memories, "memory", "memories")
