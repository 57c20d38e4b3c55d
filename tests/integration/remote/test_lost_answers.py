"""A write whose answer was lost: the next attempt finds out whether it was made."""

import pytest
from session_mgmt_mcp.contracts.session_storage import walked
from session_mgmt_mcp.ports.errors import Conflict, Unavailable

from tests.integration.remote.conftest import QUICK
from tests.proxy import Fault


@pytest.fixture(autouse=True)
async def begun(storage):
    """So that no request is the first of its kind."""
    await storage.put("s", "begun", {})
    await storage.delete("s", "begun")


@pytest.mark.parametrize(
    "fault", [Fault.LOST, Fault.HALF, Fault.CUT, pytest.param(Fault.SILENT, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("expected", [None, 1])
async def test_it_is_made_once(backend, wire, storage, over_wire, fault, expected):
    await storage.put("s", "one", {"n": 1})
    wire.strike(fault, backend.writes)
    written = await over_wire.put("s", "one", {"n": 2}, expected_version=expected)
    assert wire.met == 2 and written.version == 2
    assert await storage.get("s", "one") == written


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.CUT])
async def test_a_creation_is_no_conflict_with_itself(backend, wire, storage, over_wire, fault):
    wire.strike(fault, backend.writes)
    written = await over_wire.put("s", "one", {"n": 1}, expected_version=0)
    assert written.version == 1 and await storage.get("s", "one") == written


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.CUT])
async def test_a_deletion_knows_that_there_was_one(backend, wire, storage, over_wire, fault):
    await storage.put("s", "one", {"n": 1})
    wire.strike(fault, backend.writes)
    assert await over_wire.delete("s", "one", expected_version=1) is True
    assert await storage.get("s", "one") is None


@pytest.mark.parametrize("others", [1, 5])
async def test_it_was_made_although_others_have_written_since(backend, wire, storage, over_wire, others):
    await storage.put("s", "one", {"n": 1})
    wire.strike(Fault.LOST, backend.writes)

    async def write():
        for n in range(others):
            await storage.put("s", "one", {"by others": n})

    wire.meanwhile = write
    written = await over_wire.put("s", "one", {"n": 2}, expected_version=1)
    assert (written.version, written.body) == (2, {"n": 2})
    assert (await storage.get("s", "one")).version == 2 + others


async def test_it_was_not_made_where_others_were_first(backend, wire, storage, over_wire):
    await storage.put("s", "one", {"n": 1})
    seen = await over_wire.get("s", "one")
    await storage.put("s", "one", {"by others": 1})
    wire.strike(Fault.LOST, backend.writes)
    with pytest.raises(Conflict) as known:
        await over_wire.put("s", "one", {"n": 2}, expected_version=seen.version)
    assert known.value.version == 2


async def test_what_others_deleted_since_does_not_come_back(backend, wire, storage, over_wire):
    wire.strike(Fault.LOST, backend.writes)
    wire.meanwhile = lambda: storage.delete("s", "one", expected_version=1)
    written = await over_wire.put("s", "one", {"n": 1}, expected_version=0)
    assert written.version == 1
    assert await storage.get("s", "one") is None


async def test_when_all_answers_are_lost_it_was_made_once_or_never(backend, wire, storage, over_wire):
    await storage.put("s", "one", {"n": 1})
    wire.strike(Fault.LOST, backend.writes, times=100)
    with pytest.raises(Unavailable):
        await over_wire.put("s", "one", {"n": 2})
    assert wire.met == QUICK.attempts
    assert (await storage.get("s", "one")).version == 2
    wire.mend()
    assert (await over_wire.put("s", "one", {"n": 3}, expected_version=2)).version == 3
    assert [document.id for document in await walked(over_wire, "s")] == ["one"]
