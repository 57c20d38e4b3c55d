"""The contract over a real Redis, and what only Redis does."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis
from redis.exceptions import TimeoutError
from session_mgmt_mcp.adapters.redis.session_storage import GRACE, RedisSessionStorage
from session_mgmt_mcp.contracts.session_storage import SessionStorageContract, walked
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, Unavailable, Unsupported

from tests.integration.remote.conftest import redis_backend


@pytest.fixture
def backend(redis):
    return redis_backend(redis)


@pytest.fixture
async def client(redis):
    client = Redis.from_url(redis.url, password=redis.password)
    yield client
    await client.aclose()


class TestRedisSessionStorage(SessionStorageContract):
    pass


async def only_key(client, storage, part=":document:"):
    [key] = [key async for key in client.scan_iter(f"{storage._namespace}:*{part}*")]
    return key


async def test_what_redis_does_not_forget_expires_all_the_same(client, storage, clock):
    await storage.put("s", "one", {"n": 1}, expires=clock.now() + timedelta(minutes=1))
    await client.persist(await only_key(client, storage))
    clock.advance(minutes=1)
    assert await storage.get("s", "one") is None and await walked(storage, "s") == []
    assert (await storage.put("s", "one", {}, expected_version=0)).version == 1


async def test_a_server_that_does_not_say_goodbye_is_left_all_the_same(monkeypatch):
    storage = RedisSessionStorage("redis://127.0.0.1:1/0")

    async def hanging(*_):
        raise TimeoutError("Timed out closing connection after 3")

    monkeypatch.setattr(storage._client.connection_pool, "disconnect", hanging)
    await storage.close()


async def test_redis_forgets_later_than_we_do_and_nothing_that_lasts(client, storage, clock):
    await storage.put("s", "one", {}, expires=clock.now() + timedelta(minutes=1))
    left = await client.pttl(await only_key(client, storage))
    assert timedelta(milliseconds=left) > GRACE
    await storage.put("s", "one", {})
    assert await client.pttl(await only_key(client, storage)) == -1


async def test_a_clock_far_behind_that_of_redis_loses_nothing(redis, clock):
    clock.advance(days=-4_000)
    storage = RedisSessionStorage(redis.url, redis.password, "behind", clock.now)
    written = await storage.put("s", "one", {}, expires=clock.now() + timedelta(minutes=1))
    assert await storage.get("s", "one") == written
    await storage.close()


async def test_a_clock_that_is_years_ahead_for_a_moment_deletes_nothing(storage, clock):
    written = await storage.put("s", "one", {"n": 1}, expires=clock.now() + timedelta(days=90))
    clock.advance(days=3_650)
    assert await storage.get("s", "one") is None and await walked(storage, "s") == []
    await storage.put("s", "two", {}, expires=clock.now() + timedelta(days=90))
    clock.advance(days=-3_650)
    assert await storage.get("s", "one") == written


async def test_what_redis_forgot_leaves_no_id_behind(client, storage):
    for name in "abc":
        await storage.put("s", name, {})
    for key in [key async for key in client.scan_iter(f"{storage._namespace}:*:document:[ac]")]:
        await client.delete(key)
    assert [document.id for document in await walked(storage, "s", limit=1)] == ["b"]
    assert await client.zrange(await only_key(client, storage, ":ids"), 0, -1) == [b"b"]


async def flip_body(client, key):
    await client.hset(key, "body", '{"n":2}')


async def lose_a_field(client, key):
    await client.hdel(key, "updated")


async def raise_version(client, key):
    await client.hincrby(key, "version", 1)


async def another_type(client, key):
    await client.delete(key)
    await client.set(key, "no hash")


async def another_document(client, key):
    await client.copy(key.replace(b":one", b":two"), key, replace=True)


async def no_format(client, key):
    await client.hset(key, "format", "")


DAMAGES = [flip_body, lose_a_field, raise_version, another_type, another_document, no_format]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("through", ["get", "put", "delete", "list"])
async def test_a_damaged_document_is_said_and_kept_aside_and_then_out_of_the_way(
    client, storage, clock, damage, through
):
    await storage.put("s", "two", {"n": 1})
    await storage.put("s", "one", {"n": 1}, expires=clock.now() + timedelta(days=1))
    key = await only_key(client, storage, ":document:one")
    await damage(client, key)
    kept = await client.dump(key)
    ways = {
        "get": lambda: storage.get("s", "one"),
        "put": lambda: storage.put("s", "one", {}),
        "delete": lambda: storage.delete("s", "one"),
        "list": lambda: walked(storage, "s"),
    }
    with pytest.raises(Corrupt, match="s/one is damaged") as caught:
        await ways[through]()
    assert await client.dump(caught.value.where) == kept and await client.ttl(caught.value.where) == -1
    assert await storage.get("s", "one") is None
    assert [document.id for document in await walked(storage, "s")] == ["two"]
    assert (await storage.put("s", "one", {}, expected_version=0)).version == 1


async def test_what_a_newer_version_wrote_is_left_as_it_is(client, storage):
    await storage.put("s", "one", {"n": 1})
    key = await only_key(client, storage)
    await client.hset(key, "format", "2")
    kept = await client.dump(key)
    for attempt in (storage.get("s", "one"), storage.put("s", "one", {}), storage.delete("s", "one")):
        with pytest.raises(Unsupported, match="newer session-mgmt-mcp"):
            await attempt
    assert await client.dump(key) == kept


async def test_a_full_redis_is_said_and_the_last_version_stays(client, storage):
    await storage.put("s", "one", {"n": 1})
    await client.config_set("maxmemory", "1kb")
    try:
        for attempt in (storage.put("s", "one", {"n": 2}), storage.put("s", "two", {})):
            with pytest.raises(Unavailable, match="memory"):
                await attempt
    finally:
        await client.config_set("maxmemory", "0")
    assert [(document.id, document.body) for document in await walked(storage, "s")] == [("one", {"n": 1})]
    assert await client.zrange(await only_key(client, storage, ":ids"), 0, -1) == [b"one"]


async def test_a_wrong_password_is_said_at_once_and_never_shown(redis, wire):
    storage = RedisSessionStorage(redis.url.replace(str(redis.port), str(wire.port)), "the wrong one")
    wire.watch(b"AUTH")
    with pytest.raises(Unavailable, match="refuses") as caught:
        await storage.get("s", "one")
    assert "the wrong one" not in str(caught.value) and redis.password not in str(caught.value)
    assert wire.met == 1
    await storage.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@127.0.0.1:1/0",
        "redis://me:hunter2@127.0.0.1:1/0",
        "redis://127.0.0.1:1/0?password=hunter2",
        "hunter2://127.0.0.1",
        "redis://127.0.0.1:hunter2/0",
        "redis://[hunter2",
    ],
)
def test_a_bad_address_is_refused_and_not_repeated(url):
    with pytest.raises(Invalid, match="redis_url") as caught:
        RedisSessionStorage(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("namespace", ["", "a b", "a{b", ".a", "a*"])
def test_a_bad_namespace_is_refused(namespace):
    with pytest.raises(Invalid, match="redis_namespace"):
        RedisSessionStorage("redis://127.0.0.1:1/0", None, namespace)


async def test_namespaces_do_not_see_each_other(redis, storage):
    other = RedisSessionStorage(redis.url, redis.password, storage._namespace + "x")
    await other.put("s", "one", {})
    assert await storage.get("s", "one") is None and await walked(storage, "s") == []
    await other.close()
