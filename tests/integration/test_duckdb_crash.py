"""kill -9 at any moment loses nothing that was acknowledged."""

import asyncio
import random
import subprocess
import sys

import pytest
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.samples import all_ids, names
from session_mgmt_mcp.ports.vector_store import Condition

WRITER = """
import asyncio, sys
from pathlib import Path
from session_mgmt_mcp.adapters.duckdb import connection, store
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.samples import record, pointing
from session_mgmt_mcp.ports.vector_store import Condition
connection.SNAPSHOT_AT_ONCE = 40

async def client(opened, life, number):
    for step in range(10_000):
        name = f"{life}.{number}.{step}"
        await opened.upsert([record(name, f"needle {name} " + "hay " * (step % 300)), record(name + ".pair", "pair")])
        print("+", name, flush=True)
        if step % 5 == 4:
            await opened.set_vectors([name], pointing(1, step).reshape(1, -1), "m")
            print("v", name, flush=True)
        if step % 7 == 6:
            await opened.delete([Condition("id", "=", name)])
            print("-", name, flush=True)

async def main():
    opened = await DuckDBVectorStore.open(Path(sys.argv[1]))
    print("ready", flush=True)
    await asyncio.gather(*(client(opened, sys.argv[2], number) for number in range(4)))

asyncio.run(main())
"""


def live_and_die(path, life, seconds):
    """What a writer acknowledged before it was killed: names by what was done to them."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(life)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as writer:
        started = writer.stdout.readline()
        if started != "ready\n":
            raise AssertionError(writer.stderr.read())
        try:
            writer.wait(seconds)
        except subprocess.TimeoutExpired:
            writer.kill()
        lines = writer.stdout.read().split("\n")[:-1]  # what stands behind the last end of a line was cut off with it
    return [line.split() for line in lines]


async def check(path, written, with_vector, gone):
    opened = await DuckDBVectorStore.open(path)
    found = set(await all_ids(opened, 1_000))
    # the last deletion may have been done without a word
    maybe_gone = {name for name in written if int(name.rsplit(".", 1)[1]) % 7 == 6}
    assert written - gone - maybe_gone <= found
    assert not gone & found
    assert {f"{name}.pair" for name in written} <= found
    assert {name for name in found if not name.endswith(".pair")} <= {name.removesuffix(".pair") for name in found}
    assert set(names(await opened.search_lexical("needle", (), 10**6))) == {n for n in found if not n.endswith(".pair")}
    vectors = await opened.vectors(sorted(with_vector & found))
    assert set(vectors) == with_vector & found
    assert await opened.count([Condition("id", "in", sorted(found))]) == len(found)
    await opened.close()


async def many_deaths(path, deaths, chance):
    written, with_vector, gone = set(), set(), set()
    for life in range(deaths):
        for what, name in await asyncio.to_thread(live_and_die, path, life, chance.uniform(0.0, 0.4)):
            {"+": written, "v": with_vector, "-": gone}[what].add(name)
        if life % 5 == 4:
            await check(path, written, with_vector, gone)
    await check(path, written, with_vector, gone)
    assert len(written) > deaths


@pytest.mark.timeout(300)
async def test_a_killed_writer_lost_nothing_it_had_acknowledged(tmp_path):
    await many_deaths(tmp_path / "memory.duckdb", 6, random.Random())


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_hundred_deaths_lose_nothing(tmp_path):
    await many_deaths(tmp_path / "memory.duckdb", 100, random.Random())
