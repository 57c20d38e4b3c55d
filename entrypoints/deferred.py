"""Storages that are opened at their first use, and can be exchanged: the product starts while their servers are away."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.session_storage import Document, DocumentPage, SessionStorage
from session_mgmt_mcp.ports.vector_store import Json
from session_mgmt_mcp.settings import Settings

FIRST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 1.0, 15.0  # between two looks whether a server is back
LAST_WORD_SECONDS = 30.0  # calls that are under way when a storage is closed may take so long

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A storage and how to let go of it."""

    storage: SessionStorage
    close: Callable[[], Awaitable[None]]


class DeferredStorage:
    """SessionStorage. `open` is called with the first use, and again after it failed.

    While its server is away only the first call waits for it: the next ones are told at once, until somebody who looks
    in the background has found it again. `watched` False: each call tries for itself.
    """

    def __init__(self, open: Callable[[], Awaitable[Opened]], watched: bool = True) -> None:
        self._open = open
        self._watched = watched
        self._opened: Opened | None = None
        self._opening = asyncio.Lock()
        self._away: Unavailable | None = None
        self._looking: asyncio.Task[None] | None = None
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    @property
    def away(self) -> Unavailable | None:
        """Why its server was away when it was last asked; None: it was there, or was never asked."""
        return self._away

    async def get(self, collection: str, id: str) -> Document | None:
        async with self._there() as storage:
            return await storage.get(collection, id)

    async def put(
        self,
        collection: str,
        id: str,
        body: Mapping[str, Json],
        *,
        expected_version: int | None = None,
        expires: datetime | None = None,
    ) -> Document:
        async with self._there() as storage:
            return await storage.put(collection, id, body, expected_version=expected_version, expires=expires)

    async def delete(self, collection: str, id: str, *, expected_version: int | None = None) -> bool:
        async with self._there() as storage:
            return await storage.delete(collection, id, expected_version=expected_version)

    async def list(
        self,
        collection: str,
        prefix: str = "",
        where: Mapping[str, Json] | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> DocumentPage:
        async with self._there() as storage:
            return await storage.list(collection, prefix, where, cursor, limit)

    async def quiet(self) -> None:
        """When nothing is under way; after LAST_WORD_SECONDS at the latest."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), LAST_WORD_SECONDS)

    async def close(self) -> None:
        """Once what is under way is over. Whoever asks it afterwards opens it again."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
            self._looking = None
        await self.quiet()
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    @asynccontextmanager
    async def _there(self) -> AsyncIterator[SessionStorage]:
        if self._away is not None and self._looking is not None:
            raise Unavailable(str(self._away), self._away.retry_after)
        self._under_way += 1
        self._idle.clear()
        try:
            yield (await self._made()).storage
            self._away = None
        except Unavailable as error:
            self._away = error
            if self._watched and not self._closed and self._looking is None:
                self._looking = asyncio.create_task(self._look())
            raise
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _made(self) -> Opened:
        async with self._opening:
            if self._opened is None:
                self._opened = await self._open()
            return self._opened

    async def _look(self) -> None:
        """Until it is back."""
        pause = FIRST_LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK_SECONDS)
            try:
                await (await self._made()).storage.get("probes", "any")
            except Unavailable as error:
                self._away = error
                continue
            except Exception:  # whoever asks next is told what is wrong
                _log.debug("a storage answers, though not well", exc_info=True)
            self._away = self._looking = None
            return


class ExchangeableStorage:
    """SessionStorage: whichever is put into it last. Readers go on during an exchange, writers wait until it is done."""

    def __init__(self, storage: DeferredStorage, settings: Settings) -> None:
        self.current = storage
        self.settings = settings
        """Those by which the current one was chosen: newer than what the product was opened with."""
        self._writing = asyncio.Lock()

    async def get(self, collection: str, id: str) -> Document | None:
        return await self.current.get(collection, id)

    async def put(
        self,
        collection: str,
        id: str,
        body: Mapping[str, Json],
        *,
        expected_version: int | None = None,
        expires: datetime | None = None,
    ) -> Document:
        current = await self._settled()
        return await current.put(collection, id, body, expected_version=expected_version, expires=expires)

    async def delete(self, collection: str, id: str, *, expected_version: int | None = None) -> bool:
        current = await self._settled()
        return await current.delete(collection, id, expected_version=expected_version)

    async def list(
        self,
        collection: str,
        prefix: str = "",
        where: Mapping[str, Json] | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> DocumentPage:
        return await self.current.list(collection, prefix, where, cursor, limit)

    @asynccontextmanager
    async def exchanging(self, new: DeferredStorage, settings: Settings) -> AsyncIterator[SessionStorage]:
        """The one that goes; when the block ends well `new` is in its place, and it is closed.

        Else `new` is closed, and nothing has changed.
        """
        async with self._writing:
            old = self.current
            await old.quiet()
            try:
                yield old
            except BaseException:
                await new.close()
                raise
            self.current, self.settings = new, settings
        await old.close()

    async def close(self) -> None:
        await self.current.close()

    async def _settled(self) -> DeferredStorage:
        async with self._writing:
            return self.current
