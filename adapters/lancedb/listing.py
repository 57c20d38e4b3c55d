"""Rows in order of time or votes, page by page, and what they say of sessions and of each other."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lancedb.query import ColumnOrdering
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.lancedb.connection import Place
from session_mgmt_mcp.adapters.lancedb.filters import predicate
from session_mgmt_mcp.adapters.lancedb.reading import at
from session_mgmt_mcp.adapters.lancedb.records import EPOCH, to_hit
from session_mgmt_mcp.adapters.lancedb.schema import HIT, LABELLED, ROW_ID
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Facet, Filter, Hit, Order, Page, SessionSpan

NEWEST_FIRST = (ColumnOrdering(column_name="time", ascending=False), ColumnOrdering(column_name="id"))


async def latest(table: Any, where: Filter, k: int) -> list[Hit]:
    query = holding(table, await predicate(table, where)).select(list(HIT)).order_by(list(NEWEST_FIRST)).limit(k)
    return [to_hit(one, 1.0) for one in (await query.to_arrow()).to_pylist()]


async def listed(table: Any, place: Place, where: Filter, order: Order, cursor: str | None, limit: int) -> Page:
    if order not in get_args(Order):
        raise Invalid(f"order {order!r}: use one of {', '.join(get_args(Order))}.")
    behind = None if cursor is None else place_of(cursor, order)
    columns = ["time", "votes"] if order == "votes" else ["time"]
    rows = await holding(table, await predicate(table, where)).select(columns).with_row_id().to_arrow()
    keys = sort_keys(rows, order)
    ranked = np.lexsort(keys[::-1])
    if behind is not None:
        ranked = ranked[after(keys, behind)[ranked]]
    shown = ranked[:limit]
    records = await at(table, place, ids_of(rows)[shown])
    last = ".".join(str(int(key[shown[-1]])) for key in keys) if len(ranked) > limit else None
    return Page(list(records.values()), f"{order}.{last}" if last else None)


def holding(table: Any, condition: str | None) -> Any:
    return table.query().where(condition) if condition else table.query()


def ids_of(rows: pa.Table) -> NDArray[np.int64]:
    ids: NDArray[np.int64] = rows[ROW_ID].to_numpy().astype(np.int64)
    return ids


def sort_keys(rows: pa.Table, order: Order) -> NDArray[np.int64]:
    """One line a key, the first decides; what is lower comes first."""
    ids, times = ids_of(rows), rows["time"].to_numpy()
    match order:
        case "oldest":
            return np.stack((times, ids))
        case "newest":
            return np.stack((-times, -ids))
        case "votes":
            return np.stack((-rows["votes"].to_numpy(), -times, -ids))


def place_of(cursor: str, order: Order) -> list[int]:
    name, *numbers = cursor.split(".")
    place = [int(number) for number in numbers if re.fullmatch(r"-?[0-9]{1,19}", number)]
    fits = len(place) == len(numbers) == (3 if order == "votes" else 2)
    if name != order or not fits or any(abs(one) >= 2**63 for one in place):
        raise Invalid("cursor: give the one that the page before came with, and ask for the same order.")
    return place


def after(keys: NDArray[np.int64], place: Sequence[int]) -> NDArray[np.bool_]:
    """Which columns of `keys` come behind `place`, the first key deciding."""
    behind = np.zeros(keys.shape[1], np.bool_)
    same = np.ones(keys.shape[1], np.bool_)
    for key, value in zip(keys, place, strict=True):
        behind |= same & (key > value)
        same &= key == value
    return behind


async def sessions(table: Any, where: Filter, k: int) -> list[SessionSpan]:
    """Those with the latest rows first."""
    query = holding(table, await predicate(table, where)).select(["session", "project", "time"]).with_row_id()
    rows = await query.to_arrow()
    if not rows.num_rows:
        return []
    times, ids = rows["time"].to_numpy(), ids_of(rows)
    session = rows["session"].combine_chunks().dictionary_encode()
    codes = session.indices.to_numpy()
    order = np.lexsort((ids, times, codes))
    known, counts = np.unique(codes, return_counts=True)
    ends = np.cumsum(counts) - 1
    last, first = order[ends], order[ends - counts + 1]
    newest = np.lexsort((known, -ids[last], -times[last]))[:k].tolist()
    projects = rows["project"].take(pa.array(last[newest])).to_pylist()
    return [
        SessionSpan(
            session.dictionary[int(known[one])].as_py(),
            project,
            int(counts[one]),
            EPOCH + timedelta(microseconds=int(times[first[one]])),
            EPOCH + timedelta(microseconds=int(times[last[one]])),
        )
        for one, project in zip(newest, projects, strict=True)
    ]


async def facets(table: Any, by: Facet, where: Filter) -> dict[str, int]:
    if by not in get_args(Facet):
        raise Invalid(f"facet {by!r}: use one of {', '.join(get_args(Facet))}.")
    rows = await holding(table, await predicate(table, where)).select([by]).to_arrow()
    values = rows[by].combine_chunks()
    if by in LABELLED:  # a name that a record has twice counts once
        pairs = pa.table({"row": pc.list_parent_indices(values), "name": pc.list_flatten(values)})
        values = pairs.group_by(["row", "name"]).aggregate([])["name"]
    counts = pc.value_counts(values).to_pylist()
    return dict(sorted(((one["values"], one["counts"]) for one in counts), key=lambda one: (-one[1], one[0])))
