"""Finding by meaning and by word in a LanceDB table."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from session_mgmt_mcp.adapters.lancedb import filters, vocabulary
from session_mgmt_mcp.adapters.lancedb.bm25 import Ints
from session_mgmt_mcp.adapters.lancedb.corpus import Corpus
from session_mgmt_mcp.adapters.lancedb.layout import joined, numbers
from session_mgmt_mcp.adapters.lancedb.schema import DIMENSIONS, HIT
from session_mgmt_mcp.adapters.lancedb.word_scores import COLUMNS, Candidates, WordScores, candidates, scored
from session_mgmt_mcp.adapters.lancedb.words import asked
from session_mgmt_mcp.ports.embedder import Vector
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import (
    Completion,
    Condition,
    Filter,
    Hit,
    Matches,
    Meaning,
    Names,
    Read,
    Record,
    Scores,
    T,
    Unit,
)

TIED = 40  # rows asked for beyond k, in case the last ones are as good as each other
PROBED = 20  # parts of a vector index; more of them while fewer than k are found
REFINED = 2  # candidates of a vector index that are compared exactly, for each that is wanted
SPARE = 2  # times k contenders that the filter is tried on before trying all of them

Get = Callable[[Sequence[str]], Awaitable[list[Record]]]
Opened = Callable[[], Awaitable[Any]]


class Finding:
    """The searches of VectorStore. `opened` gives the table as it stands now, `get` reads records."""

    def __init__(self, opened: Opened, get: Get) -> None:
        self._opened = opened
        self._get = get
        self._corpus = Corpus()

    async def search_dense(self, vector: Vector, where: Filter, k: int) -> list[Hit]:
        check_vector(vector)
        check_count(k)
        filters.check(where)
        table = await self._opened()
        found = await _nearest(table, vector, await filters.predicate(table, where), k)
        return _hits(found, _cosines(found), _cosines(found), k)

    async def search_lexical(self, text: str, where: Filter, k: int, unit: Unit = Unit.RECORD) -> list[Hit]:
        check_count(k)
        filters.check(where)
        unit, terms = Unit(unit), asked(text)
        if not terms:
            return []
        table = await self._opened()
        wanted, among = await asyncio.gather(
            filters.predicate(table, where), candidates(table, self._corpus, terms, where)
        )
        scores = await scored(table, self._corpus, terms, among)
        found = await _wanted(table, wanted, scores, [unit], k)
        rows = numbers(found, "_rowid")
        found = found.filter(pa.array(np.isin(rows, scores.rows[scores.contenders(unit)])))
        rows = numbers(found, "_rowid")
        return _hits(found, scores.at(rows, unit), scores.at(rows, Unit.RECORD), k)

    async def search(
        self,
        text: str,
        meaning: Awaitable[Meaning | None],
        where: Filter,
        k: int,
        judge: Callable[[Matches, Read], T],
    ) -> T:
        found = await self._matches(text, meaning, where, k)
        loop = asyncio.get_running_loop()

        def read(ids: Sequence[str]) -> list[Record]:
            return asyncio.run_coroutine_threadsafe(_awaited(self._get(ids)), loop).result()

        return await asyncio.to_thread(judge, found, read)

    async def _matches(self, text: str, meaning: Awaitable[Meaning | None], where: Filter, k: int) -> Matches:
        meant = asyncio.ensure_future(meaning)
        try:
            check_count(k)
            filters.check(where)
            terms, table = asked(text), await self._opened()
            wanted, among = await self._words(table, terms, where)
            known = await meant
        except BaseException:
            meant.cancel()
            raise
        table = await self._opened()
        if among is not None and await table.version() != among.figures.version and among.figures.exact:
            wanted, among = await self._words(table, terms, where)
        near = await self._near(table, known, wanted, k)
        searched = asyncio.ensure_future(table.count_rows(wanted))
        scores = WordScores.none()
        if among is not None:
            more = None if among.all else near.filter(near["words"].is_valid()).select([*COLUMNS, "_rowid"])
            scores = await scored(table, self._corpus, terms, among, more)
        pool = await _wanted(table, wanted, scores, list(Unit), k)
        rows = numbers(pool, "_rowid")
        chosen = [rows[_best(pool, *_of_pool(scores, rows, unit), k)] for unit in Unit]
        pool = pool.filter(pa.array(np.isin(rows, np.concatenate(chosen))))
        near = near.take(pa.array(_best(near, _cosines(near), _cosines(near), k)))
        found = joined([pool.select([*HIT, "_rowid"]), near.select([*HIT, "_rowid"])])
        cosines = await self._compared(table, known, numbers(found, "_rowid"), near)
        return _matched(found, scores, cosines, await searched)

    async def _words(self, table: Any, terms: list[str], where: Filter) -> tuple[str | None, Candidates | None]:
        wanted = asyncio.ensure_future(filters.predicate(table, where))
        among = await candidates(table, self._corpus, terms, where) if terms else None
        return await wanted, among

    async def _near(self, table: Any, known: Meaning | None, wanted: str | None, k: int) -> Any:
        if known is None:
            nothing = table.query().where(filters.NOTHING).select([*HIT, *_more(True)])
            found = await nothing.with_row_id().to_arrow()
            return found.append_column("_distance", pa.array([], pa.float32()))
        check_vector(known.vector)
        made = filters.sql(Condition("model_id", "=", known.model_id))
        both = f"{made} and {wanted}" if wanted else made
        return await _nearest(table, known.vector, both, k, True)

    async def _compared(self, table: Any, known: Meaning | None, rows: Ints, near: Any) -> Scores:
        """The cosine of each row: what is not near already is read."""
        cosines = np.full(len(rows), np.nan)
        if known is None:
            return cosines
        here = numbers(near, "_rowid")
        at = np.searchsorted(rows, here)
        cosines[at] = _cosines(near)
        missing = rows[np.isnan(cosines)]
        if not len(missing):
            return cosines
        read = table.take_row_ids(missing.tolist()).select(["model_id", "vector"]).with_row_id()
        others = await read.to_arrow()
        others = others.filter(
            pa.compute.and_(pa.compute.equal(others["model_id"], known.model_id), others["vector"].is_valid())
        )
        matrix = others["vector"].combine_chunks().flatten().to_numpy().reshape(-1, DIMENSIONS)
        vector = np.asarray(known.vector, np.float32)
        norms = np.linalg.norm(matrix, axis=1) * np.linalg.norm(vector)
        dots = (matrix * vector).sum(axis=1)
        cosines[np.searchsorted(rows, numbers(others, "_rowid"))] = np.divide(
            dots, norms, out=np.zeros_like(dots), where=norms > 0
        )
        return cosines

    async def complete(self, prefix: str, where: Filter, k: int, beside: str = "") -> list[Completion]:
        check_count(k)
        start = vocabulary.checked_prefix(prefix)
        filters.check(where)
        table = await self._opened()
        return await vocabulary.completions(table, start, await filters.predicate(table, where), k, asked(beside))

    async def frequencies(self, words: Sequence[str], where: Filter) -> dict[str, int]:
        filters.check(where)
        if not words:
            return {}
        table = await self._opened()
        return await vocabulary.frequencies(table, words, await filters.predicate(table, where))


async def _awaited(one: Awaitable[T]) -> T:
    return await one


async def _nearest(table: Any, vector: Vector, wanted: str | None, k: int, words: bool = False) -> Any:
    """At least the k nearest rows that have a vector, and all that are as near as the last of them."""
    limit = k + TIED
    while True:
        query = table.query().nearest_to(np.asarray(vector, np.float32)).distance_type("cosine")
        query = query.minimum_nprobes(PROBED).maximum_nprobes(0).refine_factor(REFINED)
        query = query.where(wanted) if wanted else query
        columns = [*HIT, *_more(words), "_distance"]
        found = await query.select(columns).with_row_id().limit(limit).to_arrow()
        distances = np.sort(found["_distance"].to_numpy())
        if len(found) < limit or distances[k - 1] < distances[-1]:
            return found
        limit *= 4


def _more(words: bool) -> list[str]:
    """What the words of a row need beyond what makes a Hit."""
    return [name for name in COLUMNS if name not in HIT] if words else []


async def _wanted(table: Any, wanted: str | None, scores: WordScores, units: Sequence[Unit], k: int) -> Any:
    """At least the k best of each unit that the filter holds for."""
    pools = {unit: scores.contenders(unit) for unit in units}
    first = np.unique(np.concatenate([_cut(scores.of[unit], pool, k * SPARE) for unit, pool in pools.items()]))
    found = await _having(table, wanted, scores.rows[first])
    rows = numbers(found, "_rowid")
    for unit, pool in pools.items():
        tried = _cut(scores.of[unit], pool, k * SPARE)
        if len(tried) < len(pool) and np.isin(scores.rows[tried], rows).sum() < k:
            rest = np.setdiff1d(np.concatenate(list(pools.values())), first)
            return joined([found, await _having(table, wanted, scores.rows[rest])])
    return found


async def _having(table: Any, wanted: str | None, rows: Ints) -> Any:
    listed = f"_rowid in ({', '.join(map(str, rows.tolist()))})" if len(rows) else filters.NOTHING
    both = f"{listed} and {wanted}" if wanted else listed
    return await table.query().where(both).select([*HIT]).with_row_id().to_arrow()


def _cut(scores: Scores, places: Ints, k: int) -> Ints:
    """The k best of the places, and those that are as good as the last of them."""
    if len(places) <= k:
        return places
    of_places = scores[places]
    best: Ints = places[of_places >= np.partition(of_places, len(places) - k)[len(places) - k]]
    return best


def _of_pool(scores: WordScores, rows: Ints, unit: Unit) -> tuple[Scores, Scores]:
    """The scores of a unit, and those that decide between equals; below 0 what is no hit."""
    own = scores.at(rows, Unit.RECORD)
    by_unit = scores.at(rows, unit)
    return np.where((own > 0) if unit is Unit.SESSION else (by_unit > 0), by_unit, -1.0), own


def _best(found: Any, scores: Scores, then: Scores, k: int) -> Ints:
    """Which k come first: the highest score, then `then`, then the newest, then by id; without those below -1."""
    ids = np.array(found["id"].to_pylist(), object)
    order = np.lexsort((ids, -numbers(found, "time"), -then, -scores)) if len(ids) else np.empty(0, np.int64)
    order = order[scores[order] > -1.0]
    first: Ints = order[:k]
    return first


def _cosines(found: Any) -> Scores:
    near: Scores = 1.0 - found["_distance"].to_numpy().astype(np.float64)
    return near


def _hits(found: Any, scores: Scores, then: Scores, k: int) -> list[Hit]:
    best = _best(found, scores, then, k)
    columns = found.take(pa.array(best)).to_pydict()
    names = (columns[name] for name in HIT if name not in ("id", "time"))
    times = [time / 1e6 for time in columns["time"]]
    return list(map(Hit, columns["id"], scores[best].tolist(), *names, times))


def _matched(found: Any, scores: WordScores, cosines: Scores, searched: int) -> Matches:
    rows = numbers(found, "_rowid")
    return Matches(
        ids=found["id"].to_pylist(),
        kinds=_names(found["kind"]),
        projects=_names(found["project"]),
        sessions=_names(found["session"]),
        roles=_names(found["role"]),
        parents=_names(found["parent"]),
        positions=numbers(found, "position"),
        times=found["time"].to_numpy() / 1e6,
        cosines=cosines,
        words={unit: scores.at(rows, unit) for unit in Unit},
        searched=searched,
    )


def _names(column: Any) -> Names:
    coded = column.combine_chunks().dictionary_encode()
    return Names(coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64))


def check_vector(vector: Vector) -> None:
    if np.shape(vector) != (DIMENSIONS,):
        raise Invalid(f"vector: give shape ({DIMENSIONS},), not {np.shape(vector)}; is it another model's?")
    if not np.isfinite(vector).all():
        raise Invalid("vector: every number must be finite.")


def check_count(k: int) -> None:
    if k < 1:
        raise Invalid(f"k: give 1 or more, not {k}.")
