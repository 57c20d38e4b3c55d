"""VectorStore on LanceDB."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from session_mgmt_mcp.adapters.lancedb import (
    backups,
    connection,
    filters,
    indexes,
    listing,
    patterns,
    reading,
    schema,
    upkeep,
    verifying,
    writing,
)
from session_mgmt_mcp.adapters.lancedb.connection import PATIENCE, Place
from session_mgmt_mcp.adapters.lancedb.failures import Crowded, translated
from session_mgmt_mcp.adapters.lancedb.finding import Finding
from session_mgmt_mcp.adapters.lancedb.records import Row, check_vectors, parse
from session_mgmt_mcp.adapters.lancedb.syncing import Syncing
from session_mgmt_mcp.ports.embedder import Matrix, Vector
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, Unavailable
from session_mgmt_mcp.ports.vector_store import (
    Completion,
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
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    stop_any,
    wait_random_exponential,
)
from tenacity.stop import stop_base

T = TypeVar("T")
Options = Callable[[], Awaitable[Mapping[str, str]]]

ATTEMPTS, ALTOGETHER = 5, 45.0  # how often what is safe to repeat is tried, and for how many seconds
SILENCE = 4.0  # seconds of no answer after which it is not tried again
REST_WHILE_AWAY = 5.0  # seconds in which nobody waits again for what did not answer
CLOSING = 30.0

_log = logging.getLogger(__name__)


class LanceDBVectorStore:
    """Every record in one LanceDB table, in a folder or on S3, which several processes and machines may share.

    What it promises: a returned write is one commit, seen by every process that asks afterwards; in a folder its files are
    on the disk by then (Lance itself does not wait for that). Writers at once lose and double nothing: who comes second
    repeats its write on what came first. A record that is not as it was written is Corrupt when it is read.

    What it does not: after a power cut in the middle of a write the folder may need a backup, since Lance names files
    before they are on the disk. On S3 a write is as safe as the bucket. A vector that another process sets while this one
    writes the same record may be lost; it is made again. Two answers of one caller may show different versions.

    >>> store = await LanceDBVectorStore.open("s3://bucket/memories", {"aws_access_key_id": "...", ...})
    """

    def __init__(self, options: Options, uri: str) -> None:
        self._options = options
        self._uri = uri
        self._place: Place | None = None
        self._database: Any = None
        self._opening = asyncio.Lock()
        self._away: tuple[float, Unavailable] | None = None
        self._closed = False
        self._mended = False
        self._finding = Finding(self._opened, self.get)
        self._writer = writing.Writer(self._upsert)
        self._syncing: Syncing | None = None
        self._commits = upkeep.AFTER - upkeep.AT_FIRST
        self._upkeep: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, uri: str, storage_options: Mapping[str, str] | None = None) -> "LanceDBVectorStore":
        """A folder, or `s3://bucket/prefix` with `storage_options` as `connection.s3_options` makes them.

        Verifies what it opens. Raises Invalid, Unavailable (no such server, refused, not writable), Corrupt, Unsupported
        (a newer schema).
        """

        async def given() -> Mapping[str, str]:
            return storage_options or {}

        store = cls(given, uri)
        await store.ready()
        return store

    @classmethod
    def later(cls, uri: str, options: Options) -> "LanceDBVectorStore":
        """Opened with its first use, which then raises what `open` would, until one succeeds."""
        return cls(options, uri)

    async def ready(self) -> None:
        """Opens it, unless it is open. Raises what `open` does."""
        if self._database is None:
            async with self._opening:
                await self._open()
        self._check_open()

    async def _opened(self) -> Any:
        """The table at its newest version, where it stays: to look for that once a call costs less than once a query."""
        await self.ready()
        return await self._database.open_table(schema.TABLE)

    async def _open(self) -> None:
        if self._database is not None or self._closed:
            return
        if self._away is not None and time.monotonic() < self._away[0]:
            raise Unavailable(str(self._away[1]), self._away[1].retry_after)
        place = connection.place_of(self._uri, await self._options())
        try:
            database = await repeating(lambda: opened(place), str(place), opening=True)
        except Unavailable as error:
            self._away = time.monotonic() + REST_WHILE_AWAY, error
            raise
        if place.folder is not None:
            self._syncing = Syncing(place.folder)
        self._place, self._away = place, None
        await self._sync()
        self._database = database

    # writing

    async def upsert(self, records: Sequence[Record]) -> None:
        self._check_open()
        rows = [parse(record) for record in records]
        if rows:
            await self._writer.upsert(rows)

    async def _upsert(self, rows: Sequence[Row]) -> None:
        if await self._repeating(lambda table: writing.upsert(table, rows)):
            await self._committed()

    async def set_vectors(
        self, ids: Sequence[str], vectors: Matrix, model_id: str, texts: Sequence[str] | None = None
    ) -> None:
        self._check_open()
        check_vectors(np.asarray(vectors), len(ids))
        if not model_id:
            raise Invalid("model_id: name the model that made the vectors.")
        matrix = np.asarray(vectors, np.float32)

        async def run() -> None:
            await self._repeating(lambda table: writing.set_vectors(table, ids, matrix, model_id, texts))
            await self._committed()

        if ids:
            await self._writer.run(run)

    async def delete(self, where: Filter) -> int:
        self._check_open()
        filters.check(where)

        async def run() -> int:
            gone = await self._repeating(lambda table: writing.delete(table, where))
            await self._committed()
            return gone

        gone: int = await self._writer.run(run)
        return gone

    async def _committed(self) -> None:
        await self._sync()
        self._commits += 1
        idle = self._upkeep is None or self._upkeep.done()
        if self._commits >= upkeep.AFTER and idle:
            self._commits = 0
            self._upkeep = asyncio.create_task(self._keep_up())

    async def _sync(self) -> None:
        if self._syncing is not None:
            await asyncio.to_thread(self._syncing.sync)

    async def _keep_up(self) -> None:
        try:
            if await upkeep.keep_up(self._database, await self._opened()):
                await self._sync()
        except Exception as error:  # searches take longer until the next time, no more
            _log.info("upkeep of %s: %s", self._uri, self._translated(error))

    # reading

    async def get(self, ids: Sequence[str]) -> list[Record]:
        return await self._asking(lambda table: reading.get(table, self._at(), ids))

    async def vectors(self, ids: Sequence[str]) -> dict[str, Vector]:
        return await self._asking(lambda table: reading.vectors(table, self._at(), ids))

    async def scan(self, where: Filter, cursor: str | None = None, limit: int = 500) -> Page:
        check_k(limit, "limit")
        return await self._asking(lambda table: reading.scan(table, self._at(), where, cursor, limit))

    async def listed(self, where: Filter, order: Order, cursor: str | None = None, limit: int = 50) -> Page:
        check_k(limit, "limit")
        return await self._asking(lambda table: listing.listed(table, self._at(), where, order, cursor, limit))

    async def sessions(self, where: Filter, k: int) -> list[SessionSpan]:
        check_k(k)
        return await self._asking(lambda table: listing.sessions(table, where, k))

    async def latest(self, where: Filter, k: int) -> list[Hit]:
        check_k(k)
        return await self._asking(lambda table: listing.latest(table, where, k))

    async def count(self, where: Filter) -> int:
        async def counted(table: Any) -> int:
            return int(await table.count_rows(await filters.predicate(table, where)))

        return await self._asking(counted)

    async def facets(self, by: Facet, where: Filter) -> dict[str, int]:
        return await self._asking(lambda table: listing.facets(table, by, where))

    async def stats(self) -> StoreStats:
        async def read(table: Any) -> StoreStats:
            records = int(await table.count_rows())
            vectors = int(await table.count_rows("model_id != ''"))
            folder = self._at().folder
            size = await asyncio.to_thread(bytes_in, folder) if folder else (await table.stats())["total_bytes"]
            return StoreStats(records, records, vectors, int(size), schema.VERSION)

        return await self._asking(read)

    # finding

    async def search_dense(self, vector: Vector, where: Filter, k: int) -> list[Hit]:
        return await self._asking(lambda _: self._finding.search_dense(vector, where, k))

    async def search_lexical(self, text: str, where: Filter, k: int, unit: Unit = Unit.RECORD) -> list[Hit]:
        return await self._asking(lambda _: self._finding.search_lexical(text, where, k, unit))

    async def search_pattern(self, pattern: str, where: Filter, k: int, *, literal: bool = False) -> list[PatternMatch]:
        check_k(k)
        return await self._asking(lambda table: patterns.search_pattern(table, pattern, where, k, literal))

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
            return await self._asking(lambda _: self._finding.search(text, asyncio.shield(meant), where, k, judge))
        except BaseException:
            meant.cancel()
            raise

    async def complete(self, prefix: str, where: Filter, k: int, beside: str = "") -> list[Completion]:
        return await self._asking(lambda _: self._finding.complete(prefix, where, k, beside))

    async def frequencies(self, words: Sequence[str], where: Filter) -> dict[str, int]:
        return await self._asking(lambda _: self._finding.frequencies(words, where))

    # the whole

    async def backup(self, to: Path) -> None:
        """One Arrow file with every column; `backups.restore` takes it into an empty place."""
        self._check_open()
        try:
            await backups.write(await self._opened(), self._at(), to)
        except Exception as error:
            raise self._translated(error) from error

    async def verify(self) -> int:
        """Reads every record and vector; how many records there are. Raises Corrupt."""
        self._check_open()
        try:
            return await verifying.whole(await self._opened(), self._at())
        except Exception as error:
            raise self._translated(error) from error

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        if self._upkeep is not None and not self._upkeep.done():
            await asyncio.wait([self._upkeep], timeout=CLOSING)
            self._upkeep.cancel()
        if self._database is not None:
            self._database.close()

    def _at(self) -> Place:
        assert self._place is not None, "asked for with a table that was opened"
        return self._place

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("The store is closed: open it again.")

    async def _asking(self, what: Callable[[Any], Awaitable[T]]) -> T:
        self._check_open()
        try:
            return await self._repeating(what)
        except Corrupt:
            if self._mended:
                raise
            self._mended = True  # it may be an index, which is made of the rows
            await self._repeating(indexes.rebuild)
            return await self._repeating(what)

    async def _repeating(self, what: Callable[[Any], Awaitable[T]]) -> T:
        async def once() -> T:
            return await what(await self._opened())

        await self.ready()  # which repeats for itself
        return await repeating(once, self._uri)

    def _translated(self, error: Exception) -> Exception:
        return translated(error, self._uri)


async def opened(place: Place) -> Any:
    """The database, with a table that is whole and indexed."""
    if place.folder is not None:
        await asyncio.to_thread(connection.prepare, place.folder)
    database = await connection.connect(place)
    table = await connection.open_table(database, place)
    await indexes.ensure(table)
    await verifying.at_opening(table, place)
    return database


async def repeating(what: Callable[[], Awaitable[T]], place: str, opening: bool = False) -> T:
    """What may be done twice, until it is done: after a conflict with another writer, or silence of the network."""

    async def once() -> T:
        try:
            return await asyncio.wait_for(what(), PATIENCE)
        except Exception as error:
            raise translated(error, place, opening) from error

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Unavailable),
        stop=stop_any(stop_after_attempt(ATTEMPTS), stop_after_delay(ALTOGETHER), SilentLong()),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    ):
        with attempt:
            return await once()
    raise AssertionError


class SilentLong(stop_base):
    """Whoever is only crowded is worth more patience."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        failed = retry_state.outcome.exception() if retry_state.outcome else None
        return not isinstance(failed, Crowded) and (retry_state.seconds_since_start or 0) > SILENCE


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def check_k(k: int, name: str = "k") -> None:
    if k < 1:
        raise Invalid(f"{name}: give 1 or more, not {k}.")
