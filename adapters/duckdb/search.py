"""BM25 over the index's rows, by record, window or session; and the best of many scored rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Column, Floats
from session_mgmt_mcp.adapters.duckdb.lexical import Postings, idf, weight
from session_mgmt_mcp.adapters.duckdb.rows import Rows

RELINK_ALL = 32
"""Changed sessions from which on linking everything anew is cheaper."""


class Units:
    """What BM25 needs to know of windows and sessions; brought up to date when a search asks for it."""

    def __init__(self) -> None:
        self._before = Column(np.int32)
        self._after = Column(np.int32)
        self._changed: set[int] = set()
        self._stale_windows = self._stale_sessions = True
        self._length = np.zeros(1, np.float32)
        self._window_average = 0.0
        self._session_length = np.zeros(0, np.float32)
        self._sessions = 0

    def touch(self, sessions: NDArray[np.int32]) -> None:
        """These sessions gained or lost rows."""
        self._changed.update(np.unique(sessions).tolist())
        self._stale_windows = self._stale_sessions = True

    def windows(self, rows: Rows) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats, float]:
        """The row before and after each (-1: none), lengths with a 0 for nobody at the end, the average window."""
        if self._stale_windows:
            self._link(rows)
            length = rows["length"] * rows["alive"]
            self._length = np.append(length, 0).astype(np.float32)
            shares = 1 + (self._before.all >= 0).astype(np.int64) + (self._after.all >= 0)
            self._window_average = float(np.dot(length.astype(np.int64), shares)) / max(1, rows.documents)
            self._stale_windows = False
        return self._before.all, self._after.all, self._length, self._window_average

    def sessions(self, rows: Rows) -> tuple[Floats, int]:
        """The length of each session, and how many there are."""
        if self._stale_sessions:
            alive = rows["alive"] & rows["worded"]
            unit = rows["unit"][alive]
            length = np.bincount(unit, weights=rows["length"][alive], minlength=rows.units)
            self._session_length = length.astype(np.float32)
            self._sessions = int(np.count_nonzero(np.bincount(unit, minlength=rows.units)))
            self._stale_sessions = False
        return self._session_length, self._sessions

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


def by_record(rows: Rows, postings: Postings, terms: Sequence[int]) -> Floats:
    """A score for each row; 0 where no term stands."""
    scores = np.zeros(len(rows), np.float32)
    length, alive = rows["length"], rows["alive"]
    total = np.dot(length.astype(np.int64), alive) if rows.any_dead else length.sum(dtype=np.int64)
    documents = rows.documents
    average = float(total) / max(1, documents)
    for term in terms:
        found, tf = postings.of(term, alive if rows.any_dead else None)
        scores[found] += weight(tf, length[found].astype(np.float32), average) * idf(documents, len(found))
    return scores


def by_window(rows: Rows, postings: Postings, terms: Sequence[int], units: Units) -> Floats:
    """A score for each row from the words of its window."""
    before, after, length, average = units.windows(rows)
    scores = np.zeros(len(rows), np.float32)
    documents = rows.documents
    for term in terms:
        found, tf = postings.of(term, rows["alive"] if rows.any_dead else None)
        together = np.zeros(len(rows) + 1, np.float32)
        together[found] = tf
        together[after[found]] += tf
        together[before[found]] += tf
        touched = np.flatnonzero(together[:-1] > 0)
        long = length[touched] + length[before[touched]] + length[after[touched]]
        scores[touched] += weight(together[touched], long, average) * idf(documents, len(touched))
    return scores


def by_session(rows: Rows, postings: Postings, terms: Sequence[int], units: Units) -> Floats:
    """A score for each row from the words of its session."""
    length, sessions = units.sessions(rows)
    average = float(length.sum(dtype=np.float64)) / max(1, sessions)
    scores = np.zeros(rows.units, np.float32)
    for term in terms:
        found, tf = postings.of(term, rows["alive"] if rows.any_dead else None)
        together = np.bincount(rows["unit"][found], weights=tf, minlength=rows.units).astype(np.float32)
        touched = np.flatnonzero(together > 0)
        scores[touched] += weight(together[touched], length[touched], average) * idf(sessions, len(touched))
    each: Floats = scores[rows["unit"]]
    return each


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


def wanted_of(scores: Floats, wanted: Bools) -> NDArray[np.int64]:
    return np.flatnonzero((scores > 0) & wanted)
