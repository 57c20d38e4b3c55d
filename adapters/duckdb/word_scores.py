"""BM25 over the index's rows, by record, window and session; in full only where a row can still be among the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from session_mgmt_mcp.adapters.duckdb.best import Found, contenders, lowest
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Floats, Ints
from session_mgmt_mcp.adapters.duckdb.lexical import MOST_WEIGHT, Postings, Tfs, idf, weight
from session_mgmt_mcp.adapters.duckdb.rows import Rows
from session_mgmt_mcp.adapters.duckdb.units import FEW, Sessions, Units, Windows
from session_mgmt_mcp.ports.vector_store import Unit

ROUNDING = 1.0001

Among: TypeAlias = Ints | slice
EVERY = slice(None)


@dataclass(frozen=True)
class Term:
    """A word of the question: the rows that have it, and how often each row and each window does."""

    having: Ints
    tf: Tfs  # of the rows that have it
    of_row: Tfs
    windows: Windows

    @cached_property
    def of_window(self) -> Tfs:
        return self.windows.frequencies(self.of_row, self.having)

    @cached_property
    def in_windows(self) -> int:
        return int(np.count_nonzero(self.of_window))


class _Records:
    """Rows by themselves."""

    def __init__(self, rows: Rows, units: Units) -> None:
        self._rows, self._units = rows, units
        self.documents = rows.documents

    def having(self, term: Term) -> int:
        return len(term.having)

    def rows(self, term: Term) -> Ints:
        return term.having

    def frequencies(self, term: Term) -> Tfs:
        return term.of_row

    def saturation(self, among: Among) -> Floats:
        return self._units.records(self._rows, among)


class _Windows:
    """Rows with their neighbours."""

    def __init__(self, rows: Rows, windows: Windows) -> None:
        self._windows = windows
        self.documents = rows.documents

    def having(self, term: Term) -> int:
        return term.in_windows

    def rows(self, term: Term) -> Ints:
        return np.flatnonzero(term.of_window != 0)  # of numbers, as they are, it would take four times as long

    def frequencies(self, term: Term) -> Tfs:
        return term.of_window

    def saturation(self, among: Among) -> Floats:
        saturation: Floats = self._windows.saturation[among]
        return saturation


class WordScores:
    """What the words of a question say of the rows of an index."""

    def __init__(self, rows: Rows, units: Units, postings: Postings, terms: Sequence[int]) -> None:
        self._rows = rows
        self._sessions = units.sessions(rows)
        windows = units.windows(rows)
        alive = rows["alive"] if rows.any_dead else None
        found = (_term(len(rows), windows, *postings.of(term, alive)) for term in terms)
        self._terms = [term for term in found if len(term.having)]
        self._records, self._windows = _Records(rows, units), _Windows(rows, windows)

    def best_records(self, wanted: Bools, k: int) -> Found:
        rows, scores = self._best(self._records, wanted, k)
        return Found(rows, scores, scores)

    def best_windows(self, wanted: Bools, k: int) -> Found:
        rows, scores = self._best(self._windows, wanted, k)
        return Found(rows, scores, self._scores(self._records, rows))

    def best_sessions(self, wanted: Bools, k: int) -> Found:
        """Rows that share a word themselves, of the best sessions."""
        unit, by_unit = self._rows["unit"], self._by_session
        scored = np.flatnonzero(by_unit)
        units = k
        while True:
            good = (by_unit > 0) & (by_unit >= lowest(by_unit[scored], units))
            rows = np.flatnonzero(self._sessions.rows(good) & wanted)
            sharing = np.zeros(len(rows), np.bool_)
            for term in self._terms:
                sharing |= term.of_row.take(rows) > 0
            rows = rows[sharing]
            if len(rows) >= k or units >= len(scored):
                break
            units *= 4
        scores = by_unit[unit[rows]]
        best = contenders(scores, 0.0, k)
        return Found(rows[best], scores[best], self._scores(self._records, rows[best]))

    def of(self, rows: Ints) -> dict[Unit, Floats]:
        """Of these rows, whatever they are among."""
        return {
            Unit.RECORD: self._scores(self._records, rows),
            Unit.WINDOW: self._scores(self._windows, rows),
            Unit.SESSION: self._by_session[self._rows["unit"][rows]],
        }

    @cached_property
    def _by_session(self) -> Floats:
        return _session_scores(self._sessions, self._terms)

    def _scores(self, of: _Records | _Windows, rows: Ints) -> Floats:
        return _added(of, self._terms, rows, np.zeros(len(rows), np.float32))

    def _best(self, of: _Records | _Windows, wanted: Bools, k: int) -> tuple[Ints, Floats]:
        """The rows that are no worse than the k-th best, the rarest words first.

        As soon as k rows have more than all words to come could give, no row without one of the words so far can be
        among them: the rest is added up for those few that can (Turtle and Flood's MaxScore). The k-th best of all is
        no worse than the k-th best of those with one word.
        """
        terms = sorted(self._terms, key=of.having)
        most = [idf(of.documents, of.having(term)) * MOST_WEIGHT for term in terms]
        scores = np.zeros(len(self._rows), np.float32)
        saturation: Floats | None = None
        room: Floats | None = None
        least = 0.0
        for number, term in enumerate(terms):
            to_come = sum(most[number:])
            if least > to_come * ROUNDING:
                rows = np.flatnonzero((scores >= least / ROUNDING - to_come) & wanted)
                return _cut(rows, _added(of, terms[number:], rows, scores.take(rows)), k)
            if of.having(term) * FEW < len(scores):
                among = of.rows(term)
                sums = scores.take(among)
                sums += weight(of.frequencies(term).take(among), of.saturation(among), of.documents, of.having(term))
                scores[among] = sums
                sums = sums[wanted.take(among)]
            else:
                saturation = of.saturation(EVERY) if saturation is None else saturation
                room = np.empty_like(scores) if room is None else room  # new memory for each costs as much as the sums
                scores += weight(of.frequencies(term), saturation, of.documents, of.having(term), room)
                sums = scores[(scores > 0) & wanted]  # thousands that are equal take long to cut
            if len(sums) >= k and to_come - most[number] < sum(most[: number + 1]):
                least = max(least, lowest(sums, k))
        rows = np.flatnonzero((scores > 0) & wanted)
        return _cut(rows, scores[rows], k)


def _added(of: _Records | _Windows, terms: Sequence[Term], rows: Ints, scores: Floats) -> Floats:
    """To these rows' scores what `terms` give."""
    saturation = of.saturation(rows) if terms else scores
    for term in terms:
        scores += weight(of.frequencies(term).take(rows), saturation, of.documents, of.having(term))
    return scores


def _cut(rows: Ints, scores: Floats, k: int) -> tuple[Ints, Floats]:
    best = contenders(scores, 0.0, k)
    return rows[best], scores[best]


def _term(rows: int, windows: Windows, having: Ints, tf: Tfs) -> Term:
    of_row = np.zeros(rows, np.uint8)
    of_row[having] = tf
    return Term(having, tf, of_row, windows)


def _session_scores(sessions: Sessions, terms: Sequence[Term]) -> Floats:
    scores = np.zeros(len(sessions.saturation), np.float32)
    for term in terms:
        tf = sessions.frequencies(term.of_row, term.having, term.tf)
        among = np.flatnonzero(tf)
        scores[among] += weight(tf[among], sessions.saturation[among], sessions.number, len(among))
    return scores
