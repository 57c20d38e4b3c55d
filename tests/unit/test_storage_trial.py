"""A storage that does not do what sessions rely on is found out before anything relies on it."""

from dataclasses import replace

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.storage_trial import TRIALS, tried
from session_mgmt_mcp.ports.errors import Conflict, Unavailable
from session_mgmt_mcp.ports.session_storage import DocumentPage


class LosesWrites(MemorySessionStorage):
    async def get(self, collection, id):
        return None


class ReadsAnother(MemorySessionStorage):
    async def get(self, collection, id):
        found = await super().get(collection, id)
        return found and replace(found, body={"text": "gr?e"})


class ListsNothing(MemorySessionStorage):
    async def list(self, *arguments, **named):
        return DocumentPage([], None)


class LastWriterWins(MemorySessionStorage):
    async def put(self, collection, id, body, *, expected_version=None, expires=None):
        return await super().put(collection, id, body, expires=expires)


class CannotSwap(MemorySessionStorage):
    async def put(self, collection, id, body, *, expected_version=None, expires=None):
        if expected_version:
            raise Conflict("It has another version.", 7)
        return await super().put(collection, id, body, expected_version=expected_version, expires=expires)


class NeverExpires(MemorySessionStorage):
    async def put(self, collection, id, body, *, expected_version=None, expires=None):
        return await super().put(collection, id, body, expected_version=expected_version)


class KeepsWhatIsDeleted(MemorySessionStorage):
    async def delete(self, collection, id, *, expected_version=None):
        return True


class Breaks(MemorySessionStorage):
    async def list(self, *arguments, **named):
        raise Unavailable("The server has gone: try later.")


@pytest.mark.parametrize(
    ("storage", "problem"),
    [
        (LosesWrites, "does not read"),
        (ReadsAnother, "does not read"),
        (ListsNothing, "does not list"),
        (LastWriterWins, "does not refuse a stale swap"),
        (CannotSwap, "another version"),
        (NeverExpires, "does not expire"),
        (KeepsWhatIsDeleted, "does not delete"),
        (Breaks, "has gone"),
    ],
)
async def test_each_fault_is_found(storage, problem):
    clock = FixedClock()
    trial = await tried(storage(clock.now), clock, "probe")
    assert not trial.passed and problem in trial.problem


@pytest.mark.parametrize("storage", [MemorySessionStorage, ListsNothing, LastWriterWins, Breaks])
async def test_nothing_is_left_of_a_trial(storage):
    clock = FixedClock()
    kept = storage(clock.now)
    await tried(kept, clock, "probe")
    assert await kept.get(TRIALS, "probe") is None


async def test_a_storage_as_it_should_be_passes_every_step():
    clock = FixedClock()
    trial = await tried(MemorySessionStorage(clock.now), clock, "probe")
    assert trial.passed and list(trial.steps) == [
        "write",
        "read",
        "list",
        "swap",
        "refuse a stale swap",
        "expire",
        "delete",
    ]
