"""What the words of a question say of records, windows and sessions: Lance fetches candidates, the scores are ours."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from lancedb.query import MatchQuery
from session_mgmt_mcp.adapters.lancedb import filters
from session_mgmt_mcp.adapters.lancedb.bm25 import Ints, bm25, occurrences
from session_mgmt_mcp.adapters.lancedb.corpus import Corpus, Figures
from session_mgmt_mcp.adapters.lancedb.layout import NOBODY, PLACED, Layout, joined, numbers
from session_mgmt_mcp.ports.vector_store import Filter, Scores, Unit

CANDIDATES = 2_000
"""Records fetched for one question. Where no more share a word with it all scores are exact; where more do, they are
those that Lance holds for the best, and in how many windows and sessions a word stands is estimated from them."""
SESSIONS = 400
"""Where there are more candidates, so many sessions are looked at whole: those of the best of them."""
IN_SESSIONS = 10_000  # candidates of these sessions
SHARED = ("project", "session")
"""What the records of a session have in common: neighbours are sought where a filter on these holds."""
COLUMNS = (*PLACED, "words")


@dataclass(frozen=True, slots=True)
class Candidates:
    """Worded rows that share a word with a question, with their words; maybe some more rows besides."""

    table: Any
    all: bool  # nothing else in the whole store shares one
    figures: Figures


@dataclass(frozen=True, slots=True)
class WordScores:
    """By row, in ascending order of ids: all that any word says something of."""

    rows: Ints
    of: dict[Unit, Scores]
    touched: Ints  # places whose window has a word

    @classmethod
    def none(cls) -> "WordScores":
        nothing = np.empty(0, np.int64)
        return cls(nothing, {unit: np.empty(0) for unit in Unit}, nothing)

    def contenders(self, unit: Unit) -> Ints:
        """Places that may be hits."""
        scores = self.of[unit] if unit is not Unit.SESSION else self.of[Unit.RECORD]
        return self.touched[scores[self.touched] > 0]

    def at(self, rows: Ints, unit: Unit) -> Scores:
        """Of any rows: 0 where no word says anything."""
        if not len(self.rows):
            return np.zeros(len(rows))
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[at] == rows, self.of[unit][at], 0.0)


async def candidates(table: Any, corpus: Corpus, terms: Sequence[str], where: Filter) -> Candidates:
    figures = await corpus.figures(table)
    few = True
    if not figures.exact:
        few = int((await corpus.having(table, figures, terms)).sum()) <= CANDIDATES
    if few:
        found = await matching(table, terms, None, CANDIDATES + 1)
        if len(found) <= CANDIDATES:
            return Candidates(found, True, figures)
    shared = [one for one in where if one.field in SHARED]
    scopes = [shared] if len(shared) == len(where) else [shared, where]
    wanted = await asyncio.gather(*(filters.predicate(table, scope) for scope in scopes))
    tables = await asyncio.gather(*(matching(table, terms, one, CANDIDATES) for one in wanted))
    return Candidates(joined(list(tables)), False, figures)


async def matching(table: Any, terms: Sequence[str], wanted: str | None, limit: int) -> Any:
    """The rows that Lance scores best."""
    query = table.query().nearest_to_text(MatchQuery(" ".join(terms), "words"))
    query = query.where(wanted) if wanted else query
    found = await query.select([*COLUMNS, "_score"]).with_row_id().limit(limit).to_arrow()
    return found.drop_columns("_score")


async def scored(table: Any, corpus: Corpus, terms: list[str], among: Candidates, more: Any = None) -> WordScores:
    """`more`: other rows to score, as `table` of Candidates."""
    found = among.table if more is None else joined([among.table, more])
    figures, records = among.figures, among.figures.all.records
    tf = occurrences(found["words"], terms)
    if among.all:
        having = np.count_nonzero(tf, axis=0)
        sessions = found["session"].unique().to_pylist()
    else:
        having = await corpus.having(table, figures, terms)
        best = np.argsort(-bm25(tf, numbers(found, "length"), records, having))[:SESSIONS]
        sessions = found["session"].take(best).unique().to_pylist()
        sessions += more["session"].unique().to_pylist() if more is not None else []
    whole = filters.among("session", [one for one in sessions if one])
    asked = (
        [_members(table, whole)] if among.all else [_members(table, whole), matching(table, terms, whole, IN_SESSIONS)]
    )
    members, *extra = await asyncio.gather(*asked)
    if extra:
        found = joined([found, *extra])
        tf = occurrences(found["words"], terms)
    layout = Layout.of(joined([members, found.select([*PLACED, "_rowid"])]))
    places = layout.places(numbers(found, "_rowid"))
    return _together(layout, places, tf, having, among)


async def _members(table: Any, whole: str) -> Any:
    """The records of whole sessions."""
    return await table.query().where(f"worded and {whole}").select([*PLACED]).with_row_id().to_arrow()


def _together(layout: Layout, places: Ints, tf: Scores, having: Ints, among: Candidates) -> WordScores:
    all_, number = among.figures.all, len(layout.rows)
    of_place = np.full(number + 1, NOBODY, np.int64)  # the row of `tf`; NOBODY at NOBODY's place, too
    of_place[places] = np.arange(len(places))
    tf = np.vstack((tf, np.zeros((1, tf.shape[1]))))  # and of nobody at the end
    words = places[(tf[:-1] > 0).any(axis=1)]
    touched = layout.around(words)
    windows = tf[of_place[touched]] + tf[of_place[layout.before[touched]]] + tf[of_place[layout.after[touched]]]
    units, unit_of = np.unique(layout.unit[words], return_inverse=True)
    sessions = np.zeros((len(units), tf.shape[1]))
    np.add.at(sessions, unit_of, tf[of_place[words]])
    in_windows, in_sessions = np.count_nonzero(windows, axis=0), np.count_nonzero(sessions, axis=0)
    if not among.all:
        in_records = np.maximum(1, np.count_nonzero(tf, axis=0))
        in_windows = np.rint(having * in_windows / in_records).astype(np.int64)
        in_sessions = np.rint(having * in_sessions / in_records).astype(np.int64)
    record, window, session = np.zeros((3, number))
    record[words] = bm25(tf[of_place[words]], layout.lengths[words], all_.records, having)
    window[touched] = bm25(windows, layout.window_lengths()[touched], all_.windows, in_windows)
    of_unit = np.zeros(int(layout.unit.max(initial=-1)) + 1)
    of_unit[units] = bm25(sessions, layout.session_lengths()[units], all_.sessions, in_sessions)
    session = of_unit[layout.unit]
    return WordScores(layout.rows, {Unit.RECORD: record, Unit.WINDOW: window, Unit.SESSION: session}, touched)
