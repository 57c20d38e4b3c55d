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
from session_mgmt_mcp.adapters.duckdb.units import Sessions, Units, Windows
from session_mgmt_mcp.ports.vector_store import Unit

FEW = 24
"""A word that fewer than one row in so many has is looked up row by row; of any other all rows are gone through."""
ROUNDING = 1.0001

Among: TypeAlias = Ints | slice
EVERY = slice(None)


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the question: the rows that have it, and how often each row and each window does."""

    having: Ints
    few: bool
    of_row: Tfs  # of every row, and at the end a 0 for nobody
    of_window: Tfs | None  # of every window; None where few have it
    windows: Ints  # that have it, where few do
    in_windows: int


class _Records:
    """Rows by themselves."""

    def __init__(self, rows: Rows, units: Units) -> None:
        self._rows, self._units = rows, units
        self.documents = rows.documents

    def having(self, term: Term) -> int:
        return len(term.having)

    def few(self, term: Term) -> Ints:
        return term.having

    def frequencies(self, term: Term, among: Among) -> Tfs:
        tf: Tfs = term.of_row[:-1][among]
        return tf

    def saturation(self, among: Among) -> Floats:
        return self._units.records(self._rows, among)


class _Windows:
    """Rows with their neighbours."""

    def __init__(self, rows: Rows, windows: Windows) -> None:
        self._windows = windows
        self.documents = rows.documents

    def having(self, term: Term) -> int:
        return term.in_windows

    def few(self, term: Term) -> Ints:
        return term.windows

    def frequencies(self, term: Term, among: Among) -> Tfs:
        if term.of_window is None:
            return self._windows.frequencies(term.of_row, among)
        tf: Tfs = term.of_window[among]
        return tf

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
            sharing = np.zeros(len(self._rows), np.bool_)
            for term in self._terms:
                sharing[term.having[good[unit[term.having]]]] = True
            rows = np.flatnonzero(sharing & wanted)
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
        return _session_scores(self._sessions, self._terms, len(self._rows))

    def _scores(self, of: _Records | _Windows, rows: Ints) -> Floats:
        scores, saturation = np.zeros(len(rows), np.float32), of.saturation(rows)
        for term in self._terms:
            scores += weight(of.frequencies(term, rows), saturation, of.documents, of.having(term))
        return scores

    def _best(self, of: _Records | _Windows, wanted: Bools, k: int) -> tuple[Ints, Floats]:
        """The rows that are no worse than the k-th best, the rarest words first.

        As soon as k rows have more than all words to come could give, no row without one of the words so far can be
        among them: the rest is added up for those few that can (Turtle and Flood's MaxScore).
        """
        terms = sorted(self._terms, key=of.having)
        most = [idf(of.documents, of.having(term)) * MOST_WEIGHT for term in terms]
        scores = np.zeros(len(self._rows), np.float32)
        saturation: Floats | None = None
        room: Floats | None = None
        for number, term in enumerate(terms):
            to_come = sum(most[number:]) * ROUNDING
            if to_come < sum(most[:number]):
                rows = _above(scores, wanted, 0.0)
                least = lowest(scores[rows], k)
                if len(rows) >= k and least > to_come:
                    rows = rows[scores[rows] + to_come >= least]
                    return self._finished(of, terms[number:], rows, scores[rows], k)
            if term.few:
                among = of.few(term)
                scores[among] += weight(
                    of.frequencies(term, among), of.saturation(among), of.documents, of.having(term)
                )
            else:
                saturation = of.saturation(EVERY) if saturation is None else saturation
                room = np.empty_like(scores) if room is None else room  # new memory for each costs as much as the sums
                scores += weight(of.frequencies(term, EVERY), saturation, of.documents, of.having(term), room)
        rows = _above(scores, wanted, 0.0)
        return self._finished(of, [], rows, scores[rows], k)

    def _finished(
        self, of: _Records | _Windows, terms: Sequence[Term], rows: Ints, scores: Floats, k: int
    ) -> tuple[Ints, Floats]:
        saturation = of.saturation(rows) if terms else scores
        for term in terms:
            scores += weight(of.frequencies(term, rows), saturation, of.documents, of.having(term))
        best = contenders(scores, 0.0, k)
        return rows[best], scores[best]


def _above(scores: Floats, wanted: Bools, least: float) -> Ints:
    above = scores > least
    above &= wanted
    rows: Ints = np.flatnonzero(above)
    return rows


def _term(rows: int, windows: Windows, having: Ints, tf: Tfs) -> Term:
    few = len(having) * FEW < rows
    of_row = np.zeros(rows + 1, np.uint8)
    of_row[having] = tf
    if few:
        touched = windows.around(having)
        return Term(having, few, of_row, None, touched, len(touched))
    of_window = windows.frequencies(of_row, EVERY)
    return Term(having, few, of_row, of_window, having, int(np.count_nonzero(of_window)))


def _session_scores(sessions: Sessions, terms: Sequence[Term], rows: int) -> Floats:
    scores = np.zeros(len(sessions.saturation), np.float32)
    for term in terms:
        tf = sessions.frequencies(term.of_row, term.having if len(term.having) * 2 < rows else EVERY)
        among = np.flatnonzero(tf)
        scores[among] += weight(tf[among], sessions.saturation[among], sessions.number, len(among))
    return scores
