"""What BM25 needs to know of the whole store: exact while it is small, then estimates that are renewed as it grows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from session_mgmt_mcp.adapters.lancedb.bm25 import Ints
from session_mgmt_mcp.adapters.lancedb.filters import having, served
from session_mgmt_mcp.adapters.lancedb.layout import NOBODY, PLACED, Collections, Layout, numbers

EXACT_ROWS = 50_000
"""Up to here everything is counted anew after each write."""
DRIFT = 0.01
"""Above, figures are kept until the store has grown or shrunk by so much."""
BLOCKS, BLOCK_ROWS = 8, 25_000
"""So many rows are looked at where there are more: rows of one session stand close together."""


@dataclass(frozen=True, slots=True)
class Figures:
    version: int
    rows: int
    all: Collections
    layout: Layout  # of every worded row, or of the blocks looked at
    blocks: str | None  # which rows those are; None: every row
    having: dict[str, tuple[int, int, int]] = field(
        default_factory=dict
    )  # records, windows, sessions, of terms asked for

    @property
    def exact(self) -> bool:
        return self.rows <= EXACT_ROWS


class Corpus:
    """Remembers the last figures. Safe to ask from several tasks: at worst one counts what another did."""

    def __init__(self) -> None:
        self._known: Figures | None = None

    async def figures(self, table: Any) -> Figures:
        version, rows = await asyncio.gather(table.version(), table.count_rows())
        known = self._known
        if known is not None and (version == known.version or _close(rows, known.rows)):
            return known
        self._known = found = await _figures(table, version, rows)
        return found

    async def records(self, table: Any, figures: Figures, terms: Sequence[str]) -> Ints:
        """In how many records each term stands."""
        counted: Ints = (await self.having(table, figures, terms))[0]
        return counted

    async def having(self, table: Any, figures: Figures, terms: Sequence[str]) -> Ints:
        """In how many records, windows and sessions each term stands: [3, terms]."""
        missing = [term for term in terms if term not in figures.having]
        if missing:
            index = await served(table)
            counted = await asyncio.gather(*(_having(table, figures, having([term], index)) for term in missing))
            figures.having.update(zip(missing, counted, strict=True))
        return np.array([figures.having[term] for term in terms], np.int64).reshape(-1, 3).T


def _close(rows: int, known: int) -> bool:
    return min(rows, known) > EXACT_ROWS and abs(rows - known) <= DRIFT * known


async def _figures(table: Any, version: int, rows: int) -> Figures:
    if rows <= BLOCKS * BLOCK_ROWS:
        layout = Layout.of(await _placed(table.query().where("worded")))
        return Figures(version, rows, Collections.of(layout), layout, None)
    starts = np.linspace(0, rows - BLOCK_ROWS, BLOCKS).astype(int).tolist()
    blocks = await asyncio.gather(*(_placed(table.query().offset(at).limit(BLOCK_ROWS), "worded") for at in starts))
    seen = pa.concat_tables(blocks)
    layout = Layout.of(seen.filter(seen["worded"]))
    ends = [(int(numbers(block, "_rowid").min()), int(numbers(block, "_rowid").max())) for block in blocks]
    within = " or ".join(f"(_rowid >= {first} and _rowid <= {last})" for first, last in ends)
    worded = round(rows * len(layout.rows) / max(1, len(seen)))
    return Figures(version, rows, Collections.of(layout, worded), layout, f"({within})")


async def _having(table: Any, figures: Figures, has: str) -> tuple[int, int, int]:
    """By the rows that the layout shows, as far as they are not all."""
    layout = figures.layout
    query = table.query().where(f"{has} and {figures.blocks}" if figures.blocks else has).select(["length"])
    found = await query.with_row_id().to_arrow()
    places = layout.places(numbers(found, "_rowid"))
    places = places[places != NOBODY]
    windows, sessions = len(layout.around(places)), len(np.unique(layout.unit[places]))
    if figures.blocks is None:
        return len(found), windows, sessions
    records = await table.count_rows(has)
    share = records / max(1, len(places))
    return records, round(windows * share), round(sessions * share)


async def _placed(query: Any, *more: str) -> Any:
    return await query.select([*PLACED, *more]).with_row_id().to_arrow()
