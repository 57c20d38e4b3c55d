"""Rows in order of time or votes, page by page, and what they say of sessions."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Ints
from session_mgmt_mcp.adapters.duckdb.records import EPOCH
from session_mgmt_mcp.adapters.duckdb.rows import Rows
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Order, SessionSpan

Votes: TypeAlias = Mapping[int, int]
"""By seq, of the records that have any."""

VOTED = """
    select seq, try_cast(json_extract_string(metadata, '$.votes') as bigint) from memory
    where contains(metadata, '"votes"') and json_valid(metadata)
"""


def read_votes(connection: Any) -> Votes:
    return {seq: votes for seq, votes in connection.execute(VOTED).fetchall() if votes}


def listed(
    rows: Rows, wanted: Bools, order: Order, cursor: str | None, limit: int, votes: Votes
) -> tuple[Ints, str | None]:
    """The rows of a page, and the cursor of the next. Raises Invalid for an unknown order or a cursor of none or another."""
    if order not in get_args(Order):
        raise Invalid(f"order {order!r}: use one of {', '.join(get_args(Order))}.")
    found = np.flatnonzero(wanted)
    keys = sort_keys(rows, found, order, votes)
    ranked = np.lexsort(keys[::-1])
    if cursor is not None:
        behind = after(keys, place_of(cursor, order))
        ranked = ranked[behind[ranked]]
    shown = ranked[:limit]
    going_on = len(ranked) > limit
    last = ".".join(str(int(key[shown[-1]])) for key in keys) if going_on else ""
    return found[shown], f"{order}.{last}" if going_on else None


def sort_keys(rows: Rows, found: Ints, order: Order, votes: Votes) -> NDArray[np.int64]:
    """One line a key, the first decides; what is lower comes first."""
    seqs, times = rows["seq"][found], rows["time"][found]
    match order:
        case "oldest":
            return np.stack((times, seqs))
        case "newest":
            return np.stack((-times, -seqs))
        case "votes":
            counts = np.zeros(len(found), np.int64)
            if votes:
                having = np.flatnonzero(np.isin(seqs, list(votes)))
                counts[having] = [votes[seq] for seq in seqs[having].tolist()]
            return np.stack((-counts, -times, -seqs))


def place_of(cursor: str, order: Order) -> list[int]:
    name, *numbers = cursor.split(".")
    try:
        place = [int(number) for number in numbers]
    except ValueError:
        place = []
    if name != order or len(place) != (3 if order == "votes" else 2) or any(abs(one) >= 2**63 for one in place):
        raise Invalid("cursor: give the one that the page before came with, and ask for the same order.")
    return place


def after(keys: NDArray[np.int64], place: list[int]) -> Bools:
    """Which columns of `keys` come behind `place`, the first key deciding."""
    behind = np.zeros(keys.shape[1], np.bool_)
    same = np.ones(keys.shape[1], np.bool_)
    for key, value in zip(keys, place, strict=True):
        behind |= same & (key > value)
        same &= key == value
    return behind


def sessions(rows: Rows, wanted: Bools, k: int) -> list[SessionSpan]:
    """Those with the latest rows first."""
    found = np.flatnonzero(wanted)
    found = found[np.lexsort((rows["seq"][found], rows["time"][found]))]
    codes, counts = np.unique(rows["session"][found], return_counts=True)
    order = np.argsort(rows["session"][found], kind="stable")
    ends = np.cumsum(counts) - 1
    last, first = found[order][ends], found[order][ends - counts + 1]
    names, projects = rows.codes["session"].names, rows.codes["project"].names
    newest = np.lexsort((codes, -rows["seq"][last], -rows["time"][last]))[:k]
    return [
        SessionSpan(
            names[codes[at]],
            projects[rows["project"][last[at]]],
            int(counts[at]),
            EPOCH + timedelta(microseconds=int(rows["time"][first[at]])),
            EPOCH + timedelta(microseconds=int(rows["time"][last[at]])),
        )
        for at in newest.tolist()
    ]
