"""Servers that die and hang for real: what they acknowledged is there, and who asked meanwhile was told in time."""

import asyncio
import random
import time

import pytest
from session_mgmt_mcp.adapters.retrying import Patience
from session_mgmt_mcp.contracts.session_storage import walked
from session_mgmt_mcp.ports.errors import Conflict, Unavailable

from tests.integration.remote.conftest import redis_backend, s3_backend
from tests.services import redis_server, s3_server

WRITERS = 8
HASTY = Patience(attempts=2, each=0.3, total=0.7, pause=0.01)


@pytest.fixture(scope="module", params=["redis", pytest.param("s3", marks=pytest.mark.slow)])
def mortal(request):
    """A server of this file's own, and the program to kill."""
    with {"redis": redis_server, "s3": s3_server}[request.param]() as (server, program):
        yield {"redis": redis_backend, "s3": s3_backend}[request.param](server), program


async def writing(storage, name, acknowledged, until):
    """Writes one version after the other, and notes those that were acknowledged."""
    while not until.is_set():
        try:
            written = await storage.put("s", name, {"hay": name * random.randrange(5_000), "end": name})
            acknowledged[name] = written.version
        except (Unavailable, Conflict):
            await asyncio.sleep(0.01)


async def test_a_killed_server_lost_nothing_it_had_acknowledged(mortal):
    backend, program = mortal
    storage = backend.open(patience=Patience(attempts=2, each=1.0, total=2.0, pause=0.01))
    acknowledged, deaths = {}, 3
    for _ in range(deaths):
        until = asyncio.Event()
        writers = [asyncio.create_task(writing(storage, f"d{n}", acknowledged, until)) for n in range(WRITERS)]
        await asyncio.sleep(random.uniform(0.1, 0.4))
        program.kill()
        until.set()
        await asyncio.gather(*writers)
        with pytest.raises(Unavailable):
            await storage.get("s", "d0")
        program.start()  # by this thread: the server ends with the one that started it
        found = {document.id: document for document in await walked(storage, "s")}
        for name, version in acknowledged.items():
            document = found[name]
            assert document.body["end"] == name and set(document.body["hay"]) <= set(name)
            # the write that was under way may be there without a word
            assert version <= document.version <= version + 1
        acknowledged |= {name: document.version for name, document in found.items()}
    assert len(acknowledged) == WRITERS
    await storage.close()


async def test_a_server_that_hangs_is_said_in_time_and_what_it_was_told_happens_once(mortal):
    backend, program = mortal
    storage = backend.open(patience=HASTY)
    before = await storage.put("s", "hangs", {"n": 1})
    with program.hanging():
        for attempt in (storage.put("s", "hangs", {"n": 2}), storage.get("s", "hangs"), storage.list("s")):
            began = time.monotonic()
            with pytest.raises(Unavailable, match="does not answer"):
                await attempt
            assert time.monotonic() - began < 2 * HASTY.total
    await storage.close()
    storage = backend.open()
    await asyncio.sleep(0.2)  # what lay in its sockets
    after = await storage.get("s", "hangs")
    assert (after.version - before.version, after.body) in ((0, {"n": 1}), (1, {"n": 2}))
    assert (await storage.put("s", "hangs", {"n": 3}, expected_version=after.version)).body == {"n": 3}
    await storage.close()


async def test_a_server_that_is_away_for_a_moment_is_not_noticed(mortal):
    backend, program = mortal
    storage = backend.open()
    await storage.put("s", "pause", {"n": 0})
    with program.hanging():
        waiting = asyncio.create_task(storage.put("s", "pause", {"n": 1}))
        await asyncio.sleep(0.3)
    assert (await waiting).body == {"n": 1}
    await storage.close()
