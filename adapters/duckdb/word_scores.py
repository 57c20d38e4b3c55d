"""BM25 over the index's rows, by record, window and session."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from session_mgmt_mcp.adapters.duckdb.best import Found, contenders
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Floats, Ints
from session_mgmt_mcp.adapters.duckdb.lexical import Postings, Tfs, weight
from session_mgmt_mcp.adapters.duckdb.rows import Rows
from session_mgmt_mcp.adapters.duckdb.units import Sessions, Units

FEW = 24
"""A word that fewer than one row in so many has is looked up row by row; of any other all rows are gone through."""

Among: TypeAlias = Ints | slice
EVERY = slice(None)


@dataclass(frozen=True, slots=True)
class WordScores:
    """What the words of a question say of every row, by itself, by its window, by its session."""

    record: Floats
    window: Floats
    session: Floats

    def best_records(self, wanted: Bools, k: int) -> Found:
        return self._best(self.record, wanted, self.record, k)

    def best_windows(self, wanted: Bools, k: int) -> Found:
        return self._best(self.window, wanted, self.window, k)

    def best_sessions(self, wanted: Bools, k: int) -> Found:
        """Rows that share a word themselves, of the best sessions."""
        return self._best(self.session, wanted & (self.record > 0), self.record, k)

    def _best(self, scores: Floats, among: Bools, then: Floats, k: int) -> Found:
        rows = contenders(scores * among, 0.0, k)
        return Found(rows, scores[rows], then[rows])


def word_scores(rows: Rows, units: Units, postings: Postings, terms: Sequence[int]) -> WordScores:
    record, window = np.zeros((2, len(rows)), np.float32)
    session = np.zeros(rows.units, np.float32)
    alive = rows["alive"] if rows.any_dead else None
    of_records, of_windows, of_sessions = units.records(rows), units.windows(rows), units.sessions(rows)
    documents = rows.documents
    of_row = np.zeros(len(rows) + 1, np.uint8)  # how often each has the term, and at the end a 0 for nobody
    room = np.empty(len(rows), np.float32)  # new memory for each term would cost as much as the sums
    for term in terms:
        having, tf = postings.of(term, alive)
        of_row[having] = tf
        few = len(having) * FEW < len(rows)
        among: Among = having if few else EVERY
        out = None if few else room
        record[among] += weight(of_row[:-1][among], of_records[among], documents, len(having), out)
        among = of_windows.around(having) if few else EVERY
        tf = of_windows.frequencies(of_row, among)
        number = int(np.count_nonzero(tf))
        window[among] += weight(tf, of_windows.saturation[among], documents, number, out)
        _add_sessions(session, of_sessions, of_row, having if few else EVERY)
        of_row.fill(0)
    return WordScores(record, window, session[rows["unit"]])


def _add_sessions(scores: Floats, sessions: Sessions, of_row: Tfs, having: Among) -> None:
    tf = sessions.frequencies(of_row, having)
    among = np.flatnonzero(tf)
    scores[among] += weight(tf[among], sessions.saturation[among], sessions.number, len(among))
