"""What a document costs in Redis and in S3, beside this machine's disk: `python -m benchmarks.remote_documents`, figures as JSON.

Real servers on loopback: what a network adds comes on top, once for each request.
"""

import asyncio
import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.redis.session_storage import RedisSessionStorage
from session_mgmt_mcp.adapters.s3.session_storage import S3SessionStorage
from session_mgmt_mcp.contracts.session_storage import increment

from benchmarks.documents import BODY, milliseconds
from tests.services import redis_server, s3_server

TIMES = 200
DOCUMENTS = 1_000
WRITERS, COUNTS = 8, 25


async def put_again(storage: Any, n: int) -> None:
    await storage.put("s", "again", BODY, expected_version=n)


async def writes_a_second(storage: Any) -> int:
    began = time.perf_counter()
    for start in range(0, DOCUMENTS, WRITERS):
        await asyncio.gather(*(storage.put("s", f"d{n:06}", BODY) for n in range(start, start + WRITERS)))
    return round(DOCUMENTS / (time.perf_counter() - began))


async def increments_a_second(storage: Any) -> int:
    """Of eight writers that count in one document."""
    began = time.perf_counter()

    async def count() -> None:
        for _ in range(COUNTS):
            await increment(storage, "counters", "c")

    await asyncio.gather(*(count() for _ in range(WRITERS)))
    return round(WRITERS * COUNTS / (time.perf_counter() - began))


async def figures(storages: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    told["writes a second, eight at once"] = {
        name: await writes_a_second(storage) for name, storage in storages.items()
    }
    told["increments a second"] = {name: await increments_a_second(storage) for name, storage in storages.items()}
    told["create, ms"] = await milliseconds(
        TIMES,
        **{
            name: lambda n, s=storage: s.put("t", f"n{n}", BODY, expected_version=0)
            for name, storage in storages.items()
        },
    )
    told["replace, ms"] = await milliseconds(
        TIMES, **{name: lambda n, s=storage: put_again(s, n) for name, storage in storages.items()}
    )
    told["get, ms"] = await milliseconds(
        TIMES, **{name: lambda n, s=storage: s.get("s", f"d{n:06}") for name, storage in storages.items()}
    )
    told["delete, ms"] = await milliseconds(
        TIMES, **{name: lambda n, s=storage: s.delete("t", f"n{n}") for name, storage in storages.items()}
    )
    told[f"100 of {DOCUMENTS:,} by prefix, ms"] = await milliseconds(
        10, **{name: lambda n, s=storage: s.list("s", f"d{n % 10:04}") for name, storage in storages.items()}
    )
    told[f"{DOCUMENTS:,} looked through for a field, ms"] = await milliseconds(
        3, **{name: lambda n, s=storage: s.list("s", "", {"state": n}) for name, storage in storages.items()}
    )
    return told


async def main() -> None:
    with ExitStack() as servers:
        folder = servers.enter_context(tempfile.TemporaryDirectory())
        always, _ = servers.enter_context(redis_server())
        second, _ = servers.enter_context(redis_server("--appendfsync", "everysec"))
        s3, _ = servers.enter_context(s3_server())
        keys = {"access_key_id": s3.access_key_id, "secret_access_key": s3.secret_access_key}
        storages = {
            "local": LocalSessionStorage(Path(folder)),
            "redis_always": RedisSessionStorage(always.url, always.password),
            "redis_everysec": RedisSessionStorage(second.url, second.password),
            "s3": S3SessionStorage(s3.bucket, "figures", s3.endpoint, **keys),
        }
        print(json.dumps(await figures(storages), indent=2))
        for storage in storages.values():
            await storage.close()


if __name__ == "__main__":
    asyncio.run(main())
