"""Servers that err, hang and vanish: a few attempts, then one sentence, nothing half-written, and afterwards all is well."""

import asyncio
import time

import pytest
from session_mgmt_mcp.contracts.session_storage import walked
from session_mgmt_mcp.ports.errors import Unavailable

from tests.integration.remote.conftest import QUICK
from tests.proxy import Fault
from tests.services import free_ports

NONSENSE = b"!? this is no protocol\r\n\r\n"
SILENT = pytest.param(Fault.SILENT, marks=pytest.mark.slow)
FAULTS = [Fault.CUT, Fault.LOST, Fault.HALF, Fault.ERROR, SILENT]


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_passes_is_not_seen(backend, wire, storage, over_wire, fault):
    written = await storage.put("s", "one", {"text": "x" * 5_000})
    wire.strike(fault, backend.reads, QUICK.attempts - 1, backend.error)
    assert await over_wire.get("s", "one") == written
    assert wire.met == QUICK.attempts
    wire.strike(fault, backend.reads, 1, backend.error)
    assert await walked(over_wire, "s") == [written]


REDIS_SAYS = (
    b"-READONLY You can't write against a read only replica.\r\n",
    b"-BUSY a script is running.\r\n",
    NONSENSE,
)
S3_SAYS = (*(b"HTTP/1.1 %d It passes\r\ncontent-length: 0\r\n\r\n" % code for code in (408, 409, 429, 500)), NONSENSE)


async def test_answers_that_pass_are_not_seen(backend, wire, storage, over_wire):
    for answer in S3_SAYS if backend.name == "s3" else REDIS_SAYS:
        written = await storage.put("s", "one", {"n": 1})
        if b"409" not in answer:  # only a write can collide
            wire.strike(Fault.ERROR, backend.reads, 1, answer)
            assert await over_wire.get("s", "one") == written
        wire.strike(Fault.ERROR, backend.writes, 1, answer)
        assert (await over_wire.put("s", "one", {"n": 2}, expected_version=written.version)).body == {"n": 2}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_does_not_pass_is_said_in_time_and_then_forgotten(backend, wire, storage, over_wire, fault):
    written = await storage.put("s", "one", {"n": 1})
    ways = [
        (backend.reads, lambda: over_wire.get("s", "one")),
        (backend.writes, lambda: over_wire.put("s", "one", {"n": 2}, expected_version=7)),
    ]
    for on, way in ways[: 1 if backend.name == "s3" else 2]:  # a conflict is seen by reading
        wire.strike(fault, on, 100, backend.error)
        began = time.monotonic()
        with pytest.raises(Unavailable, match=f"127.0.0.1:{wire.port}") as said:
            await way()
        assert time.monotonic() - began < QUICK.total + 0.5
        assert wire.met <= QUICK.attempts
        assert backend.secret not in str(said.value)
    wire.mend()
    assert await over_wire.get("s", "one") == written


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.ERROR, SILENT])
async def test_a_write_that_never_arrived_changed_nothing(backend, wire, storage, over_wire, fault):
    written = await storage.put("s", "one", {"n": 1})
    wire.strike(fault, backend.writes, 100, backend.error)
    for attempt in (
        over_wire.put("s", "one", {"n": 2}),
        over_wire.put("s", "two", {}),
        over_wire.delete("s", "one"),
    ):
        with pytest.raises(Unavailable):
            await attempt
    wire.mend()
    assert await walked(over_wire, "s") == [written]
    assert (await over_wire.put("s", "one", {"n": 2}, expected_version=1)).version == 2


STRANGE = {"redis": b"-ERR something else entirely.\r\n", "s3": b"HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\n\r\n"}


async def test_an_answer_that_means_nothing_to_us_is_passed_on_at_once(backend, wire, storage, over_wire):
    await storage.put("s", "one", {"n": 1})
    wire.strike(Fault.ERROR, backend.reads, 100, STRANGE[backend.name])
    with pytest.raises(Unavailable, match=r"(something else entirely|answers 418)[^.]*\.$"):
        await over_wire.get("s", "one")
    assert wire.met == 1


async def test_it_opens_without_its_server_and_works_when_that_comes(backend):
    [port] = free_ports(1)
    storage = backend.open(port, patience=QUICK)
    with pytest.raises(Unavailable, match="does not answer"):
        await storage.put("s", "one", {})

    async def lead(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", backend.port)

        async def copy(source, target):
            while data := await source.read(65_536):
                target.write(data)
            target.close()

        await asyncio.gather(copy(reader, back), copy(there, writer))

    async with await asyncio.start_server(lead, "127.0.0.1", port):
        assert (await storage.put("s", "one", {})).version == 1
        await storage.close()


async def test_who_gives_up_leaves_no_answer_for_the_next(backend, wire, storage, over_wire):
    for name in ("one", "two"):
        await storage.put("s", name, {"name": name})
    for _ in range(5):
        wire.strike(Fault.SILENT, backend.reads)
        waiting = asyncio.create_task(over_wire.get("s", "one"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        wire.mend()
        assert (await over_wire.get("s", "two")).body == {"name": "two"}


async def test_after_closing_it_says_so(storage):
    await storage.close()
    for attempt in (
        lambda: storage.get("s", "one"),
        lambda: storage.put("s", "one", {}),
        lambda: storage.delete("s", "one"),
        lambda: storage.list("s"),
    ):
        with pytest.raises(Unavailable, match="closed"):
            await attempt()


async def test_another_opening_reads_what_the_first_wrote(backend, clock, storage):
    written = await storage.put("s", "one", {"n": 1})
    other = backend.open(now=clock.now)
    assert await other.get("s", "one") == written
    await other.close()
