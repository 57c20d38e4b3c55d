"""Taking over the file of the product that this one replaces: a backup first, then every row into our own tables."""

import filecmp
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from session_mgmt_mcp.adapters.duckdb import schema, writing
from session_mgmt_mcp.adapters.duckdb.backups import publish, publishable, sync_folder
from session_mgmt_mcp.adapters.duckdb.connection import connect, wal
from session_mgmt_mcp.adapters.duckdb.failures import corrupt
from session_mgmt_mcp.adapters.duckdb.index import Index
from session_mgmt_mcp.adapters.duckdb.records import parse
from session_mgmt_mcp.adapters.duckdb.row_store import RowStore
from session_mgmt_mcp.adapters.work_folders import work_folder
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Json, Record

Adopt: TypeAlias = Callable[[Record], Sequence[Record]]
"""What becomes of one of its rows: redacted, maybe in parts, maybe nothing."""

KINDS = {"conversations": "turn", "reflections": "reflection"}
CHUNK = 1_000


def is_original(raw: Any, path: Path) -> bool:
    """Raises Corrupt for a database that is neither empty, ours, nor the original's."""
    tables = schema.tables(raw)
    if not tables or "meta" in tables:
        return False
    for table in KINDS:
        if table in tables and {"id", "content"} <= columns(raw, table):
            return True
    raise corrupt(path)


def take_over(raw: Any, path: Path, adopt: Adopt | None) -> Any:
    """Puts our database into the place of the original's and gives a connection to it.

    At each moment there is a whole file at `path`: killed half-way, it is simply done again. `raw` is closed.
    """
    if adopt is None:
        raise Invalid(f"{path} is a file of the original session-mgmt-mcp: say with `adopt` how to take its rows over.")
    raw.execute("checkpoint")
    with work_folder(path) as folder:
        keep(path, folder / "original")
        made = folder / "made"
        build(made, rows(raw, changed_at(path)), adopt)
        raw.close()
        wal(path).unlink(missing_ok=True)
        publishable(made).replace(path)
        sync_folder(path.parent)
    return connect(path)


def keep(path: Path, copy: Path) -> None:
    """Beside `path`, as it is; once, however often whoever takes it over is killed."""
    if not any(filecmp.cmp(path, kept, shallow=False) for kept in path.parent.glob(f"{path.name}.original-*")):
        shutil.copyfile(path, copy)
        publish(copy, path.with_name(f"{path.name}.original-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"))


def build(path: Path, found: Iterator[Record], adopt: Adopt) -> None:
    raw = connect(path)
    try:
        schema.migrate(raw, path)
        index = Index(schema.DIMENSIONS)
        copies = RowStore(path)  # never opened: the store copies the rows when it has time
        while chunk := list(islice(found, CHUNK)):
            parsed = [parse(one, schema.DIMENSIONS) for record in chunk for one in adopt(record)]
            raw.execute("begin")
            visible = writing.upsert(raw, index, copies, parsed)
            raw.execute("commit")
            visible()
        raw.execute("checkpoint")
    finally:
        raw.close()


def rows(raw: Any, unknown_time: datetime) -> Iterator[Record]:
    """Every row that has an id and text, as a record without a vector: its model is not known."""
    for table, kind in KINDS.items():
        there = columns(raw, table)
        if not {"id", "content"} <= there:
            continue
        wanted = [
            name if name in there else f"null as {name}"
            for name in ("id", "content", "project", "timestamp", "metadata", "tags")
        ]
        cursor = raw.cursor()
        cursor.execute(f"select {', '.join(wanted)} from {table} order by rowid")  # noqa: S608
        while chunk := cursor.fetchmany(CHUNK):
            for record_id, content, project, timestamp, metadata, tags in chunk:
                if record_id is None or not content:
                    continue
                yield Record(
                    id=sha256(f"original\0{table}\0{record_id}".encode()).hexdigest()[:20],
                    kind=kind,
                    text=str(content),
                    project=str(project or ""),
                    time=time_of(timestamp, unknown_time),
                    tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
                    metadata={"source": "original", **({"original": about} if (about := parsed(metadata)) else {})},
                )
        cursor.close()


def columns(raw: Any, table: str) -> set[str]:
    query = "select column_name from duckdb_columns() where schema_name = 'main' and table_name = ?"
    return {name for (name,) in raw.execute(query, [table]).fetchall()}


def parsed(metadata: Any) -> Mapping[str, Json]:
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            return {}
    return metadata if isinstance(metadata, dict) else {}


def time_of(value: Any, unknown: datetime) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return unknown
    if isinstance(value, (int, float)) and 0 < value < 4e9:
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, datetime):
        return unknown
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def changed_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
