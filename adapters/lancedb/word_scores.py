"""What the words of a question say of records, windows and sessions: Lance fetches candidates, the scores are ours."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from lancedb.query import MatchQuery
from session_mgmt_mcp.adapters.lancedb import filters
from session_mgmt_mcp.adapters.lancedb.bm25 import Ints, bm25, occurrences
from session_mgmt_mcp.adapters.lancedb.corpus import Corpus, Figures
from session_mgmt_mcp.adapters.lancedb.layout import NOBODY, PLACED, Collections, Layout, joined, numbers
from session_mgmt_mcp.ports.vector_store import Filter, Scores, Unit

CANDIDATES = 2_000
"""Records fetched for one question. Where no more share a word with it all scores are exact; where more do, they are
those that Lance holds for the best."""
SESSIONS = 200
"""Where there are more candidates, so many sessions are looked at whole: those of the best of them. Of any other record
window and session are scored as if its neighbours were of mean length and had none of the words."""
IN_SESSIONS = 5_000  # candidates of these sessions
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
        few = int((await corpus.records(table, figures, terms)).sum()) <= CANDIDATES
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
    if among.all:
        whole = filters.among("session", _named(found))
        layout = Layout.of(joined([await _members(table, whole), found.select([*PLACED, "_rowid"])]))
        return _together(layout, found, terms, among.figures.all, None, np.empty(0, np.int64))
    having = await corpus.having(table, among.figures, terms)
    scores = bm25(occurrences(found["words"], terms), numbers(found, "length"), among.figures.all.records, having[0])
    named = _named(found.take(np.argsort(-scores)[:SESSIONS]))
    named += _named(more) if more is not None else []
    whole = filters.among("session", named)
    members, others = await asyncio.gather(_members(table, whole), matching(table, terms, whole, IN_SESSIONS))
    found = joined([found, others])
    inside = pc.is_in(found["session"], pa.array(["", *named]))
    outside = found.filter(pc.invert(inside)).select([*PLACED, "_rowid"])
    apart = outside.set_column(0, PLACED[0], pa.array([""] * len(outside), pa.string()))
    layout = Layout.of(joined([members, found.filter(inside).select([*PLACED, "_rowid"]), apart]))
    return _together(layout, found, terms, among.figures.all, having, layout.places(numbers(outside, "_rowid")))


def _named(found: Any) -> list[str]:
    return [session for session in found["session"].unique().to_pylist() if session]


async def _members(table: Any, whole: str) -> Any:
    """The records of whole sessions."""
    return await table.query().where(f"worded and {whole}").select([*PLACED]).with_row_id().to_arrow()


def _together(
    layout: Layout, found: Any, terms: list[str], all_: Collections, having: Ints | None, apart: Ints
) -> WordScores:
    """`having`: [3, terms], None where the layout shows all that has any; `apart`: places whose neighbours are unknown."""
    tf, places, number = occurrences(found["words"], terms), layout.places(numbers(found, "_rowid")), len(layout.rows)
    tf = np.vstack((tf, np.zeros((1, tf.shape[1]))))  # of nobody, at the end
    of_place = np.full(number + 1, NOBODY, np.int64)
    of_place[places] = np.arange(len(places))
    words = places[(tf[:-1] > 0).any(axis=1)]
    touched = layout.around(words)
    records = tf[of_place[words]]
    windows = tf[of_place[touched]] + tf[of_place[layout.before[touched]]] + tf[of_place[layout.after[touched]]]
    units, unit_of = np.unique(layout.unit[words], return_inverse=True)
    sessions = np.zeros((len(units), tf.shape[1]))
    np.add.at(sessions, unit_of, records)
    if having is None:
        having = np.array([np.count_nonzero(one, axis=0) for one in (records, windows, sessions)])
    of_windows, of_sessions = layout.window_lengths().astype(np.float64), layout.session_lengths()
    of_windows[apart] += 2 * all_.records.average
    of_sessions[layout.unit[apart]] = np.maximum(of_sessions[layout.unit[apart]], all_.sessions.average)
    record, window = np.zeros((2, number))
    record[words] = bm25(records, layout.lengths[words], all_.records, having[0])
    window[touched] = bm25(windows, of_windows[touched], all_.windows, having[1])
    of_unit = np.zeros(int(layout.unit.max(initial=-1)) + 1)
    of_unit[units] = bm25(sessions, of_sessions[units], all_.sessions, having[2])
    scores = {Unit.RECORD: record, Unit.WINDOW: window, Unit.SESSION: of_unit[layout.unit]}
    return WordScores(layout.rows, scores, touched)
