"""VectorStore on one DuckDB file."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import duckdb
import numpy as np
from session_mgmt_mcp.adapters import work_folders
from session_mgmt_mcp.adapters.duckdb import backups, evidence, filters, listing, schema, snapshot, vocabulary, writing
from session_mgmt_mcp.adapters.duckdb.connection import (
    SNAPSHOT_AFTER,
    After,
    Connection,
    Write,
    claim,
    connect,
    owner_only,
    prepare,
    release,
    wal,
)
from session_mgmt_mcp.adapters.duckdb.failures import translated
from session_mgmt_mcp.adapters.duckdb.index import Index, Place
from session_mgmt_mcp.adapters.duckdb.original import Adopt, is_original, take_over
from session_mgmt_mcp.adapters.duckdb.records import Row, check_vectors, parse, to_record
from session_mgmt_mcp.adapters.duckdb.row_store import RowStore
from session_mgmt_mcp.ports.embedder import Matrix, Vector
from session_mgmt_mcp.ports.errors import Invalid, Unavailable
from session_mgmt_mcp.ports.vector_store import (
    Completion,
    Condition,
    Facet,
    Filter,
    Hit,
    Matches,
    Meaning,
    Order,
    Page,
    PatternMatch,
    Read,
    Record,
    SessionSpan,
    StoreStats,
    Unit,
)

T = TypeVar("T")

A_BREATH = 0.0005  # two threads that are woken at once may land on one core, where the second waits 5 ms for the first
PARSED_AT_ONCE = 100  # records, a millisecond
READ_AT_ONCE = 5_000  # texts that a pattern is tried on before asking whether there are enough

MORE_TO_RESCORE = 14  # of a million memories, the ten nearest are among so many more by int8
MOST_RESCORED = 64  # behind them int8 tells the order

FORGET_DELETIONS = "delete from gone where revision <= ? and revision < (select max(revision) from gone)"


class DuckDBVectorStore:
    """Every record in DuckDB, and indexes for words and meaning in memory, derived from it.

    >>> store = await DuckDBVectorStore.open(Path("memories.duckdb"))
    """

    def __init__(self, path: Path, raw: Any, claimed: str) -> None:
        self._path = path
        self._claimed = claimed
        self._dimensions = schema.DIMENSIONS
        self._index = Index(self._dimensions)
        self._vocabulary = vocabulary.Vocabulary()
        self._copies = RowStore(snapshot.folder_of(path) / "rows.sqlite")
        self._snapshots = snapshot.Snapshots(path)
        self._token = ""
        self._saved = 0
        self.caught_up = 0  # changes that the last opening read from the tables, beyond its snapshot
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="store-keep")
        self._kept: Future[None] | None = None
        self._connection = Connection(path, raw, self._settle, self._upsert, self._rest)

    @classmethod
    async def open(cls, path: Path, adopt: Adopt | None = None) -> "DuckDBVectorStore":
        """`adopt` says what becomes of the rows of the original product, should the file be one of its.

        Raises Unavailable (in use, not writable, full), Corrupt, Unsupported (a newer schema), Invalid.
        """
        return await asyncio.to_thread(cls._open, path, adopt)

    @classmethod
    def _open(cls, path: Path, adopt: Adopt | None) -> "DuckDBVectorStore":
        try:
            prepare(path)
        except OSError as error:
            raise translated(error, path) from error
        claimed = claim(path)
        raw = None
        log = evidence.copy_log(path)
        try:
            raw = connect(path)
            work_folders.sweep(path.parent)
            snapshot.sweep(path)
            if is_original(raw, path):
                raw = take_over(raw, path, adopt)
            schema.migrate(raw, path)
            owner_only(path)
            return cls(path, raw, claimed)
        except BaseException as error:
            log.unlink(missing_ok=True)
            if raw is not None:
                raw.close()
            release(claimed)
            if isinstance(error, Exception):
                raise translated(error, path, opening=True) from error
            raise

    def _upsert(self, raw: Any, rows: Sequence[Row]) -> After:
        return writing.upsert(raw, self._index, self._copies, rows)

    def _settle(self, raw: Any) -> None:
        if not self._token:
            openings, last = schema.openings(raw), schema.last_revision(raw)
            found = self._snapshots.load(self._dimensions, openings, last)
            self._token = schema.note_opening(raw)
            self._saved = found.revision
            self._index.become(found)
            evidence.look(self._path, last)
            self._copies.open(self._token, openings[-1] if openings else "", last)
            self._copied_some(raw)
            self._keeper.submit(self._copies.read_ahead)
        elif self._connection.unseen:
            self._index.become(Index(self._dimensions))
        self.caught_up = writing.catch_up(raw, self._index)
        self._index.link()
        owner_only(self._path)

    async def _ready(self) -> None:
        if not self._connection.ready.done():
            await asyncio.shield(asyncio.wrap_future(self._connection.ready))
        self._connection.ready.result()

    async def read(self, what: Callable[[Any], T]) -> T:
        """Runs `what` with a cursor of the database, in a thread: for what else is kept in it."""
        await self._ready()
        return await asyncio.wrap_future(self._connection.read(what))

    async def _look(self, what: Callable[[], T]) -> T:
        """Runs `what`, which needs nothing of the tables, in a thread."""
        await self._ready()
        return await asyncio.wrap_future(self._connection.look(what))

    async def write(self, run: Callable[[Any], After]) -> Any:
        """Runs `run` in a transaction, maybe together with other writes, and then what it gave back."""
        return await self._write(Write(run=run))

    async def _write(self, write: Write) -> Any:
        await self._ready()
        return await asyncio.wrap_future(self._connection.write(write))

    async def upsert(self, records: Sequence[Record]) -> None:
        rows: list[Row] = []
        for start in range(0, len(records), PARSED_AT_ONCE):
            if start:
                await asyncio.sleep(0)  # others have their turn on this loop
            rows += [parse(record, self._dimensions) for record in records[start : start + PARSED_AT_ONCE]]
        if rows:
            await self._write(Write(rows=rows))

    async def set_vectors(
        self, ids: Sequence[str], vectors: Matrix, model_id: str, texts: Sequence[str] | None = None
    ) -> None:
        check_vectors(np.asarray(vectors), len(ids), self._dimensions)
        if not model_id:
            raise Invalid("model_id: name the model that made the vectors.")
        if ids:
            await self._write(
                Write(run=lambda c: writing.set_vectors(c, self._index, ids, vectors, model_id, texts), alone=True)
            )

    async def get(self, ids: Sequence[str]) -> list[Record]:
        return await self._look(lambda: self._records(ids))

    def _records(self, ids: Sequence[str]) -> list[Record]:
        known = self._index.known(ids)
        found = self._copies.records({place.seq: place.model_id for place in known.values()})
        missing = [place for place in known.values() if place.seq not in found]
        if missing:
            with self._connection.cursor() as cursor:
                found |= read_records(cursor, missing)
        return [found[known[one].seq] for one in ids if one in known and known[one].seq in found]

    async def vectors(self, ids: Sequence[str]) -> dict[str, Vector]:
        return await self.read(lambda cursor: self._stored(cursor, ids))

    async def delete(self, where: Filter) -> int:
        filters.check(where)
        gone: int = await self._write(
            Write(run=lambda c: writing.delete(c, self._index, self._copies, where), alone=True)
        )
        return gone

    async def search_dense(self, vector: Vector, where: Filter, k: int) -> list[Hit]:
        check_vectors(np.asarray(vector).reshape(1, -1), 1, self._dimensions)
        check_k(k)
        asked = np.asarray(vector, np.float32)

        def read(cursor: Any) -> list[Hit]:
            near = self._index.nearest(asked, where, k + MORE_TO_RESCORE)
            return rescored(near, self._stored(cursor, [hit.id for hit in near[:MOST_RESCORED]]), asked)[:k]

        return await self.read(read)

    def _stored(self, cursor: Any, ids: Sequence[str]) -> dict[str, Vector]:
        known = self._index.known(ids)
        found = writing.select_vectors(cursor, [place.seq for place in known.values()])
        matrix = dict(zip(found.seqs, found.matrix, strict=True))
        return {one: matrix[place.seq] for one, place in known.items() if place.seq in matrix}

    async def search_lexical(self, text: str, where: Filter, k: int, unit: Unit = Unit.RECORD) -> list[Hit]:
        check_k(k)
        return await self._look(lambda: self._index.lexical(text, where, k, Unit(unit)))

    async def search(
        self,
        text: str,
        meaning: Awaitable[Meaning | None],
        where: Filter,
        k: int,
        judge: Callable[[Matches, Read], T],
    ) -> T:
        meant = asyncio.ensure_future(meaning)
        try:
            check_k(k)
            await asyncio.sleep(A_BREATH)
            seen = await self._look(lambda: self._index.seen(where))
            worded = self._connection.look(lambda: self._index.words(text, seen, where, k))
            known = await meant
        except BaseException:
            meant.cancel()
            raise
        if known is not None:
            check_vectors(np.asarray(known.vector).reshape(1, -1), 1, self._dimensions)

        def matches() -> Matches:
            meant = None if known is None else self._index.meant(known, seen, k)
            return self._index.matches(text, worded.result(), meant, where, k)

        return await self._look(lambda: judge(matches(), self._records))

    async def search_pattern(self, pattern: str, where: Filter, k: int, *, literal: bool = False) -> list[PatternMatch]:
        check_k(k)

        def read(cursor: Any) -> list[PatternMatch]:
            writing.check_pattern(cursor, pattern, literal)
            seqs, times = self._index.newest(where)
            found: dict[str, str] = {}
            start = 0
            while start < len(seqs) and len(found) < k:
                last = min(start + READ_AT_ONCE, len(seqs)) - 1
                end = int(np.searchsorted(-times, -times[last], side="right"))  # what is of one time stays together
                found |= writing.matching(cursor, seqs[start:end].tolist(), pattern, literal)
                start = end
            hits = self._index.latest([*where, Condition("id", "in", tuple(found))], k)
            return [PatternMatch(hit, found[hit.id]) for hit in hits]

        return await self.read(read)

    async def latest(self, where: Filter, k: int) -> list[Hit]:
        check_k(k)
        return await self._look(lambda: self._index.latest(where, k))

    async def scan(self, where: Filter, cursor: str | None = None, limit: int = 500) -> Page:
        check_k(limit, "limit")
        after = -1 if cursor is None else parse_cursor(cursor)

        def read(connection: Any) -> Page:
            places = self._index.places(where, after, limit + 1)
            shown = places[:limit]
            found = read_records(connection, shown)
            records = [found[place.seq] for place in shown if place.seq in found]
            return Page(records, str(shown[-1].seq) if len(places) > limit else None)

        return await self.read(read)

    async def listed(self, where: Filter, order: Order, cursor: str | None = None, limit: int = 50) -> Page:
        check_k(limit, "limit")

        def read(connection: Any) -> Page:
            votes = listing.read_votes(connection) if order == "votes" else {}
            places, after = self._index.listed(where, order, cursor, limit, votes)
            found = read_records(connection, [place for _, place in places])
            return Page([found[place.seq] for _, place in places if place.seq in found], after)

        return await self.read(read)

    async def sessions(self, where: Filter, k: int) -> list[SessionSpan]:
        check_k(k)
        return await self._look(lambda: self._index.sessions(where, k))

    async def complete(self, prefix: str, where: Filter, k: int, beside: str = "") -> list[Completion]:
        check_k(k)
        start = vocabulary.checked_prefix(prefix)
        filters.check(where)

        def read(connection: Any) -> list[Completion]:
            words, terms = self._vocabulary.beginning(start, connection)
            records, together = self._index.standing(terms, where, beside)
            return vocabulary.best(words, terms, records, together, k)

        return await self.read(read)

    async def count(self, where: Filter) -> int:
        return await self._look(lambda: self._index.count(where))

    async def facets(self, by: Facet, where: Filter) -> dict[str, int]:
        if by not in get_args(Facet):
            raise Invalid(f"facet {by!r}: use one of {', '.join(get_args(Facet))}.")
        return await self._look(lambda: self._index.facets(by, where))

    async def frequencies(self, words: Sequence[str], where: Filter) -> dict[str, int]:
        return await self._look(lambda: self._index.frequencies(words, where))

    async def stats(self) -> StoreStats:
        def read(cursor: Any) -> StoreStats:
            size = sum(file.stat().st_size for file in (self._path, wal(self._path)) if file.exists())
            kept = int(cursor.execute("select count(*) from memory").fetchone()[0])
            return StoreStats(kept, self._index.count(()), self._index.vectors(), size, schema.VERSION)

        return await self.read(read)

    async def backup(self, to: Path) -> None:
        await self._ready()
        await self.read(lambda cursor: backups.write(cursor, self._path, to))

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        try:
            self._connection.close(self._last)
        finally:
            self._keeper.shutdown()
            self._copies.close()
            release(self._claimed)

    def _last(self, raw: Any) -> None:
        self._keeper.shutdown()
        if self._index.revision - self._saved >= SNAPSHOT_AFTER:
            with contextlib.suppress(OSError, duckdb.Error):
                self._snapshots.save(snapshot.view(self._index), self._token)
                forget_deletions(raw, self._index.revision)

    def _rest(self, raw: Any, changes: int) -> bool:
        """Has the index kept in order, and saved when that many changes are not in its last snapshot.

        Whether there is more to do, for when there is time.
        """
        merging = self._index.lopsided
        if self._kept is None or self._kept.done():
            if merging:
                self._kept = self._keeper.submit(self._index.merge_words)
            elif self._index.revision - self._saved >= changes:
                self._saved = self._index.revision
                self._kept = self._keeper.submit(self._keep, snapshot.view(self._index))
        return changes == SNAPSHOT_AFTER and (self._copied_some(raw) or merging)

    def _keep(self, seen: snapshot.View) -> None:
        """Beside the work: saves the index, and has forgotten which deletions it knows of."""
        with contextlib.suppress(OSError, Unavailable):  # the next opening takes longer, no more
            self._snapshots.save(seen, self._token)
            self._connection.write(Write(run=lambda raw: forget_deletions(raw, seen.revision)))
            if self._index.mostly_dead:
                self._compact(seen.revision)

    def compact(self) -> "Future[None]":
        """Takes out of the index what was deleted, as happens by itself once that is half of it. From the thread that writes."""
        seen = snapshot.view(self._index)

        def keep() -> None:
            self._snapshots.save(seen, self._token)
            self._compact(seen.revision)

        return self._keeper.submit(keep)

    def _compact(self, saved: int) -> None:
        """The snapshot is opened, loses its dead rows, is caught up with, and takes the place of the index."""
        fresh = self._snapshots.load(self._dimensions, [self._token], saved)
        if fresh.revision == saved:
            fresh.compact()
            fresh.link()
            self._connection.write(Write(run=lambda raw: self._caught_up(raw, fresh), alone=True)).result()

    def _caught_up(self, raw: Any, fresh: Index) -> After:
        writing.catch_up(raw, fresh)
        return lambda: self._index.become(fresh)

    def _copied_some(self, raw: Any) -> bool:
        with contextlib.suppress(duckdb.Error):
            return self._copies.fill(raw)
        return False


def forget_deletions(raw: Any, revision: int) -> After:
    """Those up to `revision`, except for the last: revisions never go back."""
    raw.execute(FORGET_DELETIONS, [revision])
    return lambda: None


def read_records(cursor: Any, places: Sequence[Place]) -> dict[int, Record]:
    """By seq; what was deleted meanwhile is left out."""
    models = {place.seq: place.model_id for place in places}
    return {row.seq: to_record(row, models[row.seq]) for row in writing.select_seqs(cursor, list(models))}


def rescored(hits: Sequence[Hit], vectors: Mapping[str, Vector], asked: Vector) -> list[Hit]:
    """In the order of the exact cosines where vectors are given; of equal ones the order stays."""
    again = [replace(hit, score=cosine(vectors[hit.id], asked)) if hit.id in vectors else hit for hit in hits]
    return sorted(again, key=lambda hit: -hit.score)


def cosine(one: Vector, other: Vector) -> float:
    product = np.linalg.norm(one) * np.linalg.norm(other)
    return float(np.dot(one, other) / product) if product else 0.0


def check_k(k: int, name: str = "k") -> None:
    if k < 1:
        raise Invalid(f"{name}: give 1 or more, not {k}.")


def parse_cursor(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit():
        raise Invalid("cursor: give the one that the page before came with.")
    return int(cursor)
