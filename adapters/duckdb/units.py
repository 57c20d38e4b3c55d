"""What BM25 needs to know of records, windows and sessions: how long each is, and how often a word stands in it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Column, Floats, Ints
from session_mgmt_mcp.adapters.duckdb.lexical import Tfs, saturation
from session_mgmt_mcp.adapters.duckdb.rows import LONGEST, Rows

FEW = 24
"""A word that fewer than one row in so many has is looked up row by row; of any other all rows are gone through."""
VERY_FEW = 128
"""The neighbours of a word are followed one by one where fewer than one row in so many has it; bytes of whole columns are added fast."""
LONG_RUNS = 8
"""Rows of one session stand together for so long, on average, that adding them up run by run is worth it."""


class Neighbours:
    """The row next to each on one side (-1: nobody). Most are one row further on, which whole columns can be shifted by."""

    def __init__(self, step: int) -> None:
        self._rows = Column(np.int32)
        self._step = step
        self._adjacent = Column(np.uint8)

    @property
    def rows(self) -> NDArray[Any]:
        return self._rows.all

    def extend(self, number: int) -> None:
        """Rows without anybody."""
        self._rows.extend(np.full(number, -1, np.int32))
        self._adjacent.extend(np.zeros(number, np.uint8))

    def link(self, among: Ints, some: Ints, to: Ints) -> None:
        """Of the rows `among`, `some` have neighbours now, and the others nobody."""
        rows = self._rows.all
        rows[among] = -1
        rows[some] = to
        self._adjacent.all[among] = rows[among] == among + self._step

    def add_to(self, tf: Tfs, of_row: Tfs, having: Ints) -> None:
        """To each window the frequency in the neighbour on the other side, which only `having` have."""
        if len(having) * VERY_FEW > len(tf):
            adjacent = self._adjacent.all
            if self._step > 0:
                tf[1:] += of_row[:-1] * adjacent[:-1]
            else:
                tf[:-1] += of_row[1:] * adjacent[1:]
            having = having[adjacent.take(having) == 0]
        to = self.rows.take(having)
        tf[to[to >= 0]] += of_row[having[to >= 0]]


@dataclass(frozen=True, slots=True)
class Windows:
    """A record and one neighbour each side."""

    before: Neighbours
    after: Neighbours
    saturation: Floats

    def frequencies(self, of_row: Tfs, having: Ints) -> Tfs:
        """How often a word stands in each window; `having` are the rows where `of_row` is not 0."""
        tf = of_row.copy()
        self.before.add_to(tf, of_row, having)
        self.after.add_to(tf, of_row, having)
        return tf


@dataclass(frozen=True, slots=True)
class Sessions:
    """All of a session; a record without one is its own."""

    unit: NDArray[np.int32]  # of each row
    starts: Ints  # of the runs of rows of one unit
    number: int
    saturation: Floats  # by unit

    def frequencies(self, of_row: Tfs, having: Ints, tf: Tfs) -> Floats:
        """How often a word stands in each; `having` are its rows, `tf` how often they have it."""
        if self._long and len(having) * FEW > len(self.unit):
            by_run = np.add.reduceat(of_row, self.starts, dtype=np.uint32)
            counts = np.bincount(self.unit[self.starts], weights=by_run, minlength=len(self.saturation))
        else:
            counts = np.bincount(self.unit.take(having), weights=tf, minlength=len(self.saturation))
        return counts.astype(np.float32)

    def rows(self, among: Bools) -> Bools:
        """Which rows are of these."""
        if not self._long:
            return among[self.unit]
        return np.repeat(among[self.unit[self.starts]], np.diff(self.starts, append=len(self.unit)))

    @property
    def _long(self) -> bool:
        return len(self.starts) * LONG_RUNS < len(self.unit)


class Units:
    """Brought up to date when a search asks: what did not change is not looked at again."""

    def __init__(self) -> None:
        self._touched: list[Ints] = []
        self._before, self._after = Neighbours(-1), Neighbours(1)
        self._together = Column(np.uint16)  # how long each window is
        self._all_together = 0
        self._unit_length = Column(np.int64)
        self._unit_rows = Column(np.int32)
        self._starts = Column(np.int64)
        self._linked = 0
        self._average: float | None = None
        self._windows: Windows | None = None
        self._sessions: Sessions | None = None

    def touch(self, rows: Ints) -> None:
        """These were added or died."""
        self._touched.append(rows)
        self._average = self._windows = self._sessions = None

    def records(self, rows: Rows, among: Ints | slice) -> Floats:
        """The saturation of rows by themselves: made for each search, since keeping it would take 4 bytes a memory."""
        if self._average is None:
            self._update(rows)
            self._average = float(self._unit_length.all.sum()) / self._documents()
        return saturation(rows["length"][among], self._average)

    def windows(self, rows: Rows) -> Windows:
        if self._windows is None:
            self._update(rows)
            average = self._all_together / self._documents()
            self._windows = Windows(self._before, self._after, saturation(self._together.all, average))
        return self._windows

    def sessions(self, rows: Rows) -> Sessions:
        if self._sessions is None:
            self._update(rows)
            length = self._unit_length.all
            number = int(np.count_nonzero(self._unit_rows.all))
            average = float(length.sum()) / max(1, number)
            found = saturation(length.astype(np.float32), average)
            self._sessions = Sessions(rows["unit"], self._starts.all, number, found)
        return self._sessions

    def _documents(self) -> int:
        return max(1, int(self._unit_rows.all.sum()))

    def _update(self, rows: Rows) -> None:
        if not self._touched:
            return
        touched = np.concatenate(self._touched)
        self._touched = []
        self._grow(rows)
        session = rows["session"][touched]
        among = having(rows["session"], np.unique(session[session > 0]), len(rows.codes["session"]))
        self._link(rows, among)
        self._measure_windows(rows, np.concatenate((among, touched[session == 0])))
        self._measure_units(rows, np.unique(rows["unit"][touched]))

    def _grow(self, rows: Rows) -> None:
        first, number = self._linked, len(rows) - self._linked
        for side in (self._before, self._after):
            side.extend(number)
        self._together.extend(np.zeros(number, np.uint16))
        for column in (self._unit_length, self._unit_rows):
            column.extend(np.zeros(rows.units - len(column), np.int64))
        unit = rows["unit"][max(0, first - 1) :]
        starts = np.flatnonzero(unit[1:] != unit[:-1]) + max(1, first)
        self._starts.extend(starts if first or not number else np.append(0, starts))
        self._linked = len(rows)

    def _link(self, rows: Rows, among: Ints) -> None:
        whole = among[(rows["alive"] & rows["worded"])[among] & (rows["parent"][among] == 0)]
        session = rows["session"][whole]
        order = np.lexsort((rows["seq"][whole], rows["position"][whole], session))
        whole, session = whole[order], session[order]
        adjacent = session[1:] == session[:-1]
        earlier, later = whole[:-1][adjacent], whole[1:][adjacent]
        self._before.link(among, later, earlier)
        self._after.link(among, earlier, later)

    def _measure_windows(self, rows: Rows, among: Ints) -> None:
        length = np.append(rows["length"] * rows["alive"], np.uint16(0))  # the last for nobody
        together = length[among].astype(np.int64)
        for side in (self._before, self._after):
            together += length[side.rows[among]]
        np.minimum(together, LONGEST, out=together)
        windows = self._together.all
        self._all_together += int(together.sum()) - int(windows[among].sum(dtype=np.int64))
        windows[among] = together

    def _measure_units(self, rows: Rows, units: NDArray[Any]) -> None:
        among = having(rows["unit"], units, rows.units)
        among = among[(rows["alive"] & rows["worded"])[among]]
        at = np.searchsorted(units, rows["unit"][among])
        self._unit_length.all[units] = np.bincount(at, weights=rows["length"][among], minlength=len(units))
        self._unit_rows.all[units] = np.bincount(at, minlength=len(units))


def having(codes: NDArray[Any], some: NDArray[Any], number: int) -> Ints:
    """Where one of `some` codes stands; there are `number` of them in all."""
    if len(some) <= 1:
        return np.flatnonzero(codes == some[0]) if len(some) else np.empty(0, np.int64)
    table = np.zeros(number, np.bool_)
    table[some] = True
    return np.flatnonzero(table[codes])
