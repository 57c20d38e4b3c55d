"""A storage whose server is away holds up nobody, and one can take another's place while it is used."""

import asyncio

import pytest
from session_mgmt_mcp import deferred
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.contracts.session_storage import SessionStorageContract
from session_mgmt_mcp.deferred import DeferredStorage, ExchangeableStorage, Opened
from session_mgmt_mcp.ports.errors import Invalid, Unavailable
from session_mgmt_mcp.settings import load


class Server:
    """A storage that can be away; `asked` counts who tried."""

    def __init__(self):
        self.storage = MemorySessionStorage()
        self.away = False
        self.asked = self.opened = self.closed = 0

    async def open(self):
        self.opened += 1
        await asyncio.sleep(0)
        return Opened(self, self.close)

    async def get(self, collection, id):
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("The server is away: try again.", 1.0)
        return await self.storage.get(collection, id)

    async def put(self, *arguments, **named):
        await asyncio.sleep(0)
        return await self.storage.put(*arguments, **named)

    def list(self, *arguments):
        return self.storage.list(*arguments)

    def delete(self, *arguments, **named):
        return self.storage.delete(*arguments, **named)

    async def close(self):
        self.closed += 1


@pytest.fixture
def quickly(monkeypatch):
    monkeypatch.setattr(deferred, "FIRST_LOOK_SECONDS", 0.01)


@pytest.fixture
def clock():
    return FixedClock()


class TestDeferred(SessionStorageContract):
    @pytest.fixture
    async def storage(self, clock):
        kept = MemorySessionStorage(clock.now)

        async def nothing():
            pass

        async def opened():
            return Opened(kept, nothing)

        yield ExchangeableStorage(DeferredStorage(opened), load())


async def test_it_is_opened_once_with_its_first_use():
    server = Server()
    storage = DeferredStorage(server.open)
    assert server.opened == 0
    await asyncio.gather(*(storage.get("a", "b") for _ in range(5)))
    assert server.opened == 1
    await storage.close()
    assert server.closed == 1


async def test_what_cannot_be_opened_is_tried_again():
    tries = []

    async def open():
        tries.append(1)
        raise Invalid("s3_bucket: give its name.")

    storage = DeferredStorage(open)
    for _ in range(2):
        with pytest.raises(Invalid, match="give its name"):
            await storage.get("a", "b")
    assert len(tries) == 2


async def test_only_the_first_waits_for_a_server_that_is_away_and_its_return_is_noticed(quickly):
    server = Server()
    storage = DeferredStorage(server.open)
    server.away = True
    for _ in range(3):
        with pytest.raises(Unavailable, match="server is away"):
            await storage.get("a", "b")
    assert server.asked == 1 and storage.away is not None
    server.away = False
    async with asyncio.timeout(5):
        while storage.away:
            await asyncio.sleep(0.01)
    assert await storage.get("a", "b") is None
    await storage.close()


async def test_a_server_that_comes_back_and_fails_oddly_is_not_away_for_ever(quickly):
    server = Server()
    storage = DeferredStorage(server.open)
    server.away = True
    with pytest.raises(Unavailable):
        await storage.get("a", "b")
    server.storage.get, get = None, server.storage.get  # a TypeError, as of an engine's bug
    server.away = False
    async with asyncio.timeout(5):
        while storage.away:
            await asyncio.sleep(0.01)
    server.storage.get = get
    assert await storage.get("a", "b") is None
    await storage.close()


async def test_nobody_looks_for_the_server_of_a_closed_storage(quickly):
    server = Server()
    server.away = True
    storage = DeferredStorage(server.open)
    with pytest.raises(Unavailable):
        await storage.get("a", "b")
    await storage.close()
    asked = server.asked
    await asyncio.sleep(0.1)
    assert server.asked == asked


async def test_an_exchange_waits_for_writes_and_holds_up_those_that_come():
    one, two = Server(), Server()
    storage = ExchangeableStorage(DeferredStorage(one.open), load())
    begun = asyncio.create_task(storage.put("a", "before", {}))
    await asyncio.sleep(0)
    async with storage.exchanging(DeferredStorage(two.open), load()) as leaving:
        assert begun.done() and await leaving.get("a", "before") is not None
        coming = asyncio.create_task(storage.put("a", "after", {}))
        await asyncio.sleep(0.02)
        assert not coming.done() and await storage.get("a", "before") is not None
    await coming
    assert await two.storage.get("a", "after") and not await one.storage.get("a", "after") and one.closed == 1


async def test_an_exchange_that_fails_changes_nothing():
    one, two = Server(), Server()
    storage = ExchangeableStorage(DeferredStorage(one.open), load())
    with pytest.raises(Unavailable):
        async with storage.exchanging(new := DeferredStorage(two.open), load(search_limit=9)):
            await new.get("a", "b")
            raise Unavailable("The copy broke off: try again.")
    await storage.put("a", "b", {})
    assert await one.storage.get("a", "b") and storage.settings.search_limit == 5
    assert (one.closed, two.closed) == (0, 1)
