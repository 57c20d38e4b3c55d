"""Documents in a real Redis."""

import secrets

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.redis.session_storage import RedisSessionStorage
from session_mgmt_mcp.contracts.session_storage import SessionStorageContract


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
async def storage(redis, clock):
    storage = RedisSessionStorage(redis.url, redis.password, secrets.token_hex(4), clock.now)
    yield storage
    await storage.close()


class TestRedisSessionStorage(SessionStorageContract):
    pass
