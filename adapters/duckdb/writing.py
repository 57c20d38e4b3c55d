"""What a write does to the tables, and then to the index."""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import numpy as np
from arro3.core import Table, list_flatten
from session_mgmt_mcp.adapters.duckdb.connection import After
from session_mgmt_mcp.adapters.duckdb.index import Index, Vectors
from session_mgmt_mcp.adapters.duckdb.records import (
    COLUMNS,
    Row,
    record_table,
    restored,
    seq_table,
    storable,
    vector_table,
)
from session_mgmt_mcp.adapters.duckdb.row_store import RowStore
from session_mgmt_mcp.adapters.duckdb.schema import last_revision
from session_mgmt_mcp.ports.embedder import Matrix
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Filter

CHUNK = 5_000
FEW = 100
"""Rows asked for by a list of numbers go through the index; more than so many are looked for by a scan."""
CHARACTERS_AT_ONCE = 4_000_000


def insert(connection: Any, into: str, incoming: Table) -> None:
    connection.execute(f"insert into {into} by name select * from incoming")  # noqa: S608


def delete_seqs(connection: Any, table: str, seqs: Sequence[int]) -> None:
    if len(seqs) <= 20:
        connection.execute(f"delete from {table} where seq in ({','.join(map(str, seqs))})")  # noqa: S608
        return
    incoming = seq_table(seqs)
    connection.execute(f"delete from {table} where seq in (select seq from incoming)")  # noqa: S608
    del incoming


def select_seqs(connection: Any, seqs: Sequence[int]) -> list[Row]:
    """In no order."""
    if not seqs:
        return []
    if len(seqs) <= FEW:
        query = f"select {COLUMNS} from memory where seq in ?"  # noqa: S608
        return [restored(row) for row in connection.execute(query, [list(seqs)]).fetchall()]
    incoming = seq_table(seqs)
    near = f"seq between {min(seqs)} and {max(seqs)}"  # blocks without any are not read
    query = f"select {COLUMNS} from memory where {near} and seq in (select seq from incoming)"  # noqa: S608
    rows = [restored(row) for row in connection.execute(query).fetchall()]
    del incoming
    return rows


def upsert(connection: Any, index: Index, copies: RowStore, rows: Sequence[Row]) -> After:
    """New records get a seq; unchanged ones are left alone; a vector stays as long as what it was made of does."""
    latest = {row.id: row for row in rows}
    known = index.known(list(latest))
    stored = {row.id: row for row in select_seqs(connection, [place.seq for place in known.values()])}
    with_vector = {place.seq for place in known.values() if place.model_id}
    revision = index.revision
    changed: list[Row] = []
    kept: list[int] = []
    for row in latest.values():
        before = stored.get(row.id)
        if before is None:
            revision += 1
            changed.append(row._replace(seq=revision))
            continue
        if row.vector is None and row.same(before):
            continue
        revision += 1
        changed.append(row._replace(seq=before.seq))
        if row.vector is None and before.seq in with_vector and (row.text, row.role) == (before.text, before.role):
            kept.append(before.seq)
    if not changed:
        return lambda: None
    replaced = [row.seq for row in changed if row.id in stored]
    if replaced:
        copies.drop(replaced)
        delete_seqs(connection, "memory", replaced)
    for start, chunk in portions(changed):
        insert(connection, "memory", record_table(chunk, index.revision + 1 + start))
    lost = sorted({seq for seq in replaced if seq in with_vector} - set(kept))
    if lost:
        delete_seqs(connection, "vectors", lost)
    revision = _insert_vectors(connection, revision, [row for row in changed if row.vector is not None])

    def visible() -> None:
        index.put(changed, replaced, kept)
        index.revision = revision
        copies.put(changed, revision)

    return visible


def portions(rows: Sequence[Row]) -> Iterator[tuple[int, Sequence[Row]]]:
    """With where each begins: as much text as the database takes at once in its memory."""
    start, size = 0, 0
    for end, row in enumerate(rows):
        size += len(row.text)
        if size > CHARACTERS_AT_ONCE and end > start:
            yield start, rows[start:end]
            start, size = end, len(row.text)
    yield start, rows[start:]


def _insert_vectors(connection: Any, revision: int, rows: Sequence[Row]) -> int:
    if not rows:
        return revision
    matrix = np.stack([row.vector for row in rows if row.vector is not None])
    table = vector_table([row.seq for row in rows], revision + 1, [row.model_id for row in rows], matrix)
    insert(connection, "vectors", table)
    return revision + len(rows)


def set_vectors(
    connection: Any, index: Index, ids: Sequence[str], vectors: Matrix, model_id: str, texts: Sequence[str] | None
) -> After:
    known = index.known(ids)
    if texts is not None:
        said = {row.id: row.text for row in select_seqs(connection, [place.seq for place in known.values()])}
        known = {one: known[one] for one, text in zip(ids, texts, strict=True) if said.get(one) == text}
    at = {known[one].seq: number for number, one in enumerate(ids) if one in known}  # the same id twice: the last
    if not at:
        return lambda: None
    seqs = list(at)
    matrix = np.asarray(vectors, np.float32)[list(at.values())]
    old = [place.seq for place in known.values() if place.model_id]
    if old:
        delete_seqs(connection, "vectors", old)
    insert(connection, "vectors", vector_table(seqs, index.revision + 1, [model_id] * len(seqs), matrix))

    def visible() -> None:
        index.put_vectors(Vectors(seqs, [model_id] * len(seqs), matrix))
        index.revision += len(seqs)

    return visible


def delete(connection: Any, index: Index, copies: RowStore, where: Filter) -> After:
    seqs = [place.seq for place in index.places(where)]
    if not seqs:
        return lambda: 0
    copies.drop(seqs)
    delete_seqs(connection, "memory", seqs)
    delete_seqs(connection, "vectors", seqs)
    insert(connection, "gone", seq_table(seqs, index.revision + 1))

    def visible() -> int:
        index.remove(seqs)
        index.revision += len(seqs)
        return len(seqs)

    return visible


def catch_up(connection: Any, index: Index) -> int:
    """Takes into the index what the tables have beyond its revision; how many changes that were."""
    last, first = last_revision(connection), index.revision
    if last <= first:
        return 0
    for start in range(first, last, CHUNK):
        between = f"where revision > {start} and revision <= {start + CHUNK}"
        query = f"select {COLUMNS} from memory {between} order by revision"  # noqa: S608
        rows = [restored(row) for row in connection.execute(query).fetchall()]
        if rows:
            known = [place.seq for place in index.known([row.id for row in rows]).values()] if first else []
            index.put(rows, known, having_vectors(connection, known))
    query = f"select seq from gone where revision > {first}"  # noqa: S608
    gone = [seq for (seq,) in connection.execute(query).fetchall()]
    if gone:
        index.remove(gone)
    for start in range(first, last, CHUNK):
        between = f"where revision > {start} and revision <= {start + CHUNK}"
        vectors = read_vectors(connection, f"select seq, model_id, vector from vectors {between} order by revision")  # noqa: S608
        if vectors.seqs:
            index.put_vectors(vectors)
    index.revision = last
    return last - first


def select_vectors(connection: Any, seqs: Sequence[int]) -> Vectors:
    if not seqs:
        return Vectors([], [], np.empty((0, 0), np.float32))
    query = "select seq, model_id, vector from vectors where seq in (select seq from incoming)"
    return read_vectors(connection, query, seq_table(seqs))


def check_pattern(connection: Any, pattern: str, literal: bool) -> None:
    """Raises Invalid for what is no regular expression."""
    if not storable(pattern) or "\0" in pattern:
        raise Invalid("pattern: give valid unicode without a NUL character.")
    if literal:
        return
    try:
        connection.execute("select regexp_matches('', ?)", [pattern]).fetchone()
    except duckdb.InvalidInputException as error:
        reason = " ".join(str(error).split())[:200]
        raise Invalid(f"pattern: {pattern[:60]!r} is no regular expression ({reason}); correct it.") from error


def matching(connection: Any, seqs: Sequence[int], pattern: str, literal: bool) -> dict[str, str]:
    """Of the records with `seqs`, by id those whose text holds a match, with the first that it holds."""
    incoming = seq_table(seqs)
    holds = "contains(text, ?)" if literal else "regexp_matches(text, ?)"
    near = f"seq between {min(seqs)} and {max(seqs)}"
    matched = "?" if literal else "regexp_extract(text, ?)"
    query = f"select id, {matched} from memory where {near} and seq in (select seq from incoming) and {holds}"  # noqa: S608
    found = connection.execute(query, [pattern, pattern]).fetchall()
    del incoming
    return dict(found)


def having_vectors(connection: Any, seqs: Sequence[int]) -> list[int]:
    if not seqs:
        return []
    incoming = seq_table(seqs)
    found = connection.execute("select seq from vectors where seq in (select seq from incoming)").fetchall()
    del incoming
    return [seq for (seq,) in found]


def read_vectors(connection: Any, query: str, incoming: Table | None = None) -> Vectors:
    """`query` may read from `incoming`: DuckDB finds it by its name."""
    table = Table.from_arrow(connection.sql(query)).combine_chunks()
    if not table.num_rows:
        return Vectors([], [], np.empty((0, 0), np.float32))
    flat = list_flatten(table["vector"].chunk(0)).to_numpy()
    matrix = np.asarray(flat, np.float32).reshape(table.num_rows, -1)
    return Vectors(table["seq"].to_numpy().tolist(), table["model_id"].to_pylist(), matrix)
