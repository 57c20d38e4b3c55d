"""The contract over a real S3 server, and what only objects need."""

import asyncio
import os
from datetime import UTC, datetime, timedelta

import obstore
import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.s3.keys import just_before
from session_mgmt_mcp.adapters.s3.session_storage import KEPT, SWEEP_EVERY, WRITES, S3SessionStorage, _Place
from session_mgmt_mcp.contracts.session_storage import GOOD_NAMES, SessionStorageContract, walked
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, Unavailable, Unsupported

from tests.integration.remote.conftest import s3_backend
from tests.proxy import Fault

pytestmark = pytest.mark.slow


@pytest.fixture
def backend(s3):
    return s3_backend(s3)


class TestS3SessionStorage(SessionStorageContract):
    pass


@pytest.fixture
def objects(storage):
    """The store as it is, and where in it the documents are."""
    return storage._objects._store, storage._objects._prefix


def keys(objects):
    store, prefix = objects
    return sorted(found["path"].removeprefix(prefix) for page in obstore.list(store, prefix) for found in page)


def content(objects, key):
    store, prefix = objects
    return bytes(obstore.get(store, prefix + key).bytes())


def replace(objects, key, data):
    store, prefix = objects
    obstore.put(store, prefix + key, data)


def flipped(data, _):
    return data[:100] + bytes([data[100] ^ 1]) + data[101:]


def cut(data, _):
    return data[:-10]


def emptied(*_):
    return b""


def another_document(_, other):
    return other


def grown(data, _):
    return data + b"x" * 2_000_000


DAMAGES = [flipped, cut, emptied, another_document, grown]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("through", ["get", "put", "delete", "list"])
async def test_a_damaged_object_is_said_and_kept_aside_and_then_out_of_the_way(storage, objects, damage, through):
    await storage.put("s", "two", {"n": 1})
    await storage.put("s", "one", {"n": 1})
    replace(objects, "s/one", kept := damage(content(objects, "s/one"), content(objects, "s/two")))
    ways = {
        "get": lambda: storage.get("s", "one"),
        "put": lambda: storage.put("s", "one", {}),
        "delete": lambda: storage.delete("s", "one"),
        "list": lambda: walked(storage, "s"),
    }
    with pytest.raises(Corrupt, match=r"s/one (is damaged|holds another)") as caught:
        await ways[through]()
    [aside] = [key for key in keys(objects) if key.startswith(".damaged/")]
    assert caught.value.where.endswith(aside) and content(objects, aside) == kept
    assert await storage.get("s", "one") is None
    assert [document.id for document in await walked(storage, "s")] == ["two"]
    assert (await storage.put("s", "one", {}, expected_version=0)).version == 1


async def test_what_a_newer_version_wrote_is_left_as_it_is(storage, objects, monkeypatch):
    monkeypatch.setattr("session_mgmt_mcp.ports.sealed_documents.FORMAT", 2)
    await storage.put("s", "one", {"n": 1})
    monkeypatch.undo()
    before = content(objects, "s/one")
    for attempt in (storage.get("s", "one"), storage.put("s", "one", {}), storage.delete("s", "one")):
        with pytest.raises(Unsupported, match="newer session-mgmt-mcp"):
            await attempt
    assert content(objects, "s/one") == before


async def test_what_is_long_over_goes_in_passing(storage, objects, clock):
    await storage.put("s", "deleted", {})
    await storage.delete("s", "deleted")
    await storage.put("s", "expired", {}, expires=clock.now() + timedelta(minutes=1))
    await storage.put("s", "written anew".replace(" ", "-"), {})
    await storage.delete("s", "written-anew")
    await storage.put("s", "written-anew", {})
    clock.advance(minutes=10)
    await storage._sweep(_Place("s", "written-anew"))
    assert keys(objects) == ["s/deleted", "s/expired", "s/written-anew"]
    clock.advance(hours=KEPT / timedelta(hours=1))
    for n in range(SWEEP_EVERY):
        await storage.put("s", "kept", {"n": n})
    await asyncio.gather(*storage._sweeps)
    assert keys(objects) == ["s/kept", "s/written-anew"]


async def test_a_clock_that_is_years_ahead_for_a_moment_deletes_nothing(backend):
    clock = FixedClock(datetime.now(UTC))
    storage = backend.open(now=clock.now)
    await storage.put("s", "one", {"n": 1}, expires=clock.now() + timedelta(days=90))
    clock.advance(days=3_650)
    assert await storage.get("s", "one") is None
    for n in range(SWEEP_EVERY):
        await storage.put("s", "kept", {"n": n})
    await asyncio.gather(*storage._sweeps)
    clock.advance(days=-3_650)
    assert (await storage.get("s", "one")).body == {"n": 1}
    await storage.close()


async def test_what_was_written_anew_in_between_is_not_swept_away(storage, objects, clock):
    await storage.put("s", "one", {})
    await storage.delete("s", "one")
    store, prefix = objects
    etag = obstore.head(store, f"{prefix}s/one")["e_tag"]
    await storage.put("s", "one", {"n": 2})
    assert await storage._objects.delete("s/one", etag) is False
    assert (await storage.get("s", "one")).body == {"n": 2}


async def test_where_deleting_knows_no_condition_nothing_is_swept_away(storage, objects, clock, monkeypatch):
    async def regardless(key, etag):
        store, prefix = objects
        await obstore.delete_async(store, prefix + key)
        return True

    monkeypatch.setattr(storage._objects, "_delete", regardless)
    await storage.put("s", "one", {})
    await storage.delete("s", "one")
    clock.advance(days=1)
    await storage._sweep(_Place("s", "one"))
    assert keys(objects) == ["s/one"]


async def test_a_sweep_leaves_what_is_damaged_for_whoever_asks(storage, objects):
    await storage.put("s", "one", {})
    replace(objects, "s/one", b"damaged")
    await storage._sweep(_Place("s", "one"))
    with pytest.raises(Corrupt):
        await storage.get("s", "one")


async def test_what_somebody_else_put_there_is_left_alone(storage, objects):
    await storage.put("s", "one", {})
    strangers = {"s/a b": b"x", "s/one/two": b"y", "s/.hidden": b"z", "readme": b"r"}
    for key, data in strangers.items():
        replace(objects, key, data)
    assert [document.id for document in await walked(storage, "s")] == ["one"]
    assert {key: content(objects, key) for key in strangers} == strangers


@pytest.mark.parametrize("others", [WRITES - 1, WRITES])
async def test_where_an_object_no_longer_knows_whether_a_write_was_made_it_is_said(
    backend, wire, storage, over_wire, others
):
    await storage.put("s", "one", {"n": 1})
    wire.strike(Fault.LOST, backend.writes)

    async def write():
        for n in range(others):
            await storage.put("s", "one", {"by others": n})

    wire.meanwhile = write
    attempt = over_wire.put("s", "one", {"n": 2}, expected_version=1)
    if others < WRITES:
        assert (await attempt).version == 2
    else:
        with pytest.raises(Unavailable, match="whether your change is in it"):
            await attempt


async def test_a_list_goes_on_after_any_text(storage):
    for name in ("a", "b", "b-", "b1", "c"):
        await storage.put("s", name, {})
    for cursor in ("b", "b/", "b~", "ä", "\x00", "a a"):
        shown = [document.id for document in (await storage.list("s", cursor=cursor)).documents]
        assert shown == [name for name in ("a", "b", "b-", "b1", "c") if name > cursor]


@pytest.mark.parametrize("prefix", ["", "-", "0", "A", "a", "shop:", "x" * 200, "a."])
def test_a_list_begins_just_before_its_prefix(prefix):
    names = sorted({*GOOD_NAMES, "0", "z", "shop9zzz", "shop:", "9" * 200, f"{prefix}-"})
    start = just_before(prefix)
    assert all((name > start) or not name.startswith(prefix) for name in names)
    assert all(name <= start for name in names if name < prefix)


async def test_what_the_environment_says_is_not_heard(backend, monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "other",
        "AWS_SECRET_ACCESS_KEY": "other",
        "AWS_SESSION_TOKEN": "other",
        "AWS_ENDPOINT": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_REGION": "moon-1",
        "AWS_DEFAULT_REGION": "moon-1",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_BUCKET": "other",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
        "AWS_S3_EXPRESS": "true",
        "AWS_CONDITIONAL_PUT": "disabled",
        "AWS_ALLOW_HTTP": "false",
    }.items():
        monkeypatch.setitem(os.environ, name, value)
    storage = backend.open()
    written = await storage.put("s", "one", {}, expected_version=0)
    assert await storage.get("s", "one") == written
    await storage.close()


async def test_wrong_keys_are_said_at_once_and_never_shown(backend, wire):
    storage = backend.open(wire.port, secret_access_key="the wrong one")
    wire.watch(b" HTTP/1.1")
    with pytest.raises(Unavailable, match="refuses") as caught:
        await storage.put("s", "one", {})
    assert "the wrong one" not in str(caught.value) and caught.value.__cause__ is None
    assert wire.met == 1
    await storage.close()


async def test_a_bucket_that_is_not_there_is_said(s3):
    storage = S3SessionStorage(
        "no-such-bucket", "", s3.endpoint, access_key_id=s3.access_key_id, secret_access_key=s3.secret_access_key
    )
    with pytest.raises(Unavailable, match="no-such-bucket"):
        await storage.get("s", "one")
    with pytest.raises(Unavailable, match="no-such-bucket"):
        await storage.list("s")
    await storage.close()


@pytest.mark.parametrize(
    "bad",
    [
        {"bucket": "A B"},
        {"bucket": ""},
        {"prefix": "a/../b"},
        {"prefix": "a b"},
        {"endpoint": "http://me:hunter2@127.0.0.1"},
        {"endpoint": "http://hunter2@127.0.0.1"},
        {"endpoint": "ftp://hunter2"},
        {"endpoint": "http://127.0.0.1:hunter2"},
        {"endpoint": "127.0.0.1:9000"},
        {"region": "eu central"},
        {"access_key_id": ""},
        {"secret_access_key": ""},
    ],
    ids=str,
)
def test_bad_settings_are_refused_and_not_repeated(bad):
    good = {"bucket": "team", "access_key_id": "a", "secret_access_key": "hunter2"}
    with pytest.raises(Invalid) as caught:
        S3SessionStorage(**(good | bad))
    assert "hunter2" not in str(caught.value)


async def test_prefixes_do_not_see_each_other(s3, storage):
    keys = {"access_key_id": s3.access_key_id, "secret_access_key": s3.secret_access_key}
    for prefix in (storage._objects._prefix.strip("/") + "x", "", storage._objects._prefix + "s"):
        other = S3SessionStorage(s3.bucket, prefix, s3.endpoint, **keys)
        await other.put("s", "one", {})
        assert await storage.get("s", "one") is None and await walked(storage, "s") == []
        await other.close()
