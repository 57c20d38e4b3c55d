"""What BM25 needs to know of the whole store: exact while it is small, then estimates that are renewed as it grows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from session_mgmt_mcp.adapters.lancedb.bm25 import Ints
from session_mgmt_mcp.adapters.lancedb.filters import having, served
from session_mgmt_mcp.adapters.lancedb.layout import PLACED, Collections, Layout

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
    frequencies: dict[str, int] = field(default_factory=dict)  # of the terms that were asked for

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
        self._known = found = Figures(version, rows, await _collections(table, rows))
        return found

    async def having(self, table: Any, figures: Figures, terms: Sequence[str]) -> Ints:
        """In how many records each term stands."""
        missing = [term for term in terms if term not in figures.frequencies]
        if missing:
            index = await served(table)
            counts = await asyncio.gather(*(table.count_rows(having([term], index)) for term in missing))
            figures.frequencies.update(zip(missing, counts, strict=True))
        return np.array([figures.frequencies[term] for term in terms], np.int64)


def _close(rows: int, known: int) -> bool:
    return min(rows, known) > EXACT_ROWS and abs(rows - known) <= DRIFT * known


async def _collections(table: Any, rows: int) -> Collections:
    if rows <= BLOCKS * BLOCK_ROWS:
        return Collections.of(Layout.of(await _placed(table.query().where("worded"))))
    starts = np.linspace(0, rows - BLOCK_ROWS, BLOCKS).astype(int).tolist()
    blocks = await asyncio.gather(*(_placed(table.query().offset(at).limit(BLOCK_ROWS), "worded") for at in starts))
    seen = pa.concat_tables(blocks)
    worded = seen.filter(seen["worded"])
    return Collections.of(Layout.of(worded), round(rows * len(worded) / max(1, len(seen))))


async def _placed(query: Any, *more: str) -> Any:
    return await query.select([*PLACED, *more]).with_row_id().to_arrow()
