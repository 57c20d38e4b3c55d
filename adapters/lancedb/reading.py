"""Records by id, their vectors, and all of them in the order of first writing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.lancedb.connection import Place
from session_mgmt_mcp.adapters.lancedb.failures import corrupt
from session_mgmt_mcp.adapters.lancedb.filters import predicate
from session_mgmt_mcp.adapters.lancedb.records import matrix_of, sum_of_vector, to_record
from session_mgmt_mcp.adapters.lancedb.schema import READ, ROW_ID
from session_mgmt_mcp.adapters.lancedb.verifying import said
from session_mgmt_mcp.adapters.lancedb.writing import find
from session_mgmt_mcp.ports.embedder import Vector
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Filter, Page, Record

WINDOW = 4  # rows that are looked through for one of a page
MOST = 2**63 - 1


async def get(table: Any, place: Place, ids: Sequence[str]) -> list[Record]:
    """In the order of `ids`. Raises Corrupt for a record that is not as it was written."""
    if not ids:
        return []
    records = {one["id"]: to_record(one) for one in said(await find(table, ids, READ), place)}
    return [records[one] for one in ids if one in records]


async def vectors(table: Any, place: Place, ids: Sequence[str]) -> dict[str, Vector]:
    if not ids:
        return {}
    found = await find(table, ids, ["id", "vector", "vector_sum"])
    found = found.filter(found["vector"].is_valid())
    matrix = matrix_of(found["vector"]).copy() if found.num_rows else np.empty((0, 0), np.float32)
    if [sum_of_vector(one) for one in matrix] != found["vector_sum"].to_pylist():
        raise corrupt(str(place), "vectors")
    return dict(zip(found["id"].to_pylist(), matrix, strict=True))


async def scan(table: Any, place: Place, where: Filter, cursor: str | None, limit: int) -> Page:
    first = 0 if cursor is None else parse_cursor(cursor) + 1
    places = await following(table, await predicate(table, where), first, limit + 1)
    shown = places[:limit]
    records = await at(table, place, shown)
    return Page(list(records.values()), str(int(shown[-1])) if len(places) > limit else None)


async def following(table: Any, holding: str | None, first: int, count: int) -> NDArray[np.int64]:
    """The lowest row ids from `first` on. Lance cannot order by them: those nearby are looked through, then all."""
    near = first + WINDOW * count
    found = await rows_from(table, holding, first, near)
    if len(found) < count:
        found = np.concatenate((found, await rows_from(table, holding, near, MOST)))
    return found[:count]


async def rows_from(table: Any, holding: str | None, first: int = 0, end: int = MOST) -> NDArray[np.int64]:
    """In order, without `end`."""
    within = f"{ROW_ID} >= {first} and {ROW_ID} < {end}"
    condition = f"{within} and ({holding})" if holding else within
    rows = await table.query().where(condition).select(["position"]).with_row_id().to_arrow()
    return np.sort(rows[ROW_ID].to_numpy().astype(np.int64))


async def at(table: Any, place: Place, rows: NDArray[np.int64]) -> dict[int, Record]:
    """By row id, in the order of `rows`; what was deleted meanwhile is left out."""
    if not len(rows):
        return {}
    listed = ", ".join(str(row) for row in rows.tolist())
    found = await table.query().where(f"{ROW_ID} in ({listed})").select(list(READ)).with_row_id().to_arrow()
    records = {one[ROW_ID]: to_record(one) for one in said(found, place)}
    return {row: records[row] for row in rows.tolist() if row in records}


def parse_cursor(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or int(cursor) >= MOST:
        raise Invalid("cursor: give the one that the page before came with.")
    return int(cursor)
