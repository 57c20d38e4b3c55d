"""What every SessionStorage does."""

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Protocol

import pytest
from session_mgmt_mcp.ports.errors import Conflict, Invalid
from session_mgmt_mcp.ports.session_storage import MOST_BYTES, MOST_LEVELS, Document, SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

Where = Mapping[str, Json] | None

BODIES: list[dict[str, Any]] = [
    {},
    {"state": "open", "turns": 3, "share": 0.1, "done": False, "end": None},
    {"nested": {"list": [1, [2, {"three": [None, True]}]], "": "no name"}},
    {"text": 'Grüße, 你好, 🧀, \u2028, \0, \\, ", a\nb\r\n\t', "ключ": "значение"},
    {"half of a pair": "\ud83e"},
    {"numbers": [2**70, -(2**53) - 1, 1e-308, 1.7976931348623157e308, 0.1 + 0.2, -0.0]},
]
NO_JSON: list[Any] = [
    {"nan": float("nan")},
    {"far": [float("inf")]},
    {"bytes": b"x"},
    {"time": datetime(2026, 1, 1, tzinfo=UTC)},
    {"set": {1, 2}},
    {1: "a number as a name"},
    {"inner": [{None: 1}]},
]
BAD_NAMES = ["", ".", "..", ".hidden", "a/b", "../a", "a\\b", "a b", "a\n", "ä", "a\0", "a~b", "a=b", "*", "x" * 201]
GOOD_NAMES = [
    "a",
    "A",
    "-",
    "_x",
    "a.b",
    "a..",
    "shop:2026-11-22T10:00:00.5",
    "@me",
    "CON",
    "aux.x",
    "X" * 200,
    "x" * 200,
]


class SettableClock(Protocol):
    """Such as `adapters.memory.clock.FixedClock`."""

    def now(self) -> datetime: ...

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None: ...


def nested(levels: int) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for _ in range(levels):
        body = {"in": body}
    return body


async def walked(
    storage: SessionStorage, collection: str, prefix: str = "", where: Where = None, limit: int = 3
) -> list[Document]:
    """All pages."""
    page = await storage.list(collection, prefix, where, limit=limit)
    found = [*page.documents]
    while page.cursor is not None:
        assert len(page.documents) == limit
        page = await storage.list(collection, prefix, where, page.cursor, limit)
        found += page.documents
    return found


async def increment(storage: SessionStorage, collection: str, id: str) -> int:
    """Reads, adds one and writes, until nobody came between."""
    while True:
        seen = await storage.get(collection, id)
        count: Any = seen.body["count"] if seen else 0
        try:
            version = seen.version if seen else 0
            return (await storage.put(collection, id, {"count": count + 1}, expected_version=version)).version
        except Conflict:
            await asyncio.sleep(0)


class SessionStorageContract:
    """Subclass it and give two fixtures: `clock`, a SettableClock, and `storage`, an empty one that goes by it."""

    @pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
    async def test_what_is_written_is_read(self, storage: SessionStorage, body: dict[str, Any]) -> None:
        written = await storage.put("sessions", "s1", body)
        found = await storage.get("sessions", "s1")
        assert found == written == Document("s1", 1, body, written.updated)

    async def test_what_was_never_written_is_none(self, storage: SessionStorage) -> None:
        assert await storage.get("sessions", "s1") is None
        assert (await storage.list("sessions")).documents == []
        assert await storage.delete("sessions", "s1") is False

    async def test_each_write_is_the_next_version_at_its_time(
        self, storage: SessionStorage, clock: SettableClock
    ) -> None:
        first = await storage.put("sessions", "s1", {"n": 1})
        clock.advance(hours=1)
        second = await storage.put("sessions", "s1", {"n": 2})
        assert (first.version, second.version) == (1, 2)
        assert second.updated - first.updated == timedelta(hours=1)
        assert second.updated == clock.now() and second.updated.utcoffset() == timedelta(0)
        assert await storage.get("sessions", "s1") == second

    async def test_who_has_seen_another_version_is_told_the_one_that_is_there(self, storage: SessionStorage) -> None:
        with pytest.raises(Conflict) as none:
            await storage.put("sessions", "s1", {"n": 1}, expected_version=1)
        assert none.value.version == 0 and await storage.get("sessions", "s1") is None
        await storage.put("sessions", "s1", {"n": 1}, expected_version=0)
        await storage.put("sessions", "s1", {"n": 2}, expected_version=1)
        for late in (0, 1, 3):
            with pytest.raises(Conflict, match="sessions/s1") as known:
                await storage.put("sessions", "s1", {"n": 3}, expected_version=late)
            assert known.value.version == 2
        found = await storage.get("sessions", "s1")
        assert found is not None and found.body == {"n": 2}

    async def test_fifty_increments_at_once_lose_none(self, storage: SessionStorage) -> None:
        versions = await asyncio.gather(*(increment(storage, "counters", "c") for _ in range(50)))
        assert sorted(versions) == list(range(1, 51))
        found = await storage.get("counters", "c")
        assert found is not None and found.body == {"count": 50}

    async def test_of_many_that_create_one_does(self, storage: SessionStorage) -> None:
        async def create(n: int) -> bool:
            try:
                return bool(await storage.put("handoffs", "h", {"by": n}, expected_version=0))
            except Conflict:
                return False

        assert sum(await asyncio.gather(*(create(n) for n in range(20)))) == 1

    async def test_writes_without_a_version_all_happen(self, storage: SessionStorage) -> None:
        written = await asyncio.gather(*(storage.put("s", "one", {"n": n}) for n in range(20)))
        assert sorted(document.version for document in written) == list(range(1, 21))

    async def test_expired_is_as_never_written(self, storage: SessionStorage, clock: SettableClock) -> None:
        soon = clock.now() + timedelta(minutes=1)
        await storage.put("s", "kept", {"n": 1})
        written = await storage.put("s", "short", {"n": 1}, expires=soon)
        assert written.expires == soon and await storage.get("s", "short") == written
        clock.advance(seconds=59)
        assert [document.id for document in await walked(storage, "s")] == ["kept", "short"]
        clock.advance(seconds=1)
        assert [document.id for document in await walked(storage, "s")] == ["kept"]
        assert await storage.get("s", "short") is None
        assert await storage.delete("s", "short") is False
        with pytest.raises(Conflict):
            await storage.put("s", "short", {}, expected_version=1)
        assert (await storage.put("s", "short", {}, expected_version=0)).version == 1

    async def test_who_writes_without_looking_finds_nothing_of_what_has_expired(
        self, storage: SessionStorage, clock: SettableClock
    ) -> None:
        soon = clock.now() + timedelta(minutes=1)
        for name in ("replaced", "created", "deleted"):
            await storage.put("s", name, {"n": 1}, expires=soon)
        clock.advance(minutes=1)
        assert (await storage.put("s", "replaced", {})).version == 1
        assert (await storage.put("s", "created", {}, expected_version=0)).version == 1
        assert await storage.delete("s", "deleted", expected_version=0) is False

    async def test_the_next_write_says_anew_when_it_expires(
        self, storage: SessionStorage, clock: SettableClock
    ) -> None:
        await storage.put("s", "one", {}, expires=clock.now() + timedelta(minutes=1))
        assert (await storage.put("s", "one", {})).expires is None
        clock.advance(days=400)
        assert await storage.get("s", "one") is not None

    async def test_a_time_of_another_zone_is_the_same_time(self, storage: SessionStorage, clock: SettableClock) -> None:
        until = (clock.now() + timedelta(minutes=1)).astimezone(timezone(timedelta(hours=14)))
        written = await storage.put("s", "one", {}, expires=until)
        assert written.expires == until and written.expires.utcoffset() == timedelta(0)
        assert await storage.get("s", "one") == written

    async def test_a_time_without_a_zone_is_refused(self, storage: SessionStorage) -> None:
        with pytest.raises(Invalid, match="expires"):
            await storage.put("s", "one", {}, expires=datetime(2030, 1, 1))

    async def test_what_was_deleted_is_gone_and_begins_again(self, storage: SessionStorage) -> None:
        await storage.put("s", "one", {"n": 1})
        await storage.put("s", "one", {"n": 2})
        with pytest.raises(Conflict) as known:
            await storage.delete("s", "one", expected_version=1)
        assert known.value.version == 2
        assert await storage.delete("s", "one", expected_version=2) is True
        assert await storage.get("s", "one") is None and await walked(storage, "s") == []
        assert await storage.delete("s", "one") is False
        with pytest.raises(Conflict):
            await storage.delete("s", "one", expected_version=2)
        assert (await storage.put("s", "one", {"n": 3}, expected_version=0)).version == 1

    @pytest.mark.parametrize("name", BAD_NAMES, ids=range(len(BAD_NAMES)))
    async def test_a_bad_name_is_refused_everywhere(self, storage: SessionStorage, name: str) -> None:
        for collection, id in ((name, "good"), ("good", name)):
            with pytest.raises(Invalid, match="letters"):
                await storage.get(collection, id)
            with pytest.raises(Invalid, match="letters"):
                await storage.put(collection, id, {})
            with pytest.raises(Invalid, match="letters"):
                await storage.delete(collection, id)
        with pytest.raises(Invalid, match="letters"):
            await storage.list(name)

    async def test_names_that_look_alike_are_several(self, storage: SessionStorage) -> None:
        for collection in ("a", "A"):
            for name in GOOD_NAMES:
                await storage.put(collection, name, {"of": collection, "name": name})
        for collection in ("a", "A"):
            assert [document.id for document in await walked(storage, collection)] == sorted(GOOD_NAMES)
            for name in GOOD_NAMES:
                found = await storage.get(collection, name)
                assert found is not None and found.body == {"of": collection, "name": name}

    @pytest.mark.parametrize("body", NO_JSON, ids=range(len(NO_JSON)))
    async def test_what_is_no_json_is_refused(self, storage: SessionStorage, body: Any) -> None:
        with pytest.raises(Invalid, match="body"):
            await storage.put("s", "one", body)
        assert await storage.get("s", "one") is None

    async def test_depth_has_its_limit(self, storage: SessionStorage) -> None:
        written = await storage.put("s", "one", nested(MOST_LEVELS))
        assert await storage.get("s", "one") == written
        for levels in (MOST_LEVELS + 1, sys.getrecursionlimit() * 2):
            with pytest.raises(Invalid, match="nested"):
                await storage.put("s", "one", nested(levels))

    async def test_size_has_its_limit(self, storage: SessionStorage) -> None:
        room = MOST_BYTES - len('{"text":""}')
        large = {"text": "ä" * (room // 2) + "x" * (room % 2)}
        await storage.put("s", "one", large)
        with pytest.raises(Invalid, match="1,000,000"):
            await storage.put("s", "one", {"text": large["text"] + "x"})
        found = await storage.get("s", "one")
        assert found is not None and (found.version, found.body) == (1, large)

    async def test_what_a_caller_does_to_a_body_changes_nothing_stored(self, storage: SessionStorage) -> None:
        body: dict[str, Any] = {"list": [1]}
        written: Any = await storage.put("s", "one", body)
        body["list"].append(2)
        written.body["list"].append(3)
        seen: Any = await storage.get("s", "one")
        seen.body["list"].append(4)
        listed: Any = (await storage.list("s")).documents[0]
        listed.body["list"].append(5)
        last = await storage.get("s", "one")
        assert last is not None and last.body == {"list": [1]}

    async def test_lists_come_by_id_and_by_pages(self, storage: SessionStorage) -> None:
        names = [f"{letter}{n}" for letter in "bAa" for n in (10, 9, 1)]
        for name in names:
            await storage.put("s", name, {"name": name})
        await storage.put("other", "x", {})
        for limit in (1, 2, 9, 50):
            assert [document.id for document in await walked(storage, "s", limit=limit)] == sorted(names)
        page = await storage.list("s", limit=9)
        assert page.cursor is None

    async def test_prefix_and_fields_choose(self, storage: SessionStorage) -> None:
        for project in ("shop", "shopping", "bank"):
            for n in range(4):
                await storage.put("s", f"{project}:{n}", {"state": "open" if n % 2 else "closed", "n": n})
        assert [d.id for d in await walked(storage, "s", "shop:")] == [f"shop:{n}" for n in range(4)]
        assert [d.id for d in await walked(storage, "s", "shop:", {"state": "open"}, 1)] == ["shop:1", "shop:3"]
        assert [d.id for d in await walked(storage, "s", "", {"state": "open", "n": 1}, 1)] == [
            "bank:1",
            "shop:1",
            "shopping:1",
        ]
        assert await walked(storage, "s", "nobody") == await walked(storage, "s", "", {"colour": None}) == []

    async def test_fields_are_equal_as_in_json(self, storage: SessionStorage) -> None:
        await storage.put("s", "true", {"x": True})
        await storage.put("s", "one", {"x": 1})
        await storage.put("s", "none", {"x": None})
        await storage.put("s", "pair", {"x": {"a": [1, True], "b": 2}})

        async def having(value: Json) -> list[str]:
            return [document.id for document in await walked(storage, "s", where={"x": value})]

        assert (await having(True), await having(1), await having(None)) == (["true"], ["one"], ["none"])
        assert await having({"b": 2, "a": [1, True]}) == ["pair"] and await having({"b": 2, "a": [True, 1]}) == []

    async def test_a_page_has_at_least_one_place(self, storage: SessionStorage) -> None:
        with pytest.raises(Invalid, match="limit"):
            await storage.list("s", limit=0)

    async def test_a_walk_shows_each_once_while_others_write(self, storage: SessionStorage) -> None:
        stay = [f"k{n:03}" for n in range(0, 60, 2)]
        for name in stay:
            await storage.put("s", name, {})
        done = asyncio.Event()

        async def disturb() -> None:
            n = 0
            while not done.is_set():
                n = (n + 7) % 60
                await storage.put("s", stay[n // 2], {"again": n})
                await storage.put("s", f"k{n:03}x", {})
                await storage.delete("s", f"k{(n + 30) % 60:03}x")

        others = asyncio.create_task(disturb())
        try:
            for _ in range(5):
                shown = [document.id for document in await walked(storage, "s", limit=4)]
                assert shown == sorted(set(shown)) and set(stay) <= set(shown)
        finally:
            done.set()
            await others
