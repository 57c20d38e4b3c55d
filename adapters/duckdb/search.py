"""BM25 over the index's rows, by record, window or session; and the best of many scored rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Column, Floats
from session_mgmt_mcp.adapters.duckdb.lexical import Postings, Tfs, saturation, weight
from session_mgmt_mcp.adapters.duckdb.rows import Rows

RELINK_ALL = 32
"""Changed sessions from which on linking everything anew is cheaper."""
FEW = 24
"""A word that fewer than one row in so many has is looked up row by row; of any other all rows are gone through."""

Among: TypeAlias = NDArray[np.int64] | slice
EVERY = slice(None)


class Neighbours:
    """The row next to each on one side (-1: nobody). Most are one row further on, which whole columns can be shifted by."""

    def __init__(self, rows: NDArray[np.int32], step: int) -> None:
        self.rows = rows
        self._step = step
        somebody = rows >= 0
        adjacent = somebody & (rows == np.arange(step, len(rows) + step))
        self._adjacent = adjacent.astype(np.uint8)
        self._jumps = np.flatnonzero(somebody & ~adjacent)

    def add_to(self, tf: Tfs, of_row: Tfs, among: Among) -> None:
        """Each row's neighbour's frequency; `of_row` has a 0 for nobody at the end."""
        if not isinstance(among, slice):
            tf += of_row[self.rows[among]]
            return
        here, there = (slice(1, None), slice(-2)) if self._step < 0 else (slice(-1), slice(1, -1))
        tf[here] += of_row[there] * self._adjacent[here]
        tf[self._jumps] += of_row[self.rows[self._jumps]]


@dataclass(frozen=True, slots=True)
class Windows:
    before: Neighbours
    after: Neighbours
    saturation: Floats


class Units:
    """What BM25 needs to know of windows and sessions; brought up to date when a search asks for it."""

    def __init__(self) -> None:
        self._before = Column(np.int32)
        self._after = Column(np.int32)
        self._changed: set[int] = set()
        self._average: float | None = None
        self._windows: Windows | None = None
        self._sessions: tuple[Floats, int] | None = None

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

    def sessions(self, rows: Rows) -> tuple[Floats, int]:
        """The saturation of each session, and how many there are."""
        if self._sessions is None:
            alive = rows["alive"] & rows["worded"]
            unit = rows["unit"][alive]
            length = np.bincount(unit, weights=rows["length"][alive], minlength=rows.units)
            number = int(np.count_nonzero(np.bincount(unit, minlength=rows.units)))
            self._sessions = saturation(length.astype(np.float32), float(length.sum()) / max(1, number)), number
        return self._sessions

    def _link(self, rows: Rows) -> None:
        nobody = np.full(len(rows) - len(self._before), -1, np.int32)
        self._before.extend(nobody)
        self._after.extend(nobody)
        if len(self._changed) > RELINK_ALL:
            self._link_rows(rows, np.flatnonzero(rows["session"] > 0))
        else:
            for session in self._changed - {0}:
                self._link_rows(rows, np.flatnonzero(rows["session"] == session))
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


@dataclass(frozen=True, slots=True)
class Term:
    """One word of the question: the rows that have it, and how often each row has it."""

    rows: NDArray[np.int64]
    tf: Tfs
    of_row: Tfs  # of every row, and at the end a 0 for nobody
    scratch: Floats  # a number a row: new memory for each term would cost as much as the sums

    def rare(self, among: int) -> bool:
        return len(self.rows) * FEW < among

    def room(self, among: Among) -> Floats | None:
        return self.scratch if isinstance(among, slice) else None


class ByRecord:
    """Scores of single records."""

    def __init__(self, rows: Rows, units: Units) -> None:
        self.scores = np.zeros(len(rows), np.float32)
        self._documents = rows.documents
        self._saturation = units.records(rows)

    def add(self, term: Term) -> None:
        among = term.rows if term.rare(len(self.scores)) else EVERY
        tf, having = term.of_row[:-1][among], len(term.rows)
        self.scores[among] += weight(tf, self._saturation[among], self._documents, having, term.room(among))


class ByWindow:
    """Scores of records and one neighbour each side."""

    def __init__(self, rows: Rows, units: Units) -> None:
        self.scores = np.zeros(len(rows), np.float32)
        self._documents = rows.documents
        self._windows = units.windows(rows)

    def add(self, term: Term) -> None:
        before, after = self._windows.before, self._windows.after
        among: Among = EVERY
        if term.rare(len(self.scores)):
            touched = np.unique(np.concatenate((term.rows, before.rows[term.rows], after.rows[term.rows])))
            among = touched[touched >= 0]
        tf = term.of_row[:-1][among].copy()
        before.add_to(tf, term.of_row, among)
        after.add_to(tf, term.of_row, among)
        having = int(np.count_nonzero(tf))
        self.scores[among] += weight(tf, self._windows.saturation[among], self._documents, having, term.room(among))


class BySession:
    """Scores of whole sessions."""

    def __init__(self, rows: Rows, units: Units) -> None:
        self._unit = rows["unit"]
        self._scores = np.zeros(rows.units, np.float32)
        self._saturation, self._documents = units.sessions(rows)

    def add(self, term: Term) -> None:
        unit = self._unit[term.rows]
        tf = np.zeros_like(self._scores)
        np.add.at(tf, unit, term.tf.astype(np.float32))
        among: Among = np.unique(unit) if term.rare(len(self._scores)) else EVERY
        tf = tf[among]
        self._scores[among] += weight(tf, self._saturation[among], self._documents, int(np.count_nonzero(tf)))

    def of(self, rows: NDArray[np.int64]) -> Floats:
        each: Floats = self._scores[self._unit[rows]]
        return each

    def all(self) -> Floats:
        each: Floats = self._scores[self._unit]
        return each


def score(rows: Rows, postings: Postings, terms: Sequence[int], *units: ByRecord | ByWindow | BySession) -> None:
    """Adds every term to the scores of all `units`."""
    of_row = np.zeros(len(rows) + 1, np.uint8)
    scratch = np.empty(len(rows), np.float32)
    for hashed in terms:
        found, tf = postings.of(hashed, rows["alive"] if rows.any_dead else None)
        of_row[found] = tf
        for unit in units:
            unit.add(Term(found, tf, of_row, scratch))
        of_row[found] = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Rows with their scores; `then` orders those of the same score."""

    rows: NDArray[np.int64]
    scores: Floats
    then: Floats

    def best(
        self, k: int, times: NDArray[np.int64], names: Callable[[NDArray[np.int64]], list[str]]
    ) -> NDArray[np.int64]:
        """Which k come first: the highest score, then `then`, then the newest, then by id."""
        among = np.arange(len(self.rows))
        if len(among) > k:
            lowest = np.partition(self.scores, len(among) - k)[len(among) - k]
            among = np.flatnonzero(self.scores >= lowest)
        newest = -times[self.rows[among]].astype(np.float64)
        keys = np.stack((newest, -self.then[among].astype(np.float64), -self.scores[among].astype(np.float64)))
        order = np.lexsort(keys)
        among, keys = among[order], keys[::-1, order]
        tied = np.append((keys[:, 1:] == keys[:, :-1]).all(axis=0), False)[:k]
        if tied.any():
            ids = names(self.rows[among])
            among = among[sorted(range(len(among)), key=lambda at: (*keys[:, at].tolist(), ids[at]))]
        return among[:k]


def contenders(scores: Floats, eligible: Bools, k: int) -> NDArray[np.int64]:
    """Where the eligible scores are that are no lower than the k-th best of them."""
    number = int(np.count_nonzero(eligible))
    if number <= k or number * 4 < len(scores):
        among = np.flatnonzero(eligible)
        few = scores[among]
        return among if number <= k else among[few >= np.partition(few, number - k)[number - k]]
    masked = np.where(eligible, scores, -np.inf)
    return np.flatnonzero(masked >= np.partition(masked, len(masked) - k)[len(masked) - k])


def best_words(scores: Floats, own: Floats, wanted: Bools, k: int) -> Found:
    """Of the wanted rows that share a word themselves by `own`, those with the best `scores`."""
    rows = contenders(scores, wanted & (own > 0), k)
    return Found(rows, scores[rows], own[rows])
