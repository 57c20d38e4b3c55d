"""Eight writers that count together lose none and count none twice."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.redis.session_storage import RedisSessionStorage
from session_mgmt_mcp.adapters.s3.session_storage import S3SessionStorage
from session_mgmt_mcp.contracts.session_storage import increment

KINDS = {
    "local": lambda folder: LocalSessionStorage(Path(folder)),
    "redis": RedisSessionStorage,
    "s3": S3SessionStorage,
}
WRITERS = 8
ROOT = Path(__file__).parents[3]

INCREMENTS = """
import asyncio, json, sys
from session_mgmt_mcp.contracts.session_storage import increment
from tests.integration.remote.test_many_writers import KINDS

async def main(kind, times, given):
    storage = KINDS[kind](**json.loads(given))
    sys.stdin.readline()  # all begin at once
    for _ in range(int(times)):
        await increment(storage, "counters", "c")
    await storage.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_eight_clients(backend):
    clients = [backend.open() for _ in range(WRITERS)]

    async def count(client):
        for _ in range(5):
            await increment(client, "counters", "c")

    await asyncio.gather(*(count(client) for client in clients))
    found = await clients[0].get("counters", "c")
    assert (found.version, found.body) == (40, {"count": 40})
    for client in clients:
        await client.close()


@pytest.fixture(params=["local", "redis", "s3"])
def place(request, tmp_path):
    """The kind of storage, and what opens it in another process."""
    match request.param:
        case "local":
            return "local", {"folder": str(tmp_path / "documents")}
        case "redis":
            redis = request.getfixturevalue("redis")
            return "redis", {"url": redis.url, "password": redis.password, "namespace": tmp_path.name}
        case _:
            s3 = request.getfixturevalue("s3")
            where = {"bucket": s3.bucket, "prefix": tmp_path.name, "endpoint": s3.endpoint}
            return "s3", where | {"access_key_id": s3.access_key_id, "secret_access_key": s3.secret_access_key}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_eight_processes_with_a_hundred_increments_each(place):
    kind, given = place
    command = [sys.executable, "-c", INCREMENTS, kind, "100", json.dumps(given)]
    writers = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(WRITERS)]
    try:
        for writer in writers:
            writer.stdin.write("\n")
            writer.stdin.flush()
        assert [await asyncio.to_thread(writer.wait) for writer in writers] == [0] * WRITERS
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    storage = KINDS[kind](**given)
    found = await storage.get("counters", "c")
    assert (found.version, found.body) == (800, {"count": 800})
    await storage.close()
