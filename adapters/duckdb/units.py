"""What BM25 needs to know of records, windows and sessions: how long each is, and how often a word stands in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Column, Floats, Ints
from session_mgmt_mcp.adapters.duckdb.lexical import Tfs, saturation
from session_mgmt_mcp.adapters.duckdb.rows import Rows

LONG_RUNS = 8
"""Rows of one session stand together for so long, on average, that adding them up run by run is worth it."""


class Neighbours:
    """The row next to each on one side (-1: nobody). Most are one row further on, which whole columns can be shifted by."""

    def __init__(self, rows: NDArray[np.int32], step: int) -> None:
        self.rows = rows
        self._step = step
        somebody = rows >= 0
        adjacent = somebody & (rows == np.arange(step, len(rows) + step))
        self._adjacent = adjacent.astype(np.uint8)
        self._jumps = np.flatnonzero(somebody & ~adjacent)

    def add_to(self, tf: Tfs, of_row: Tfs) -> None:
        """Each row's neighbour's frequency."""
        here, there = (slice(1, None), slice(-2)) if self._step < 0 else (slice(-1), slice(1, -1))
        tf[here] += of_row[there] * self._adjacent[here]
        tf[self._jumps] += of_row[self.rows[self._jumps]]


@dataclass(frozen=True, slots=True)
class Windows:
    """A record and one neighbour each side."""

    before: Neighbours
    after: Neighbours
    saturation: Floats

    def around(self, rows: Ints) -> Ints:
        """In whose windows `rows` are."""
        touched = np.unique(np.concatenate((rows, self.before.rows[rows], self.after.rows[rows])))
        return touched[touched >= 0]

    def frequencies(self, of_row: Tfs, among: Ints | slice) -> Tfs:
        """How often a word stands in each window; `of_row` has a 0 for nobody at the end."""
        tf = of_row[:-1][among].copy()
        if isinstance(among, slice):
            self.before.add_to(tf, of_row)
            self.after.add_to(tf, of_row)
        else:
            tf += of_row[self.before.rows[among]]
            tf += of_row[self.after.rows[among]]
        return tf


@dataclass(frozen=True, slots=True)
class Sessions:
    """All of a session; a record without one is its own."""

    unit: NDArray[np.int32]  # of each row
    starts: Ints  # of the runs of rows of one unit
    number: int
    saturation: Floats  # by unit

    def frequencies(self, of_row: Tfs, having: Ints | slice) -> Floats:
        """How often a word stands in each."""
        if isinstance(having, slice) and len(self.starts) * LONG_RUNS < len(self.unit):
            unit, tf = self.unit[self.starts], np.add.reduceat(of_row[:-1], self.starts, dtype=np.uint32)
        else:
            unit, tf = self.unit[having], of_row[:-1][having]
        return np.bincount(unit, weights=tf, minlength=len(self.saturation)).astype(np.float32)


class Units:
    """Brought up to date when a search asks."""

    def __init__(self) -> None:
        self._before = Column(np.int32)
        self._after = Column(np.int32)
        self._changed: set[int] = set()
        self._average: float | None = None
        self._windows: Windows | None = None
        self._sessions: Sessions | None = None

    def touch(self, sessions: NDArray[np.int32]) -> None:
        """These sessions gained or lost rows."""
        self._changed.update(np.unique(sessions).tolist())
        self._average = self._windows = self._sessions = None

    def records(self, rows: Rows) -> Floats:
        """The saturation of each row by itself: made for each search, since keeping it would take 4 bytes a memory."""
        length = rows["length"]
        if self._average is None:
            self._average = float(np.dot(length.astype(np.int64), rows["alive"])) / max(1, rows.documents)
        return saturation(length, self._average)

    def windows(self, rows: Rows) -> Windows:
        if self._windows is None:
            self._link(rows)
            before, after = self._before.all, self._after.all
            length = np.append(rows["length"] * rows["alive"], 0).astype(np.float32)
            together = length[:-1] + length[before] + length[after]
            average = float(together.sum(dtype=np.float64)) / max(1, rows.documents)
            self._windows = Windows(Neighbours(before, -1), Neighbours(after, 1), saturation(together, average))
        return self._windows

    def sessions(self, rows: Rows) -> Sessions:
        if self._sessions is None:
            alive, unit = rows["alive"] & rows["worded"], rows["unit"]
            length = np.bincount(unit[alive], weights=rows["length"][alive], minlength=rows.units)
            number = int(np.count_nonzero(np.bincount(unit[alive], minlength=rows.units)))
            starts = np.flatnonzero(np.append(True, unit[1:] != unit[:-1])[: len(unit)])
            average = float(length.sum()) / max(1, number)
            self._sessions = Sessions(unit, starts, number, saturation(length.astype(np.float32), average))
        return self._sessions

    def _link(self, rows: Rows) -> None:
        nobody = np.full(len(rows) - len(self._before), -1, np.int32)
        self._before.extend(nobody)
        self._after.extend(nobody)
        session = rows["session"]
        if len(self._changed) == 1:
            (changed,) = self._changed
            among = session == changed
        else:
            table = np.zeros(len(rows.codes["session"]), np.bool_)
            table[list(self._changed)] = True
            among = table[session]
        self._link_rows(rows, np.flatnonzero(among & (session > 0)))
        self._changed = set()

    def _link_rows(self, rows: Rows, among: NDArray[np.int64]) -> None:
        before, after = self._before.all, self._after.all
        before[among] = after[among] = -1
        whole = among[(rows["alive"] & rows["worded"])[among] & (rows["parent"][among] == 0)]
        session = rows["session"][whole]
        order = np.lexsort((rows["seq"][whole], rows["position"][whole], session))
        whole, session = whole[order], session[order]
        adjacent = session[1:] == session[:-1]
        before[whole[1:][adjacent]] = whole[:-1][adjacent]
        after[whole[:-1][adjacent]] = whole[1:][adjacent]
