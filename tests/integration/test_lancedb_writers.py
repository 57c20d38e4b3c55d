"""Several processes at one LanceDB, and one that is killed."""

import asyncio
import json
import sys
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from session_mgmt_mcp.adapters.lancedb import upkeep
from session_mgmt_mcp.adapters.lancedb.connection import s3_options
from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
from session_mgmt_mcp.contracts.samples import all_ids, names, record
from session_mgmt_mcp.ports.vector_store import Condition

WRITER = """
import asyncio, json, sys
import numpy as np
from session_mgmt_mcp.adapters.lancedb import upkeep
from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
from session_mgmt_mcp.contracts.samples import pointing, record
from session_mgmt_mcp.ports.vector_store import Condition

async def main(me, count, uri, options):
    upkeep.AFTER = 7
    store = await LanceDBVectorStore.open(uri, options)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        own = [record(f"{me}.{number}.{part}", f"words of {me}") for part in range(3)]
        await store.upsert([*own, record(f"same{number}", f"by {me}")])
        await store.set_vectors([f"{me}.{number}.0"], pointing(1, number).reshape(1, -1), "m")
        if number % 3 == 2:
            await store.delete([Condition("id", "=", f"{me}.{number}.2")])
        print(number, flush=True)
    await store.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), *json.loads(sys.argv[3])))
"""


@pytest.fixture
def local(tmp_path):
    return str(tmp_path / "memories"), None


@pytest.fixture
def on_s3(s3):
    return f"s3://{s3.bucket}/{uuid4().hex}", s3_options(s3.endpoint, s3.region, s3.access_key_id, s3.secret_access_key)


async def writer(me, count, place):
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(me), str(count), json.dumps(place), stdin=pipe, stdout=pipe
    )
    assert (await started.stdout.readline()).strip() == b"ready"
    return started


async def four_at_once(place, count):
    writers = await asyncio.gather(*(writer(me, count, place) for me in range(4)))
    for one in writers:
        one.stdin.write(b"go\n")
    said = await asyncio.gather(*(one.communicate() for one in writers))
    assert [one.returncode for one in writers] == [0, 0, 0, 0]
    assert all(len(out.split()) == count for out, _ in said)
    store = await LanceDBVectorStore.open(*place)
    parts = {f"{me}.{n}.{part}" for me in range(4) for n in range(count) for part in range(3) if part < 2 or n % 3 < 2}
    expected = parts | {f"same{n}" for n in range(count)}
    found = Counter(await all_ids(store, 40))
    assert set(found) == expected and set(found.values()) == {1}
    assert (await store.stats()).vectors == 4 * count
    assert len(await store.search_lexical("words", (), 10_000)) == len(parts)
    assert await store.verify() == len(expected)
    assert await upkeep.keep_up(store._database, await store._opened())
    assert (await (await store._opened()).stats())["fragment_stats"]["num_fragments"] < 5
    assert await store.verify() == len(expected)
    await store.close()


@pytest.mark.slow
async def test_four_processes_that_write_at_once_lose_and_double_nothing(local):
    await four_at_once(local, 9)


@pytest.mark.slow
async def test_four_processes_that_write_at_once_to_s3_lose_and_double_nothing(on_s3):
    await four_at_once(on_s3, 6)


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 5, 14])
async def test_what_was_acknowledged_before_a_kill_is_there_and_whole(local, lines):
    started = await writer("w", 100, local)
    started.stdin.write(b"go\n")
    done = [int(await started.stdout.readline()) for _ in range(lines)]
    await asyncio.sleep(0.003 * lines)  # somewhere within the next writes
    started.kill()
    rest, _ = await started.communicate()
    done += [int(one) for one in rest.split()]
    store = await LanceDBVectorStore.open(*local)
    found = Counter(await all_ids(store, 50))
    assert {f"w.{n}.{part}" for n in done for part in range(3) if part < 2 or n % 3 < 2} <= set(found)
    assert set(found.values()) == {1}
    for number in range(100):
        assert sum(f"w.{number}.{part}" in found for part in range(2)) in (0, 2)
    assert await store.verify() == len(await all_ids(store, 500))
    await store.upsert([record("after")])
    await store.close()


async def test_a_write_is_seen_by_another_at_once(local):
    one, other = [await LanceDBVectorStore.open(*local) for _ in range(2)]
    for number in range(5):
        await one.upsert([record(f"r{number}", f"common word{number}")])
        assert names(await other.search_lexical("common", (), 9)) == [f"r{n}" for n in range(number + 1)]
        await other.delete([Condition("id", "=", "none")])
        assert await one.count(()) == await other.count(()) == number + 1
    await one.close()
    await other.close()


async def test_two_that_insert_the_same_at_once_make_one_record_of_it(local):
    """Not two processes, but two connections, which know as little of each other."""
    stores = [await LanceDBVectorStore.open(*local) for _ in range(2)]
    for number in range(8):
        await asyncio.gather(*(store.upsert([record(f"r{number}", f"by {at}")]) for at, store in enumerate(stores)))
    assert await all_ids(stores[0]) == [f"r{n}" for n in range(8)]
    for store in stores:
        await store.close()


async def test_upkeep_runs_by_itself_and_takes_nothing_from_those_who_read(local, monkeypatch):
    monkeypatch.setattr(upkeep, "AFTER", 5)
    monkeypatch.setattr(upkeep, "KEPT", timedelta(hours=1))
    store = await LanceDBVectorStore.open(*local)
    await store.upsert([record("r0", "needle")])
    earlier = await store._opened()
    for number in range(1, 12):
        await store.upsert([record(f"r{number}", "needle")])
    await store._upkeep
    now = await store._opened()
    assert (await now.stats())["fragment_stats"]["num_fragments"] < 8
    assert await now.version() > 13  # twelve writes, and what was put together
    assert (await earlier.query().select(["id"]).to_arrow())["id"].to_pylist() == ["r0"]
    assert await all_ids(store) == [f"r{n}" for n in range(12)]
    await store.close()


async def test_versions_that_nobody_reads_any_more_are_taken_away(local, monkeypatch):
    monkeypatch.setattr(upkeep, "AT_FIRST", 1_000)  # not by itself: it would take versions from those who write
    monkeypatch.setattr(upkeep, "AFTER", 1_000)
    store = await LanceDBVectorStore.open(*local)
    for number in range(10):
        await store.upsert([record(f"r{number}", "needle")])
    monkeypatch.setattr(upkeep, "KEPT", timedelta(milliseconds=1))
    assert await upkeep.keep_up(store._database, await store._opened())
    assert len(await (await store._opened()).list_versions()) < 5
    assert len(await store.search_lexical("needle", (), 99)) == 10
    assert await store.verify() == 10
    await store.close()


async def test_only_one_is_at_upkeep_at_a_time_and_a_dead_one_is_replaced(local):
    store = await LanceDBVectorStore.open(*local)
    leases = await upkeep.leases_of(store._database)
    assert await upkeep.taken(leases, "one", 60)
    assert not await upkeep.taken(leases, "two", 60)
    assert not await upkeep.keep_up(store._database, await store._opened())
    await leases.delete("holder = 'one'")
    assert await upkeep.taken(leases, "three", -1)  # it was to be done by now
    assert await upkeep.keep_up(store._database, await store._opened())
    assert await upkeep.keep_up(store._database, await store._opened())
    await store.close()
