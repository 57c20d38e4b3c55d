"""SessionStorage on Redis: a hash a document, compare-and-swap by a Lua script."""

import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from redis import exceptions as failures
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from session_mgmt_mcp.adapters.redis import scripts
from session_mgmt_mcp.adapters.retrying import PATIENCE, Patience, repeated
from session_mgmt_mcp.ports.errors import Conflict, Corrupt, Invalid, PortError, Unavailable, Unsupported
from session_mgmt_mcp.ports.session_storage import (
    Document,
    DocumentPage,
    as_json,
    check_names,
    fits,
    in_utc,
    is_name,
)
from session_mgmt_mcp.ports.vector_store import Json

T = TypeVar("T")

CONNECTIONS = 16
GRACE = timedelta(days=1)
"""Redis forgets a document so long after it has expired; whether it has is decided by the clock of who asks."""
REMEMBERED = timedelta(minutes=1)
"""How long Redis knows what a write did, for who asks again: longer than anybody repeats one."""
_AT_ONCE = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND, _MILLISECOND = timedelta(microseconds=1), timedelta(milliseconds=1)
_PASSING = (
    failures.ConnectionError,
    failures.TimeoutError,
    failures.InvalidResponse,
    failures.ReadOnlyError,
    failures.ClusterDownError,
    failures.TryAgainError,
)
_REFUSED = (failures.AuthenticationError, failures.AuthorizationError, failures.NoPermissionError)


@dataclass(frozen=True, slots=True)
class _Place:
    """The keys of one document. The braces keep a collection on one node, where Redis is a cluster."""

    namespace: str
    collection: str
    id: str

    @property
    def name(self) -> str:
        return f"{self.collection}/{self.id}"

    @property
    def document(self) -> str:
        return f"{self._collection}:document:{self.id}"

    @property
    def ids(self) -> str:
        return f"{self._collection}:ids"

    @property
    def damaged(self) -> str:
        return f"{self._collection}:damaged:{self.id}:{time.time_ns()}"

    def write(self, token: str) -> str:
        return f"{self._collection}:write:{token}"

    @property
    def _collection(self) -> str:
        return f"{self.namespace}:{{{self.collection}}}"


class RedisSessionStorage:
    """SessionStorage in a Redis (6 or newer) that any number of machines share. Nothing is connected before the first call.

    What Redis answered is as durable as Redis was told to be. `appendonly yes` with `appendfsync always`: it is on the disk.
    `everysec`, which managed ones mostly have: a power cut may take the last second, two where the disk is slow, and a
    killed process what waited for the disk. Neither (the default): all since the last snapshot may go. A failover to a
    replica loses what had not reached it.
    Documents need `maxmemory-policy noeviction`: another one throws them away.

    Documents expire by the clock `now`, whatever Redis' own clock says. A write is repeated after a lost answer only where
    it had not been made: Redis remembers each for a minute. Unavailable after a write: it was made whole, or not at all.

    Whoever can log in to the Redis can read and change everything in it.

    >>> storage = RedisSessionStorage("rediss://team@redis.example.org:6380/0", password)
    """

    def __init__(
        self,
        url: str,
        password: str | None = None,
        namespace: str = "session-mgmt",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: Patience = PATIENCE,
    ) -> None:
        """`url` is redis://, rediss:// (TLS) or unix://, may name a user, and has no password in it. Raises Invalid."""
        if not is_name(namespace):
            raise Invalid("redis_namespace: give 1 to 200 letters, digits or -_.:@, the first of them no dot.")
        self._namespace = namespace
        self._now = now
        self._patience = patience
        self._closed = False
        self._client: Any = Redis.from_pool(_pool(url, password, patience))
        self._where = _shown(url)
        self._put, self._delete, self._quarantine, self._tidy = (
            self._client.register_script(script)
            for script in (scripts.PUT, scripts.DELETE, scripts.QUARANTINE, scripts.TIDY)
        )

    async def get(self, collection: str, id: str) -> Document | None:
        check_names(collection, id)
        place = _Place(self._namespace, collection, id)
        [found] = await self._run(lambda: self._read([place]))
        return self._living(await self._whole(place, found))

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
        text, until, now = as_json(body), in_utc(expires), self._now().astimezone(UTC)
        lasting = "" if until is None else (max(until - now, timedelta()) + GRACE) // _MILLISECOND
        further = (_micros(now), _micros(until), lasting, text)
        version = await self._write(self._put, _Place(self._namespace, collection, id), expected_version, now, *further)
        return Document(id, version, json.loads(text), now, until)

    async def delete(self, collection: str, id: str, *, expected_version: int | None = None) -> bool:
        check_names(collection, id)
        place, now = _Place(self._namespace, collection, id), self._now()
        return await self._write(self._delete, place, expected_version, now) > 0

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
        documents: list[Document] = []
        after, at_once = cursor or "", min(limit + 1, _AT_ONCE)
        while True:
            places = await self._run(partial(self._places, collection, prefix, after, at_once))
            gone = []
            for place, found in zip(places, await self._run(partial(self._read, places)), strict=True):
                document = await self._whole(place, found)
                if document is None:
                    gone.append(place)
                elif self._living(document) and fits(document.body, where):
                    if len(documents) == limit:
                        return DocumentPage(documents, documents[-1].id)
                    documents.append(document)
            await self._forget(gone)
            if len(places) < at_once:
                return DocumentPage(documents, None)
            after = places[-1].id

    async def close(self) -> None:
        """Ends the connections; a call after it is Unavailable. A server that does not say goodbye holds up nothing."""
        self._closed = True
        for end in (self._client.aclose, self._client.connection_pool.disconnect):
            with suppress(failures.RedisError):
                await end()

    async def _places(self, collection: str, prefix: str, after: str, count: int) -> Sequence[_Place]:
        least = b"(" + _bytes(after) if after >= prefix and after else b"[" + _bytes(prefix) if prefix else b"-"
        most = b"(" + _bytes(prefix) + b"\xff" if prefix else b"+"
        ids = _Place(self._namespace, collection, "").ids
        names = await self._client.zrangebylex(ids, least, most, start=0, num=count)
        return [_Place(self._namespace, collection, name.decode()) for name in names]

    async def _read(self, places: Sequence[_Place]) -> Sequence[Any]:
        """The fields of each, or the error in their place."""
        if not places:
            return []
        asked = self._client.pipeline(transaction=False)
        for place in places:
            asked.hmget(place.document, scripts.FIELDS)
        answers: Sequence[Any] = await asked.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception) and not _is_wrong_type(answer):
                raise answer
        return answers

    async def _whole(self, place: _Place, found: Any) -> Document | None:
        """The document, expired or not; a damaged one is put aside."""
        try:
            return _document(place, found)
        except ValueError:
            aside = place.damaged
        keys = (place.document, place.ids, aside)
        try:
            answer = await self._run(lambda: self._quarantine(keys=keys, args=(place.name, place.id)))
        except PortError:
            said = f"{place.name} is damaged and cannot be put aside: look at the key {place.document}."
            raise Corrupt(said, place.document) from None
        if answer[0] == b"damaged":
            raise _damaged(place, aside)
        [again] = await self._run(lambda: self._read([place]))  # somebody has just written it anew
        return _document(place, again)

    async def _write(self, script: Any, place: _Place, expected: int | None, now: datetime, *further: Any) -> int:
        """The version that the script says."""
        aside = place.damaged
        keys = (place.document, place.ids, place.write(secrets.token_hex(8)), aside)
        wanted = "" if expected is None else expected
        remembered = REMEMBERED // _MILLISECOND
        arguments = (place.name, place.id, _micros(now), wanted, remembered, *further)
        answer = await self._run(lambda: script(keys=keys, args=arguments))
        match answer:
            case [b"done", version]:
                return int(version)
            case [b"conflict", version]:
                known = int(version)
                raise Conflict(f"{place.name} has version {known}, not {expected}: read it and try again.", known)
            case [b"damaged"]:
                raise _damaged(place, aside)
            case _:
                raise _newer(place)

    async def _forget(self, gone: Sequence[_Place]) -> None:
        """Takes the ids away of what Redis itself has let go; where that fails, another time."""
        if gone:
            keys = (gone[0].ids, *(place.document for place in gone))
            with suppress(Unavailable):
                await self._run(lambda: self._tidy(keys=keys, args=[place.id for place in gone]))

    def _living(self, document: Document | None) -> Document | None:
        expired = document and document.expires is not None and document.expires <= self._now()
        return None if expired else document

    async def _run(self, call: Callable[[], Awaitable[T]]) -> T:
        if self._closed:
            raise Unavailable("The storage is closed: open it again.")
        try:
            return await repeated(call, _passes, self._patience)
        except _REFUSED as error:
            said = f"Redis at {self._where} refuses this user or password: give the right ones."
            raise Unavailable(said) from error
        except failures.OutOfMemoryError as error:
            raise Unavailable(f"Redis at {self._where} has no memory left: make room in it.") from error
        except (*_PASSING, TimeoutError) as error:
            raise Unavailable(f"Redis at {self._where} does not answer: see whether it runs, or try later.") from error
        except failures.RedisError as error:
            raise Unavailable(f"Redis at {self._where} says: {str(error)[:200].rstrip('.')}.") from error


def _pool(url: str, password: str | None, patience: Patience) -> BlockingConnectionPool:
    try:
        parts = urlsplit(url)
        if parts.password is not None or "password" in parse_qs(parts.query, keep_blank_values=True):
            raise Invalid("redis_url: leave the password out of it; it is given by itself.")
        return BlockingConnectionPool.from_url(
            url,
            password=password,
            max_connections=CONNECTIONS,
            timeout=patience.each,
            socket_timeout=patience.each,
            socket_connect_timeout=patience.each,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
    except (ValueError, TypeError):
        raise Invalid("redis_url: give redis://HOST:PORT/DATABASE, or rediss:// for TLS.") from None


def _shown(url: str) -> str:
    """Which Redis it is, without who logs in."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


def _passes(error: BaseException) -> bool:
    if isinstance(error, failures.ResponseError) and str(error).startswith("BUSY "):  # with somebody's long script
        return True
    return isinstance(error, _PASSING) and not isinstance(error, _REFUSED)


def _is_wrong_type(error: Exception) -> bool:
    return isinstance(error, failures.ResponseError) and str(error).startswith("WRONGTYPE")


def _document(place: _Place, found: Any) -> Document | None:
    """None when there is none. Raises ValueError for a damaged one, and Unsupported."""
    if isinstance(found, Exception):
        raise ValueError("is damaged") from found
    if not any(field is not None for field in found):
        return None
    fields: list[bytes] = [field or b"" for field in found]
    if fields[0] != b"%d" % scripts.FORMAT and fields[0].isdigit():
        raise _newer(place)
    seal = hashlib.sha1(b"\n".join((place.name.encode(), *fields[:5])), usedforsecurity=False).hexdigest()
    if seal.encode() != fields[5]:
        raise ValueError("is damaged")
    version, updated, expires = (int(field) if field else None for field in fields[1:4])
    assert version is not None and updated is not None
    until = None if expires is None else _EPOCH + expires * _MICROSECOND
    return Document(place.id, version, json.loads(fields[4]), _EPOCH + updated * _MICROSECOND, until)


def _damaged(place: _Place, aside: str) -> Corrupt:
    return Corrupt(f"{place.name} is damaged: it was moved to the key {aside} and is no longer used.", aside)


def _newer(place: _Place) -> Unsupported:
    return Unsupported(f"{place.name} was written by a newer session-mgmt-mcp: install that one.")


def _micros(when: datetime | None) -> int | str:
    return "" if when is None else (when - _EPOCH) // _MICROSECOND


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
