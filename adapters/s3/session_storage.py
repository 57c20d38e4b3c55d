"""SessionStorage on S3 and what speaks its protocol: one object a document, compare-and-swap by conditional put."""

import asyncio
import json
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

from session_mgmt_mcp.adapters.retrying import Patience
from session_mgmt_mcp.adapters.s3.keys import just_before, leading
from session_mgmt_mcp.adapters.s3.objects import AT_ONCE, Bucket, Put
from session_mgmt_mcp.ports.errors import Conflict, Corrupt, Invalid, PortError, Unavailable, Unsupported
from session_mgmt_mcp.ports.sealed_documents import sealed, unsealed
from session_mgmt_mcp.ports.session_storage import (
    MOST_BYTES,
    Document,
    DocumentPage,
    as_json,
    check_names,
    fits,
    in_utc,
    is_name,
)
from session_mgmt_mcp.ports.vector_store import Json

DAMAGED = ".damaged"
"""Below it lies what was found broken, for a person to look at."""
SWEEP_EVERY, SWEEP_AT_ONCE = 64, 256
"""With every 64th write of a collection its next 256 objects are looked at, and what is long over goes."""
KEPT = timedelta(hours=1)
"""What was deleted or has expired stays so long: who repeats a write finds there whether it was made."""
SLOW = Patience(attempts=4, each=8.0, total=20.0)
"""SeaweedFS lets writers of one object wait for each other in steps of a second."""
WRITES = 32
"""So many last writes an object remembers."""
_MOST_BYTES = MOST_BYTES + 3_000


@dataclass(frozen=True, slots=True)
class _Place:
    collection: str
    id: str

    @property
    def name(self) -> str:
        return f"{self.collection}/{self.id}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What lies under a key. A document of version 0 is one that was deleted."""

    etag: str | None
    document: Document | None
    writes: Sequence[tuple[str, int]]  # the last ones, latest first, and which version each made


_NOTHING = _Seen(None, None, ())


@dataclass(eq=False)
class _Turns:
    """Of this process one at a time writes a document: those who meet at the server wait there for long."""

    lock: asyncio.Lock
    last: _Seen | None = None  # what the last of them left


class S3SessionStorage:
    """SessionStorage in a bucket that any number of machines share. Nothing is connected before the first call.

    The server must take conditional puts (If-Match, If-None-Match): AWS, MinIO, R2, SeaweedFS and others do. What it
    answered is as durable as it makes objects: on AWS always, on SeaweedFS a power cut may take what its disk had not written.

    Documents expire by the clock `now`. A deleted document leaves a mark of some 300 bytes; an hour later it goes, as
    expired ones do, where the server takes conditional deletes, which is tried first. Unavailable after a write: it was made
    whole, or not at all.

    A list reads each document that it looks at, 16 at a time: a field searched for in thousands costs seconds.
    Credentials are the given ones, never those of the environment or of a machine. Whoever has them can read and change
    everything below the prefix.

    >>> storage = S3SessionStorage("team", "memory", region="eu-central-1", access_key_id=key, secret_access_key=secret)
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        endpoint: str | None = None,
        region: str | None = None,
        *,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: Patience = SLOW,
    ) -> None:
        """Without `endpoint`: AWS. http:// speaks without TLS. Raises Invalid."""
        self._objects = Bucket(
            bucket, prefix, endpoint, region, access_key_id, secret_access_key, session_token, patience
        )
        self._now = now
        self._patience = patience
        self._turns: WeakValueDictionary[_Place, _Turns] = WeakValueDictionary()
        self._writes: dict[str, int] = {}
        self._swept: dict[str, str] = {}
        self._sweeps: set[asyncio.Task[None]] = set()
        self._closed = False

    async def get(self, collection: str, id: str) -> Document | None:
        check_names(collection, id)
        self._check_open()
        return self._living(await self._seen(_Place(collection, id)))

    async def put(
        self,
        collection: str,
        id: str,
        body: Mapping[str, Json],
        *,
        expected_version: int | None = None,
        expires: datetime | None = None,
    ) -> Document:
        check_names(collection, id)
        text, until = as_json(body), in_utc(expires)
        self._check_open()

        def next_one(version: int) -> Document:
            return Document(id, version + 1, json.loads(text), self._now().astimezone(UTC), until)

        place = _Place(collection, id)
        written = await self._write(place, expected_version, next_one, text)
        count = self._writes[collection] = self._writes.get(collection, 0) + 1
        if count % SWEEP_EVERY == 0:
            self._start_sweep(place)
        assert written is not None
        return written

    async def delete(self, collection: str, id: str, *, expected_version: int | None = None) -> bool:
        check_names(collection, id)
        self._check_open()

        def mark(version: int) -> Document | None:
            return Document(id, 0, {}, self._now().astimezone(UTC)) if version else None

        return await self._write(_Place(collection, id), expected_version, mark, "{}") is not None

    async def list(
        self,
        collection: str,
        prefix: str = "",
        where: Mapping[str, Json] | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> DocumentPage:
        check_names(collection)
        if limit < 1:
            raise Invalid(f"limit: give 1 or more, not {limit}.")
        self._check_open()
        found: list[Document] = []
        after: str | None = cursor or ""
        while after is not None:
            names, after = await self._names(collection, prefix, after)
            for start in range(0, len(names), AT_ONCE):
                some = [self._seen(_Place(collection, name)) for name in names[start : start + AT_ONCE]]
                for seen in await asyncio.gather(*some):
                    document = self._living(seen)
                    if document is not None and fits(document.body, where):
                        if len(found) == limit:
                            return DocumentPage(found, found[-1].id)
                        found.append(document)
        return DocumentPage(found, None)

    async def close(self) -> None:
        """A call after it is Unavailable."""
        self._closed = True
        for sweep in self._sweeps:
            sweep.cancel()
        await asyncio.gather(*self._sweeps, return_exceptions=True)
        self._objects.close()

    async def _write(
        self, place: _Place, expected: int | None, next_one: Callable[[int], Document | None], text: str
    ) -> Document | None:
        """Writes what `next_one` makes of the version that lives, 0 for none; None: there is nothing to write."""
        turns = self._turns.setdefault(place, _Turns(asyncio.Lock()))
        before, seen = turns.last, await self._seen(place)
        self._version(place, seen, expected)
        async with turns.lock:
            later = turns.last
            if later is not None and later is not before and (not seen.writes or seen.writes[0] in later.writes):
                seen = later
            written, turns.last = await self._replace(place, seen, expected, next_one, text)
        return written

    async def _replace(
        self, place: _Place, seen: _Seen, expected: int | None, next_one: Callable[[int], Document | None], text: str
    ) -> tuple[Document | None, _Seen | None]:
        """What was written, and what lies there now. Who came between is seen by the ETag; whether an attempt of ours
        did, whose answer was lost, by the token of this write."""
        token, until, pause = secrets.token_hex(8), time.monotonic() + self._patience.total, 0.01
        tried: dict[int, Document] = {}
        while True:
            version = self._version(place, seen, expected)
            document = next_one(version)
            if document is None:
                return None, seen
            tried[document.version] = document
            writes = [(token, document.version), *seen.writes][:WRITES]
            done, etag = await self._objects.put(place.name, _encoded(place, document, text, writes), seen.etag)
            if done is Put.STORED:
                return document, _Seen(etag, document, writes) if etag else None
            before, seen = seen, await self._seen(place)
            if done is Put.DOUBTFUL and (made := _made(token, before, seen, place)) is not None:
                return tried[made], seen
            if time.monotonic() > until:
                raise Unavailable(f"{place.name} is written by others all the time: try again later.")
            await asyncio.sleep(pause * random.random())  # noqa: S311 (so that writers do not meet again)
            pause = min(2 * pause, 0.5)

    async def _seen(self, place: _Place) -> _Seen:
        """What lies there, expired or not. Raises Corrupt, with the object put aside, and Unsupported."""
        etag, read = await self._read(place)
        if isinstance(read, _Seen):
            return read
        aside = f"{DAMAGED}/{place.name}/{time.time_ns()}"
        mark = Document(place.id, 0, {}, self._now().astimezone(UTC))
        try:
            await self._objects.copy(place.name, aside)
            await self._objects.put(place.name, _encoded(place, mark, "{}", []), etag)
        except PortError:
            where = self._objects.shown(place.name)
            raise Corrupt(f"{place.name} {read} and cannot be moved aside: mend or remove {where}.", where) from None
        where = self._objects.shown(aside)
        raise Corrupt(f"{place.name} {read}: it was moved to {where} and is no longer used.", where)

    async def _read(self, place: _Place) -> tuple[str | None, _Seen | str]:
        """The ETag, and what lies there or what is wrong with it. Raises Unsupported."""
        found = await self._objects.get(place.name, _MOST_BYTES)
        if found is None:
            return None, _NOTHING
        data, etag = found
        try:
            document, line = unsealed(data or b"", place.collection, place.id)
        except ValueError as error:
            return etag, str(error)
        return etag, _Seen(etag, document, [(token, version) for token, version in line["writes"]])

    async def _names(self, collection: str, prefix: str, after: str) -> tuple[Sequence[str], str | None]:
        """Some ids, and after which to go on; None: that was all."""
        if prefix and not is_name(prefix):
            return [], None
        names, on = await self._objects.names(collection, max(leading(after), just_before(prefix)))
        chosen = [name for name in names if is_name(name) and name > after and name.startswith(prefix)]
        beyond = bool(names) and not names[-1].startswith(prefix)
        return chosen, None if beyond else on

    def _start_sweep(self, written: _Place) -> None:
        sweep = asyncio.create_task(self._sweep(written))
        self._sweeps.add(sweep)
        sweep.add_done_callback(self._sweeps.discard)

    async def _sweep(self, written: _Place) -> None:
        """Takes away what has been over for long; what is wrong with an object is said to whoever asks for it.

        The server's clock, by what was `written` just now, has to agree: ours may leap ahead by years for a moment.
        """
        collection = written.collection
        with suppress(PortError):
            there = await self._objects.written(written.name)
            if there is None:
                return
            now = min(there, self._now())
            names, _ = await self._names(collection, "", self._swept.get(collection, ""))
            names = names[:SWEEP_AT_ONCE]
            self._swept[collection] = names[-1] if len(names) == SWEEP_AT_ONCE else ""
            for name in names:
                with suppress(Unsupported):
                    etag, read = await self._read(_Place(collection, name))
                    if etag is not None and isinstance(read, _Seen) and _long_over(read.document, now):
                        await self._objects.delete(f"{collection}/{name}", etag)

    def _living(self, seen: _Seen) -> Document | None:
        document = seen.document
        if document is None or document.version == 0:
            return None
        return None if document.expires is not None and document.expires <= self._now() else document

    def _version(self, place: _Place, seen: _Seen, expected: int | None) -> int:
        """The version that lives, 0 for none. Raises Conflict."""
        living = self._living(seen)
        version = living.version if living else 0
        if expected is not None and expected != version:
            raise Conflict(f"{place.name} has version {version}, not {expected}: read it and try again.", version)
        return version

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("The storage is closed: open it again.")


def _long_over(document: Document | None, now: datetime) -> bool:
    if document is None:
        return False
    over = document.expires if document.version else document.updated
    return over is not None and over + KEPT <= now


def _encoded(place: _Place, document: Document, text: str, writes: Sequence[tuple[str, int]]) -> bytes:
    return sealed(place.collection, document, text, writes=[list(write) for write in writes])


def _made(token: str, before: _Seen, after: _Seen, place: _Place) -> int | None:
    """Which version the write made whose answer was lost; None: none. Raises Unavailable when nobody knows any more."""
    known = dict(after.writes)
    if token in known:
        return known[token]
    if len(after.writes) == WRITES and not (before.writes and before.writes[0][0] in known):
        raise Unavailable(f"{place.name} was written by many others: read whether your change is in it.")
    return None
