"""Pages over the real store while others write to it."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder
from session_mgmt_mcp.domain.answers import ANSWERS_KEPT
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.vector_store import Condition

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HERE = Scope(("shop",))


@pytest.fixture
async def memory(tmp_path):
    store = await DuckDBVectorStore.open(tmp_path / "memories.duckdb")
    yield MemoryService(store, MemoryEmbedder(), FixedClock(NOW))
    await store.close()


def said(number: int, words: str = "cache lesson") -> Draft:
    return Draft(words, "shop", Kind.TURN, session=f"s{number % 3}", position=number, key=f"{words} {number}")


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from(["cache lesson", "cache rule", "the cache"]), min_size=1, max_size=25),
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["write", "same", "delete", "ask", ""])), max_size=12),
)
async def test_each_content_is_shown_once_whatever_happens_between_the_pages(words, steps):
    with tempfile.TemporaryDirectory() as folder:
        store = await DuckDBVectorStore.open(Path(folder) / "memories.duckdb")
        memory = MemoryService(store, MemoryEmbedder(), FixedClock(NOW))
        drafts = [said(n, f"{w} {n % 9}") for n, w in enumerate(words)]
        await memory.store_many(drafts)
        wanted = {draft.content for draft in drafts}
        gone: set[str] = set()
        shown: list[str] = []
        page = await memory.search("cache lesson", HERE, limit=2)
        shown += [hit.record.text for hit in page.hits]
        for number, (limit, event) in enumerate(steps, 100):
            match event:
                case "write":
                    await memory.store(said(number, f"cache lesson cache lesson {number}"))
                case "same":
                    await memory.store(said(number, drafts[0].content))
                case "delete":
                    victim = drafts[number % len(drafts)].content
                    gone.add(victim)
                    where = [record.id for record in (await store.scan([])).records if record.text == victim]
                    await store.delete([Condition("id", "in", where)])
                case "ask":
                    await memory.search("cache lesson", HERE, limit=1)
            if page.cursor:
                page = await memory.more(page.cursor, limit=limit)
                shown += [hit.record.text for hit in page.hits]
        while page.cursor:
            page = await memory.more(page.cursor, limit=7)
            shown += [hit.record.text for hit in page.hits]
        await store.close()
    assert len(shown) == len(set(shown))
    assert wanted - gone <= set(shown) <= wanted


async def test_asking_again_starts_anew_and_leaves_older_cursors_where_they_were(memory):
    await memory.store_many([said(n, f"cache lesson {n}") for n in range(6)])
    first = await memory.search("cache lesson", HERE, limit=3)
    await memory.store_many([said(n, f"cache lesson {n}") for n in range(6, 9)])
    again = await memory.search("cache lesson", HERE, limit=3)
    rest = await memory.more(first.cursor, limit=9)
    assert {hit.record.text for hit in (*first.hits, *rest.hits)} == {f"cache lesson {n}" for n in range(6)}
    assert len((await memory.more(again.cursor, limit=9)).hits) == 6


async def test_a_cursor_outlives_other_searches_and_then_says_what_to_do(memory):
    await memory.store_many([said(n, f"cache lesson {n}") for n in range(6)])
    first = await memory.search("cache lesson", HERE, limit=3)
    for n in range(ANSWERS_KEPT - 2):
        await memory.search(f"question {n}", HERE)
    await memory.overview("another question", HERE)
    assert len((await memory.more(first.cursor)).hits) == 3
    for n in range(ANSWERS_KEPT):
        await memory.search(f"further question {n}", HERE)
    with pytest.raises(NotFound, match="search again without it"):
        await memory.more(first.cursor)


async def test_two_pages_asked_for_at_once_do_not_mix(memory):
    import asyncio

    await memory.store_many([said(n, f"cache lesson {n}") for n in range(40)])
    first = await memory.search("cache lesson", HERE, limit=1)
    token = first.cursor.partition(".")[0]
    pages = await asyncio.gather(*(memory.more(f"{token}.{at}", limit=10) for at in (21, 11, 1, 31)))
    one_by_one = [
        hit.record.id for at in (21, 11, 1, 31) for hit in (await memory.more(f"{token}.{at}", limit=10)).hits
    ]
    assert [hit.record.id for page in pages for hit in page.hits] == one_by_one
    assert len(set(one_by_one)) == 39


async def test_the_total_is_less_what_was_said_before(memory):
    await memory.store_many([*(said(n) for n in range(4)), said(9, "cache rule")])
    page = await memory.search("cache lesson", HERE, limit=5)
    assert len(page.hits) == page.total == 2 and page.cursor is None
