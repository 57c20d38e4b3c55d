"""Serverless sessions: whose they are, how long they live, and that no write is lost."""

import asyncio
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.serverless import MOST_BYTES, SERVERLESS, ServerlessSessions, merged
from session_mgmt_mcp.ports.errors import Invalid, NotFound

TOKEN = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"


@pytest.fixture
def clock():
    return FixedClock()


class Yielding(MemorySessionStorage):
    """Between any two calls somebody else may come, as over a network."""

    async def get(self, collection, id):
        found = await super().get(collection, id)
        await asyncio.sleep(0)
        return found


@pytest.fixture
def storage(clock):
    return Yielding(clock.now)


@pytest.fixture
def sessions(storage, clock):
    numbers = itertools.count()
    return ServerlessSessions(storage, clock, lambda: f"{next(numbers):032x}")


async def test_what_is_created_is_got_and_its_versions_are_counted(sessions):
    made = await sessions.create("ann", "shop", {"step": 1}, 24)
    changed = await sessions.update(made.id, {"step": 2}, "ann")
    found = await sessions.get(made.id, "ann")
    assert (made.version, changed.version, dict(found.data)) == (1, 2, {"step": 2})
    assert (found.user, found.project, found.created) == ("ann", "shop", made.created)


async def test_writers_at_the_same_time_lose_nothing(sessions):
    made = await sessions.create("ann", "shop", {"done": {}}, 24)
    await asyncio.gather(*(sessions.update(made.id, {"done": {f"job{n}": n}}, "ann") for n in range(40)))
    found = await sessions.get(made.id, "ann")
    assert found.data["done"] == {f"job{n}": n for n in range(40)} and found.version == 41


async def test_an_expired_one_is_gone_though_the_storage_still_has_it(sessions, storage, clock):
    made = await sessions.create("ann", "shop", {"step": 1}, 1)
    clock.advance(hours=1)
    assert await storage.get(SERVERLESS, made.id) is not None
    for asked in (sessions.get(made.id, "ann"), sessions.update(made.id, {"step": 2}, "ann")):
        with pytest.raises(NotFound):
            await asked
    assert await sessions.list("ann") == [] and not await sessions.delete(made.id, "ann")


async def test_it_lives_as_long_as_the_last_update_says(sessions, clock):
    made = await sessions.create("ann", "shop", {}, 1)
    await sessions.update(made.id, {"a": 1}, "ann", hours=5)
    clock.advance(hours=4)
    await sessions.update(made.id, {"b": 2}, "ann")
    clock.advance(minutes=59)
    assert dict((await sessions.get(made.id, "ann")).data) == {"a": 1, "b": 2}
    clock.advance(minutes=1)
    with pytest.raises(NotFound):
        await sessions.get(made.id, "ann")


async def test_what_has_expired_is_cleared_and_nothing_else(sessions, storage, clock):
    kept = await sessions.create("ann", "shop", {}, 10)
    await sessions.create("ann", "shop", {}, 1)
    await sessions.create("bob", "shop", {}, 1)
    clock.advance(hours=2)
    assert await sessions.clear("ann") == 1
    assert await sessions.clear(None) == 1 and await sessions.clear(None) == 0
    assert [one.id for one in (await storage.list(SERVERLESS)).documents] == [kept.id]


async def test_the_storage_itself_forgets_them_a_day_later(sessions, storage, clock):
    made = await sessions.create("ann", "shop", {}, 1)
    clock.advance(hours=25)
    assert await storage.get(SERVERLESS, made.id) is None


async def test_a_user_sees_and_changes_only_their_own(sessions):
    made = await sessions.create("ann", "shop", {"plan": "secret"}, 24)
    for asked in (sessions.get(made.id, "bob"), sessions.update(made.id, {"plan": "mine"}, "bob")):
        with pytest.raises(NotFound) as refused:
            await asked
        with pytest.raises(NotFound) as unknown:
            await sessions.get(f"{made.id[:-1]}f", "bob")
        assert str(refused.value).replace(made.id, "") == str(unknown.value).replace(f"{made.id[:-1]}f", "")
    assert not await sessions.delete(made.id, "bob") and await sessions.list("bob") == []
    assert (await sessions.get(made.id, None)).data["plan"] == "secret"


async def test_a_list_has_the_last_written_first_and_knows_bare_names(sessions, clock):
    one = await sessions.create("ann", "shop-1a2b3c", {}, 24)
    clock.advance(minutes=1)
    two = await sessions.create("ann", "shop-ffffff", {}, 24)
    clock.advance(minutes=1)
    other = await sessions.create("ann", "shop-front", {}, 24)
    clock.advance(minutes=1)
    await sessions.update(one.id, {"a": 1}, "ann")
    assert [found.id for found in await sessions.list("ann")] == [one.id, other.id, two.id]
    assert [found.id for found in await sessions.list("ann", "shop")] == [one.id, two.id]
    assert [found.id for found in await sessions.list("ann", "shop-ffffff")] == [two.id]


async def test_secrets_are_not_stored_as_values_names_or_in_updates(sessions, storage):
    data = {"password": "h7-Kestrel-99", "deep": [{"note": f"token {TOKEN}"}], TOKEN: 1, "step": "one"}
    made = await sessions.create("ann", f"shop {TOKEN}", data, 24)
    await sessions.update(made.id, {"more": {"api_key": TOKEN}}, "ann")
    stored = json.dumps((await storage.get(SERVERLESS, made.id)).body)
    assert TOKEN not in stored and "Kestrel" not in stored and '"step": "one"' in stored


@pytest.mark.parametrize("data", [{"a": float("nan")}, {"a": {1, 2}}, {"a": "x" * MOST_BYTES}, {"a": b"x"}])
async def test_what_cannot_be_kept_is_said(sessions, data):
    with pytest.raises(Invalid, match="session's data"):
        await sessions.create("ann", "shop", data, 24)


async def test_updates_cannot_grow_it_without_end(sessions):
    made = await sessions.create("ann", "shop", {"a": "x" * (MOST_BYTES - 2_000)}, 24)
    with pytest.raises(Invalid, match="at most"):
        await sessions.update(made.id, {"b": "y" * 4_000}, "ann")
    assert "b" not in (await sessions.get(made.id, "ann")).data


async def test_an_answer_that_was_lost_makes_no_second_session(sessions, storage, clock):
    class Forgetful(MemorySessionStorage):
        """Writes, and repeats what it thinks was not written."""

        async def put(self, *arguments, **named):
            await super().put(*arguments, **named)
            return await super().put(*arguments, **named)

    forgetful = Forgetful(clock.now)
    made = await ServerlessSessions(forgetful, clock, lambda: "0" * 32).create("ann", "shop", {"a": 1}, 24)
    assert dict(made.data) == {"a": 1} and len((await forgetful.list(SERVERLESS)).documents) == 1


@pytest.mark.parametrize("id", ["", "../x", "a b", "x" * 300, ".hidden"])
async def test_what_is_no_id_names_nothing(sessions, id):
    with pytest.raises(NotFound):
        await sessions.get(id, None)


@pytest.mark.parametrize(
    ("data", "updates", "result"),
    [  # the examples of RFC 7396, appendix A, that are about objects
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merging_is_json_merge_patch(data, updates, result):
    assert merged(data, updates) == result


objects = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: isinstance(value, dict))


@given(data=objects, updates=objects)
def test_merging_twice_is_merging_once(data, updates):
    once = merged(data, updates)
    assert merged(once, updates) == once


async def test_a_secret_given_as_the_user_is_not_stored_and_the_session_is_still_found(sessions, storage):
    made = await sessions.create(TOKEN, "shop", {"step": 1}, 24)
    [found] = await sessions.list(TOKEN)
    [document] = (await storage.list(SERVERLESS)).documents
    assert found.id == made.id and TOKEN not in json.dumps(dict(document.body))
