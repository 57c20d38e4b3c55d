"""Hubs of several machines over one storage and one store, as they are wired; in between, others may run."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.listing import ListingService
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.teams.ballots import Ballots
from session_mgmt_mcp.domain.teams.knowledge import Asked, KnowledgeService
from session_mgmt_mcp.domain.teams.membership import TeamService
from session_mgmt_mcp.domain.teams.roles import Role
from session_mgmt_mcp.domain.teams.sharing import SharingService
from session_mgmt_mcp.domain.teams.voting import VotingService

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Interrupted:
    """A port in front of another: before and after each call others may run, in an order that `seed` decides."""

    def __init__(self, inner: Any, seed: int) -> None:
        self._inner = inner
        self._random = random.Random(seed)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            for _ in range(self._random.randrange(6)):
                await asyncio.sleep(0)
            result = await found(*args, **kwargs)
            for _ in range(self._random.randrange(6)):
                await asyncio.sleep(0)
            return result

        return call


class Meanwhile:
    """A port in front of another; all that share a `clock` count their calls together, and before one of them something happens."""

    def __init__(self, inner: Any, clock: "Calls") -> None:
        self._inner = inner
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._clock.tick()
            return await found(*args, **kwargs)

        return call


class Calls:
    """Before the `at`-th call (from 0) `happens`, whole; never when there are fewer, which `happened` tells."""

    def __init__(self) -> None:
        self.at = -1
        self.happens: Callable[[], Awaitable[object]] | None = None
        self.happened = False

    def arm(self, at: int, happens: Callable[[], Awaitable[object]]) -> None:
        self.at, self.happens, self.happened = at, happens, False

    async def tick(self) -> None:
        self.at -= 1
        if self.at == -1 and self.happens is not None:
            happens, self.happens, self.happened = self.happens, None, True
            await happens()


class Hub:
    """One machine: memories of its own, and what it shares with the others."""

    def __init__(self, storage: Any, store: Any, *, embedder: Any = None, own: Any = None) -> None:
        clock = FixedClock(NOW)
        self.embedder = embedder or MemoryEmbedder()
        self.own, self.store, self.storage = own or MemoryVectorStore(), store, storage
        self.ballots = Ballots(storage, clock)
        self.memory = MemoryService(self.own, self.embedder, clock)
        self.teams = TeamService(storage, clock)
        self.sharing = SharingService(self.teams, self.own, store, self.ballots, self.embedder, clock)
        shared = MemoryService(store, self.embedder, clock)
        self.knowledge = KnowledgeService(self.teams, store, shared, ListingService(store))
        own_ballots = Ballots(MemorySessionStorage(clock.now), clock)
        self.voting = VotingService(self.teams, self.own, store, own_ballots, self.ballots)

    async def remember(self, text: str, **given: Any) -> str:
        return (await self.memory.store(Draft(text, "shop-1a2b3c", **given))).id

    async def found(self, user: str, query: str, **asked: Any) -> list[str]:
        known = await self.knowledge.search(user, Asked(query, **asked))
        return [record.id for record, _, _ in known.hits]


@dataclass
class World:
    """What the machines have in common; `hub()` is a further machine."""

    storage: MemorySessionStorage = field(default_factory=lambda: MemorySessionStorage(lambda: NOW))
    store: MemoryVectorStore = field(default_factory=MemoryVectorStore)

    def hub(self, seed: int | None = None, **given: Any) -> Hub:
        if seed is None:
            return Hub(self.storage, self.store, **given)
        return Hub(Interrupted(self.storage, seed), Interrupted(self.store, seed + 1), **given)

    def watched(self, calls: Calls) -> Hub:
        """A further machine, whose calls are counted."""
        return Hub(Meanwhile(self.storage, calls), Meanwhile(self.store, calls))


async def core(hub: Hub) -> None:
    """The team `core`: ann owns it, adam is an admin, mia a member, vera a viewer."""
    await hub.teams.create("core", "Core", "", "ann")
    for user, role in (("adam", Role.ADMIN), ("mia", Role.MEMBER), ("vera", Role.VIEWER)):
        await hub.teams.add("core", user, role, "ann")
