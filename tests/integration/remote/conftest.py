"""Both remote stores, by the same name, and a wire to each that can be cut."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.redis.session_storage import RedisSessionStorage
from session_mgmt_mcp.adapters.retrying import Patience
from session_mgmt_mcp.adapters.s3.session_storage import S3SessionStorage

from tests.proxy import wire_to

QUICK = Patience(attempts=3, each=1.0, total=2.5, pause=0.01)


@dataclass(frozen=True)
class Backend:
    """A place of its own on a server. `open(port, ...)` opens it, by another port where that leads there."""

    name: str
    port: int
    open: Callable[..., Any]
    writes: bytes  # stands in each request that writes
    reads: bytes
    error: bytes  # a server's answer that passes
    secret: str


def redis_backend(server) -> Backend:
    place = secrets.token_hex(4)

    def open(port=server.port, **more):
        url = server.url.replace(str(server.port), str(port))
        return RedisSessionStorage(url, server.password, place, **more)

    error = b"-LOADING Redis is loading the dataset in memory\r\n"
    return Backend("redis", server.port, open, b"EVALSHA", b"HMGET", error, server.password)


def s3_backend(server) -> Backend:
    place = f"tests/{secrets.token_hex(4)}"
    keys = {"access_key_id": server.access_key_id, "secret_access_key": server.secret_access_key}

    def open(port=server.port, **more):
        return S3SessionStorage(server.bucket, place, f"http://127.0.0.1:{port}", **(keys | more))

    error = b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n"
    return Backend("s3", server.port, open, b"PUT /", b"GET /", error, server.secret_access_key)


@pytest.fixture(params=["redis", "s3"])
def backend(request):
    server = request.getfixturevalue(request.param)
    return {"redis": redis_backend, "s3": s3_backend}[request.param](server)


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
async def storage(backend, clock):
    """Over the healthy wire."""
    storage = backend.open(now=clock.now)
    yield storage
    await storage.close()


@pytest.fixture
async def wire(backend):
    async with wire_to(backend.port) as wire:
        yield wire


@pytest.fixture
async def over_wire(backend, wire, clock):
    storage = backend.open(wire.port, now=clock.now, patience=QUICK)
    yield storage
    await storage.close()
