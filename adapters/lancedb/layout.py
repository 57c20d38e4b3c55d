"""Who stands beside whom: rows in their windows and sessions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.lancedb.bm25 import Collection, Ints
from session_mgmt_mcp.ports.vector_store import Scores

PLACED = ("session", "parent", "position", "length")
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Layout:
    """Worded rows in ascending order of their ids."""

    rows: Ints
    lengths: Ints
    unit: Ints  # which session each belongs to; what belongs to none is one by itself
    before: Ints  # the place of each one's neighbour, or NOBODY
    after: Ints

    @classmethod
    def of(cls, table: Any) -> "Layout":
        """Of whole sessions, as columns PLACED and `_rowid`."""
        table = table.combine_chunks()
        rows = numbers(table, "_rowid")
        order = np.argsort(rows, kind="stable")
        rows, positions, lengths = rows[order], numbers(table, "position")[order], numbers(table, "length")[order]
        sessions = table["session"].combine_chunks().dictionary_encode()
        code = sessions.indices.to_numpy().astype(np.int64)[order]
        alone = pc.equal(table["session"], "").to_numpy()[order]
        whole = np.flatnonzero(pc.equal(table["parent"], "").to_numpy()[order] & ~alone)
        unit = np.where(alone, len(sessions.dictionary) + np.arange(len(rows)), code)
        unit = np.unique(unit, return_inverse=True)[1].astype(np.int64)
        before, after = np.full((2, len(rows)), NOBODY, np.int64)
        whole = whole[np.lexsort((rows[whole], positions[whole], code[whole]))]
        adjacent = code[whole[1:]] == code[whole[:-1]]
        before[whole[1:][adjacent]] = whole[:-1][adjacent]
        after[whole[:-1][adjacent]] = whole[1:][adjacent]
        return cls(rows, lengths, unit, before, after)

    def places(self, rows: Ints) -> Ints:
        """Where these rows stand, or NOBODY."""
        if not len(self.rows):
            return np.full(len(rows), NOBODY, np.int64)
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[at] == rows, at, NOBODY)

    def window_lengths(self) -> Ints:
        lengths = np.append(self.lengths, 0)
        windows: Ints = self.lengths + lengths[self.before] + lengths[self.after]
        return windows

    def session_lengths(self) -> Scores:
        """By unit."""
        return np.bincount(self.unit, weights=self.lengths).astype(np.float64)

    def around(self, places: Ints) -> Ints:
        """In whose windows these are."""
        touched: Ints = np.unique(np.concatenate((places, self.before[places], self.after[places])))
        somebody: Ints = touched[touched != NOBODY]
        return somebody


@dataclass(frozen=True, slots=True)
class Collections:
    """What all records are, taken one by one, by windows and by sessions."""

    records: Collection
    windows: Collection
    sessions: Collection

    @classmethod
    def of(cls, layout: Layout, documents: int | None = None) -> "Collections":
        """Of `documents` records, of which the layout shows a sample, or all."""
        shown = len(layout.rows)
        number = shown if documents is None else documents
        sessions = layout.session_lengths()
        return cls(
            Collection(number, mean(layout.lengths)),
            Collection(number, mean(layout.window_lengths())),
            Collection(round(len(sessions) * number / max(1, shown)), mean(sessions)),
        )


def mean(lengths: NDArray[Any]) -> float:
    return float(lengths.mean()) if len(lengths) else 0.0


def numbers(table: Any, column: str) -> Ints:
    found: Ints = table[column].to_numpy().astype(np.int64)
    return found


def joined(tables: list[Any]) -> Any:
    """Rows of several answers, each once."""
    table = pa.concat_tables(tables)
    _, first = np.unique(numbers(table, "_rowid"), return_index=True)
    return table.take(pa.array(first))
