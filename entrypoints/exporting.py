"""`export`: every memory as a line of JSON, to be read by anything."""

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from session_mgmt_mcp.adapters.local import files
from session_mgmt_mcp.adapters.work_folders import work_folder
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition, Record

PAGE = 1_000


async def export(
    app: Application, to: Path, project: str | None, moved: Callable[[int, int], None]
) -> Mapping[str, Any]:
    """Whole, owner-only, or nothing; in the order of first writing, without vectors, which any model makes again.

    `project` None: all. Raises Invalid where `to` is or its folder is not, Unavailable on a full disk.
    """
    if os.path.lexists(to):
        raise Invalid(f"to: {to} exists; name a new file.")
    if not to.parent.is_dir():
        raise Invalid(f"to: {to.parent} is no directory; make it first.")
    where = [Condition("project", "=", project)] if project is not None else []
    total, count = await app.store.count(where), 0
    cursor: str | None = None
    try:
        with work_folder(to) as folder:
            made = folder / "made"
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
                while True:
                    page = await app.store.scan(where, cursor, PAGE)
                    await asyncio.to_thread(_write, stream, page.records)
                    count, cursor = count + len(page.records), page.cursor
                    moved(count, total)
                    if cursor is None:
                        break
                stream.flush()
                os.fsync(stream.fileno())
            os.link(made, to)
            files.sync_folder(to.parent)
    except OSError as error:
        raise files.translated(error, to) from error
    return {"file": str(to), "records": count, "bytes": to.stat().st_size}


def line_of(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": record.kind,
        "text": record.text,
        "project": record.project,
        "time": record.time.isoformat(),
        "session": record.session,
        "role": record.role,
        "position": record.position,
        "parent": record.parent,
        "tags": list(record.tags),
        "files": list(record.files),
        "facts": list(record.facts),
        "metadata": dict(record.metadata),
        "content_hash": record.content_hash,
        "model_id": record.model_id,
        "worded": record.worded,
    }


def _write(stream: TextIO, records: Sequence[Record]) -> None:
    stream.writelines(json.dumps(line_of(record), ensure_ascii=False) + "\n" for record in records)
