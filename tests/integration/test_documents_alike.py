"""Whatever is done to them, documents in files, in Redis, in S3 and in memory answer alike."""

import asyncio
import secrets
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.contracts.session_storage import walked
from session_mgmt_mcp.ports.errors import Conflict, PortError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
BODIES = st.dictionaries(st.sampled_from(["state", "n", "ключ"]) | st.text(), VALUES, max_size=4)
COLLECTIONS = st.sampled_from(["s", "S", "s.1"])
IDS = st.sampled_from(["a", "A", "aa", "aA", "shop:1", "shop:2", "-", "x" * 200, "X" * 200])
SLOWLY = (HealthCheck.too_slow,)
VERSIONS = st.none() | st.integers(0, 3)
LASTING = st.none() | st.integers(-2, 5)
STEPS = st.one_of(
    st.tuples(st.just("put"), COLLECTIONS, IDS, BODIES, VERSIONS, LASTING),
    st.tuples(st.just("get"), COLLECTIONS, IDS),
    st.tuples(st.just("delete"), COLLECTIONS, IDS, VERSIONS),
    st.tuples(st.just("list"), COLLECTIONS, st.sampled_from(["", "a", "A", "shop:"]), st.none() | BODIES),
    st.tuples(st.just("wait"), st.integers(0, 4)),
)


async def done(storage: Any, clock: FixedClock, step: tuple[Any, ...]) -> Any:
    """What it answers, errors included."""
    try:
        match step:
            case ("put", collection, id, body, version, lasting):
                expires = None if lasting is None else clock.now() + timedelta(seconds=lasting)
                return await storage.put(collection, id, body, expected_version=version, expires=expires)
            case ("get", collection, id):
                return await storage.get(collection, id)
            case ("delete", collection, id, version):
                return await storage.delete(collection, id, expected_version=version)
            case ("list", collection, prefix, where):
                return await walked(storage, collection, prefix, where, limit=2)
    except Conflict as error:
        return str(error), error.version
    except PortError as error:
        return type(error), str(error)


async def same(steps: list[tuple[Any, ...]], opened: Callable[[FixedClock], Any]) -> None:
    clock = FixedClock()
    real, fake = opened(clock), MemorySessionStorage(clock.now)
    for step in steps:
        if step[0] == "wait":
            clock.advance(seconds=step[1])
        else:
            assert await done(real, clock, step) == await done(fake, clock, step)
    await real.close()
    again = opened(clock)
    for collection in ("s", "S", "s.1"):
        assert await walked(again, collection) == await walked(fake, collection)
    await again.close()


@settings(deadline=None, max_examples=60)
@given(st.lists(STEPS, max_size=25))
def test_files_and_memory_answer_alike(steps):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(same(steps, lambda clock: LocalSessionStorage(Path(folder) / "sessions", clock.now)))


@settings(deadline=None, max_examples=30, suppress_health_check=SLOWLY)
@given(st.lists(STEPS, max_size=25))
def test_redis_and_memory_answer_alike(redis, steps):
    from session_mgmt_mcp.adapters.redis.session_storage import RedisSessionStorage

    place = secrets.token_hex(8)
    asyncio.run(same(steps, lambda clock: RedisSessionStorage(redis.url, redis.password, place, clock.now)))


@settings(deadline=None, max_examples=15, suppress_health_check=SLOWLY)
@given(st.lists(STEPS, max_size=25))
def test_s3_and_memory_answer_alike(s3, steps):
    from session_mgmt_mcp.adapters.s3.session_storage import S3SessionStorage

    place = secrets.token_hex(8)
    keys = {"access_key_id": s3.access_key_id, "secret_access_key": s3.secret_access_key}
    asyncio.run(same(steps, lambda clock: S3SessionStorage(s3.bucket, place, s3.endpoint, now=clock.now, **keys)))
