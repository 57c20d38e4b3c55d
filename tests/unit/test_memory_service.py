import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.domain.drafts import MAX_CONTENT_BYTES, Draft
from session_mgmt_mcp.domain.embedding import EmbeddingWorker
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.embedder import Matrix, Vector
from session_mgmt_mcp.ports.errors import Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.vector_store import Condition, Record

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class BrokenEmbedder(MemoryEmbedder):
    async def embed_query(self, text: str) -> Vector:
        raise Unavailable("The model file is missing: reinstall the package.")

    async def embed_documents(self, texts) -> Matrix:
        raise Unavailable("The model file is missing: reinstall the package.")


@pytest.fixture
async def store() -> AsyncIterator[MemoryVectorStore]:
    yield MemoryVectorStore()


@pytest.fixture
def memory(store) -> MemoryService:
    return MemoryService(store, MemoryEmbedder(), FixedClock(NOW))


def ids(result) -> list[str]:
    return [hit.record.id for hit in result.hits]


async def test_what_is_stored_is_found_by_the_very_next_search(memory):
    stored = await memory.store(Draft("The proxy listens on port 8081", "shop"))
    assert ids(await memory.search("proxy port", Scope(("shop",)))) == [stored.id]


async def test_the_same_twice_is_kept_once_and_its_tags_are_joined(memory):
    first = await memory.store(Draft("Reset the cache", "shop", tags=("cache",)))
    second = await memory.store(Draft("  reset  the CACHE ", "shop", tags=("deploy",)))
    assert (first.duplicate, second.duplicate, first.id) == (False, True, second.id)
    result = await memory.search("reset cache", Scope(("shop",)))
    assert [hit.record.tags for hit in result.hits] == [("cache", "deploy")]


async def test_a_replaced_memory_keeps_its_id_and_nothing_of_its_old_text(memory, store):
    long = Draft("Yesterday's handoff: " + "the zeppelin hangar is open. " * 200, "shop", key="s1")
    first = await memory.replace(long)
    second = await memory.replace(Draft("Today's handoff: the invoices.", "shop", key="s1"))
    assert (second.id, second.duplicate, await store.count([])) == (first.id, False, 1)
    assert [record.text for record in await store.get([first.id])] == ["Today's handoff: the invoices."]
    assert ids(await memory.search("zeppelin hangar", min_score=0.2)) == []
    assert (await memory.replace(Draft("Today's handoff: the invoices.", "shop", key="s1"))).duplicate


async def test_a_memory_is_found_by_the_files_it_mentions(memory, store):
    stored = await memory.store(Draft("Totals are rounded in src/cart.py:12", "shop", tags=("x",)))
    [found] = (await store.scan([Condition("files", "has", "src/cart.py")])).records
    assert found.id == stored.id


async def test_the_same_in_another_project_is_another_memory(memory):
    first = await memory.store(Draft("Reset the cache", "shop"))
    second = await memory.store(Draft("Reset the cache", "blog"))
    assert first.id != second.id


async def test_a_batch_that_repeats_itself_says_so(memory):
    stored = await memory.store_many([Draft("one fact", "shop"), Draft("One  fact", "shop"), Draft("two", "shop")])
    assert [s.duplicate for s in stored] == [False, True, False]


async def test_a_secret_is_replaced_before_it_reaches_the_store(memory, store):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    stored = await memory.store(Draft(f"the token is {secret}", "shop", tags=(secret,)))
    record = (await store.get([stored.id]))[0]
    assert secret not in repr(record) and stored.redacted


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("a\0b", "binary"),
        ("\ud800", "Unicode"),
        ("x" * (MAX_CONTENT_BYTES + 1), "at most 65,536"),
        ("<private>all of it</private>", "private"),
    ],
)
async def test_bad_content_is_refused_in_one_sentence_and_nothing_is_stored(memory, store, content, says):
    with pytest.raises(Invalid, match=says) as caught:
        await memory.store_many([Draft("good", "shop"), Draft(content, "shop")])
    assert "\n" not in str(caught.value)
    assert await store.count([]) == 0


@pytest.mark.parametrize("query", ["", "  ", "x" * 2_001])
async def test_a_bad_query_is_refused(memory, query):
    with pytest.raises(Invalid):
        await memory.search(query)


async def test_without_a_model_words_still_find_and_the_answer_says_so(store):
    memory = MemoryService(store, BrokenEmbedder(), FixedClock(NOW))
    stored = await memory.store(Draft("The proxy listens on port 8081", "shop"))
    result = await memory.search("proxy")
    assert ids(result) == [stored.id]
    assert "by word only" in result.note and "reinstall" in result.note


async def test_what_has_no_vector_yet_is_not_outdone_by_what_has(store, memory):
    worker = EmbeddingWorker(store, MemoryEmbedder())
    for n in range(30):
        await memory.store(Draft(f"fago{n}: reset the cache before the schema", "shop"))
    while await worker._embed_some():
        pass
    stored = await memory.store(Draft("dofaka: reset the cursor before the ledger", "shop"))
    assert ids(await memory.search("dofaka"))[0] == stored.id


async def test_kinds_tags_and_time_restrict_a_search(memory):
    old = await memory.store(Draft("cache fact old", "shop", time=NOW - timedelta(days=9)))
    tagged = await memory.store(Draft("cache fact tagged", "shop", tags=("x",)))
    turn = await memory.store(Draft("cache fact said", "shop", kind=Kind.TURN))
    assert set(ids(await memory.search("cache fact"))) == {old.id, tagged.id, turn.id}
    assert ids(await memory.search("cache fact", Scope(tags=("x",)))) == [tagged.id]
    assert ids(await memory.search("cache fact", Scope(kinds=(Kind.TURN,)))) == [turn.id]
    assert ids(await memory.search("cache fact", Scope(until=NOW - timedelta(days=1)))) == [old.id]


async def test_pages_show_each_hit_once_while_memories_arrive(memory):
    wanted = {(await memory.store(Draft(f"cache lesson number {n}", "shop"))).id for n in range(12)}
    first = await memory.search("cache lesson", Scope(("shop",)), limit=5)
    seen = ids(first)
    cursor = first.cursor
    while cursor:
        await memory.store(Draft(f"cache lesson cache lesson newcomer {cursor}", "shop"))
        page = await memory.more(cursor, limit=5)
        seen += ids(page)
        cursor = page.cursor
    assert len(seen) == len(set(seen)) == 12 and set(seen) == wanted


async def test_offsets_go_on_in_the_same_ranking(memory):
    for n in range(6):
        await memory.store(Draft(f"cache lesson number {n}", "shop"))
    first = ids(await memory.search("cache lesson", limit=3))
    await memory.store(Draft("cache lesson newcomer", "shop"))
    rest = ids(await memory.search("cache lesson", limit=3, offset=3))
    assert len({*first, *rest}) == 6


async def test_an_unknown_cursor_is_an_error(memory):
    with pytest.raises(NotFound, match="search again"):
        await memory.more("abc.3")


async def test_what_was_said_twice_is_shown_once(memory):
    for key in ("1", "2"):
        await memory.store(Draft("please run the tests again", "shop", kind=Kind.TURN, session=key, key=key))
    result = await memory.search("run the tests")
    assert len(result.hits) == 1


async def test_a_page_that_is_cut_goes_on_behind_what_was_shown(memory):
    for n in range(8):
        await memory.store(Draft(f"cache lesson number {n}", "shop"))
    page = await memory.search("cache lesson", limit=5)
    cut = page.first(2)
    rest = await memory.more(cut.cursor, limit=8)
    assert ids(cut) == ids(page)[:2] and ids(rest)[:3] == ids(page)[2:] and len(rest.hits) == 6
    assert page.first(5) is page


async def test_a_whole_memory_is_shown_with_its_neighbours_in_order(memory):
    for n in range(7):
        await memory.store(Draft(f"turn {n}", "shop", Kind.TURN, session="s", position=n, key=str(n)))
    third = (await memory.search("turn 3", limit=1)).hits[0].record
    assert [r.text for r in await memory.show(third.id, around=2)] == [f"turn {n}" for n in (1, 2, 3, 4, 5)]


async def test_the_fix_deep_in_a_long_memory_is_found_and_shown(memory):
    stored = await memory.store(Draft("filler talk " * 400 + "the zebra flag mends it " + "more talk " * 300, "shop"))
    hit = (await memory.search("zebra flag")).hits[0]
    assert hit.record.id == stored.id and "zebra flag" in hit.snippet and len(hit.snippet) < 300


async def test_an_overview_counts_by_project_kind_and_month(memory):
    await memory.store(Draft("cache a", "shop"))
    await memory.store(Draft("cache b", "shop", kind=Kind.TURN))
    await memory.store(Draft("cache c", "blog", time=datetime(2026, 1, 2, tzinfo=UTC)))
    found = await memory.overview("cache", Scope())
    assert (found.count, found.projects["shop"], found.kinds["turn"], found.months["2026-01"]) == (3, 2, 1, 1)
    assert found.best is not None


async def test_a_clock_that_goes_back_loses_nothing(store):
    clock = FixedClock(NOW)
    memory = MemoryService(store, MemoryEmbedder(), clock)
    late = await memory.store(Draft("cache fact of tomorrow", "shop"))
    early = await MemoryService(store, MemoryEmbedder(), FixedClock(NOW - timedelta(days=400))).store(
        Draft("cache fact of last year", "shop")
    )
    before = MemoryService(store, MemoryEmbedder(), FixedClock(NOW - timedelta(days=400)))
    assert set(ids(await before.search("cache fact", half_life_days=180))) == {late.id, early.id}
    assert {r.id for r in (await store.scan([])).records} == {late.id, early.id}


async def test_scrub_replaces_old_secrets_and_a_second_run_finds_none(memory, store):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    stored = await memory.store(Draft("placeholder", "shop"))
    from dataclasses import replace

    record = (await store.get([stored.id]))[0]
    await store.upsert([replace(record, text=f"old {secret}")])
    assert sum((await memory.scrub(lambda done, total: None, dry_run=True)).values()) == 1
    assert secret in (await store.get([stored.id]))[0].text
    assert sum((await memory.scrub(lambda done, total: None)).values()) == 1
    assert secret not in (await store.get([stored.id]))[0].text
    assert not await memory.scrub(lambda done, total: None)


async def test_the_worker_gives_every_memory_its_vector(memory, store):
    embedder = MemoryEmbedder()
    worker = EmbeddingWorker(store, embedder)
    task = asyncio.create_task(worker.run())
    await memory.store(Draft("one", "shop"))
    await memory.store(Draft("Bash: go test", "shop", kind=Kind.ACTION))
    worker.wake()
    progress = await asyncio.wait_for(worker.wait_idle(), 5)
    task.cancel()
    assert progress.pending == 0 and progress.done == 1
    assert await store.count([Condition("model_id", "=", embedder.model_id)]) == 1


async def test_vectors_are_made_of_what_was_stored_on_purpose_first_and_then_of_the_newest_turns(store, monkeypatch):
    monkeypatch.setattr("session_mgmt_mcp.domain.embedding.BATCH", 2)
    made: list[str] = []

    class Told(MemoryEmbedder):
        async def embed_documents(self, texts) -> Matrix:
            made.append(" ".join(sorted(texts)))
            return await super().embed_documents(texts)

    turns = [Record(f"t{age}", "turn", f"said {age}", "shop", NOW - timedelta(days=age)) for age in (3, 1, 4, 2)]
    await store.upsert([*turns, Record("r", "reflection", "learned", "shop", NOW - timedelta(days=900))])
    worker = EmbeddingWorker(store, Told())
    while await worker._embed_some():
        pass
    assert made == ["learned", "said 1 said 2", "said 3 said 4"]


async def test_a_memory_that_goes_while_its_batch_is_fetched_stops_nothing():
    class Forgetful(MemoryVectorStore):
        async def get(self, ids):
            await self.delete([Condition("id", "in", tuple(ids))])
            return await super().get(ids)

    forgetful = Forgetful()
    await forgetful.upsert([Record("t", "turn", "said", "shop", NOW)])
    worker = EmbeddingWorker(forgetful, MemoryEmbedder())
    assert [await worker._embed_some(), await worker._embed_some()] == [1, 0]


@pytest.mark.parametrize("turns", range(5))
async def test_a_worker_that_is_woken_and_cancelled_at_once_ends(store, memory, turns):
    await memory.store(Draft("one", "shop"))
    worker = EmbeddingWorker(store, BrokenEmbedder())  # so that it waits with a time limit
    task = asyncio.create_task(worker.run())
    await asyncio.wait_for(worker.wait_idle(), 5)
    await asyncio.sleep(0.01)
    worker.wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1)
    assert done, "the cancellation was lost"


async def test_a_worker_without_a_model_says_why_and_does_not_spin(store, memory):
    await memory.store(Draft("one", "shop"))
    worker = EmbeddingWorker(store, BrokenEmbedder())
    task = asyncio.create_task(worker.run())
    progress = await asyncio.wait_for(worker.wait_idle(), 5)
    task.cancel()
    assert progress.pending == 1 and "reinstall" in progress.problem


async def test_code_is_left_out_of_recall_but_not_of_scrubbing(memory, store):
    secret = "ghp_" + "a8Kd0Wq2Zx6Vb4Nm1Lp3Ty7Ru9Eo5Is0Cf2G"
    turn = Record("t", "turn", f"use {secret}", "shop", NOW)
    code = Record(
        "t.c1",
        "code",
        f"key = '{secret}'",
        "shop",
        NOW,
        parent="t",
        worded=False,
        metadata={"code": {"before": secret}},
    )
    await store.upsert([turn, code])
    assert [hit.record.id for hit in (await memory.search("key use", Scope(("shop",)))).hits] == ["t"]
    await memory.scrub(lambda done, total: None)
    page = await store.scan([])
    assert {record.id for record in page.records} == {"t", "t.c1"}
    assert secret not in repr(page.records) and not page.records[1].worded
    assert not await memory.scrub(lambda done, total: None)


async def test_two_that_store_the_same_at_once_both_leave_their_tags():
    class Later(MemoryVectorStore):
        async def get(self, ids):
            found = await super().get(ids)
            await asyncio.sleep(0.01)
            return found

    later = Later()
    service = MemoryService(later, MemoryEmbedder(), FixedClock(NOW))
    drafts = [Draft("Reset the cache", "shop", tags=(tag,)) for tag in ("one", "two", "three")]
    stored = await asyncio.gather(*map(service.store, drafts))
    assert len({one.id for one in stored}) == 1
    assert [one.tags for one in await later.get([stored[0].id])] == [("one", "three", "two")]


async def test_a_text_that_changes_while_its_vector_is_made_gets_that_of_what_it_says(store):
    class Held(MemoryEmbedder):
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def embed_documents(self, texts) -> Matrix:
            self.begun.set()
            await self.go_on.wait()
            return await super().embed_documents(texts)

    embedder = Held()
    memory = MemoryService(store, embedder, FixedClock(NOW))
    worker = EmbeddingWorker(store, embedder)
    stored = await memory.replace(Draft("Apples and pears", "shop", key="k"))
    running = asyncio.create_task(worker.run())
    await embedder.begun.wait()
    await memory.replace(Draft("The proxy listens on 8081", "shop", key="k"))
    worker.wake()
    embedder.go_on.set()
    await worker.wait_idle()
    running.cancel()
    made = (await store.vectors([stored.id]))[stored.id]
    assert made.tolist() == (await MemoryEmbedder().embed_query("The proxy listens on 8081")).tolist()
