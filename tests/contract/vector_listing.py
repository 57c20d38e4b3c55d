"""What every VectorStore lists, sums up and completes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from session_mgmt_mcp.contracts.samples import START, names, pointing, record
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition, Order, SessionSpan, VectorStore

SHOP = [Condition("project", "=", "shop")]


async def listed(store: VectorStore, order: Order, limit: int) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await store.listed((), order, cursor, limit)
        assert len(page.records) <= limit
        found += [one.id for one in page.records]
        cursor = page.cursor
        if cursor is None:
            return found


class VectorListingContract:
    """Part of the VectorStoreContract."""

    async def test_records_share_a_word_or_their_part_does(self, store: VectorStore) -> None:
        await store.upsert(
            [
                record("a", "resetting the cache"),
                record("b", "the parser", tags=("cache",)),
                record("c", "something long", session="s"),
                record("c.1", "deep inside: caches", parent="c", session="s"),
                record("d", "nothing of it"),
            ]
        )
        where = [Condition("text", "has", "why was the cache reset")]
        assert await store.count(where) == 4
        assert await store.count([*where, Condition("parent", "=", "")]) == 3
        assert await store.facets("session", [*where, Condition("parent", "=", "")]) == {"": 2, "s": 1}
        assert await store.count([Condition("text", "has", "the")]) == 0
        await store.delete([Condition("id", "=", "c.1")])
        assert await store.count(where) == 2

    async def test_every_search_can_be_kept_to_what_shares_a_word(self, store: VectorStore) -> None:
        await store.upsert([record("a", "cache needle", vector=pointing(1), model_id="m"), record("b", "needle")])
        await store.upsert([record("c", "needle", vector=pointing(1), model_id="m")])
        where = [Condition("text", "has", "caches")]
        assert names(await store.search_lexical("needle", where, 5)) == ["a"]
        assert names(await store.search_dense(pointing(1), where, 5)) == ["a"]
        assert names(await store.latest(where, 5)) == ["a"]
        assert [one.id for one in (await store.scan(where)).records] == ["a"]

    async def test_what_carries_no_words_shares_and_completes_none(self, store: VectorStore) -> None:
        await store.upsert([record("a", "gazelle", worded=False)])
        assert await store.count([Condition("text", "has", "gazelle")]) == 0
        assert await store.complete("gaz", (), 5) == []

    @pytest.mark.parametrize("operator", ["=", "in", "<"])
    async def test_text_is_asked_for_by_has(self, store: VectorStore, operator: str) -> None:
        with pytest.raises(Invalid):
            await store.count([Condition("text", operator, "cache")])  # type: ignore[arg-type]

    @pytest.mark.parametrize("limit", [1, 2, 7])
    async def test_records_are_listed_by_time_and_by_votes(self, store: VectorStore, limit: int) -> None:
        await store.upsert(
            [
                record("b", time=START + timedelta(days=1), metadata={"votes": 2}),
                record("a", time=START, metadata={"votes": 3}),
                record("c", time=START + timedelta(days=1)),
                record("d", time=START - timedelta(days=1), metadata={"votes": -1}),
            ]
        )
        assert await listed(store, "oldest", limit) == ["d", "a", "b", "c"]
        assert await listed(store, "newest", limit) == ["c", "b", "a", "d"]
        assert await listed(store, "votes", limit) == ["a", "b", "c", "d"]
        assert (await store.listed((), "newest", None, 4)).cursor is None

    @pytest.mark.parametrize("order", ["newest", "oldest", "votes"])
    async def test_a_list_shows_each_record_once_while_others_arrive(self, store: VectorStore, order: Order) -> None:
        old = [record(f"r{n}", time=START + timedelta(minutes=n % 5)) for n in range(20)]
        await store.upsert(old)
        seen: list[str] = []
        cursor = None
        for step in range(100):
            page = await store.listed((), order, cursor, 3)
            seen += [one.id for one in page.records]
            cursor = page.cursor
            if cursor is None:
                break
            await store.upsert([record(f"new{step}", time=START + timedelta(minutes=step % 7))])
            await store.upsert([replace(old[step % 20], tags=(f"t{step}",))])
        assert len(seen) == len(set(seen)) and {one.id for one in old} <= set(seen)

    async def test_a_cursor_of_another_order_or_of_none_is_refused(self, store: VectorStore) -> None:
        await store.upsert([record(f"r{n}") for n in range(3)])
        cursor = (await store.listed((), "newest", None, 1)).cursor
        assert cursor is not None
        for order, wrong in (("oldest", cursor), ("newest", "nonsense"), ("newest", ""), ("nonsense", None)):
            with pytest.raises(Invalid):
                await store.listed((), order, wrong, 1)  # type: ignore[arg-type]
        with pytest.raises(Invalid):
            await store.listed((), "newest", None, 0)

    async def test_sessions_are_summed_up_latest_first(self, store: VectorStore) -> None:
        hour = timedelta(hours=1)
        await store.upsert(
            [
                record("a", session="s", time=START),
                record("b", session="t", time=START + hour),
                record("c", session="s", time=START + 3 * hour),
                record("d", time=START + 2 * hour),
                record("e", session="u", time=START + 9 * hour, project="bank"),
            ]
        )
        assert await store.sessions(SHOP, 9) == [
            SessionSpan("s", "shop", 2, START, START + 3 * hour),
            SessionSpan("", "shop", 1, START + 2 * hour, START + 2 * hour),
            SessionSpan("t", "shop", 1, START + hour, START + hour),
        ]
        assert [span.session for span in await store.sessions((), 1)] == ["u"]
        assert await store.sessions([Condition("project", "=", "nowhere")], 9) == []

    async def test_beginnings_are_completed_by_what_is_remembered(self, store: VectorStore) -> None:
        await store.upsert(
            [
                record("a", "Reset the cache of the parser"),
                record("b", "cached results, the caches"),
                record("c", "the carrier"),
                record("d", "the canary", project="bank"),
            ]
        )
        found = await store.complete("ca", SHOP, 9)
        assert [(one.word, one.records) for one in found] == [("cache", 2), ("carrier", 1)]
        assert [one.word for one in await store.complete("CA", (), 9)] == ["cache", "canary", "carrier"]
        assert [one.word for one in await store.complete("ca", (), 1)] == ["cache"]
        assert await store.complete("zz", (), 9) == []
        assert await store.complete("th", (), 9) == []

    async def test_words_that_stand_beside_the_others_come_first(self, store: VectorStore) -> None:
        await store.upsert([record(f"r{n}", "the cache") for n in range(3)])
        await store.upsert([record("a", "canary release"), record("b", "rolled back the release, canary was red")])
        alone, beside = await store.complete("ca", (), 9), await store.complete("ca", (), 9, "releases")
        assert [one.word for one in alone] == ["cache", "canary"]
        assert [(one.word, one.records, one.together) for one in beside] == [("canary", 2, 2), ("cache", 3, 0)]

    async def test_names_in_code_are_completed_whole_and_by_their_pieces(self, store: VectorStore) -> None:
        await store.upsert([record("a", "resetUserCache in domain/memory.py fails")])
        assert "resetusercache" in [one.word for one in await store.complete("reset", (), 9)]
        assert [one.word for one in await store.complete("cac", (), 9)] == ["cache"]
        assert "domain/memory.py" in [one.word for one in await store.complete("domain/m", (), 9)]

    async def test_what_is_gone_is_not_completed_and_what_is_new_is(self, store: VectorStore) -> None:
        await store.upsert([record("a", "gazelle")])
        assert [one.word for one in await store.complete("gaz", (), 9)] == ["gazelle"]
        await store.upsert([record("a", "antelope"), record("b", "gazebo")])
        assert [one.word for one in await store.complete("gaz", (), 9)] == ["gazebo"]
        await store.delete([])
        assert await store.complete("gaz", (), 9) == [] == await store.complete("ant", (), 9)

    @pytest.mark.parametrize("prefix", ["", "  ", "-/", "."])
    async def test_nothing_is_no_beginning(self, store: VectorStore, prefix: str) -> None:
        with pytest.raises(Invalid):
            await store.complete(prefix, (), 5)
