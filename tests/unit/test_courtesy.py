"""Who gives way to whom, and for how long."""

import asyncio
import time
from datetime import UTC, datetime

from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.domain import courtesy as courtesies
from session_mgmt_mcp.domain.courtesy import Courtesy
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.scope import Scope


async def test_work_waits_until_the_last_answer_is_given(monkeypatch):
    monkeypatch.setattr(courtesies, "LONGEST", 60)
    courtesy = Courtesy()
    order: list[str] = []

    async def work() -> None:
        await courtesy.give_way()
        order.append("worked")

    with courtesy.answering():
        with courtesy.answering():
            task = asyncio.create_task(work())
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        order.append("answered")
    await task
    assert order == ["answered", "worked"]


async def test_work_goes_on_where_questions_never_end():
    courtesy = Courtesy()
    with courtesy.answering():
        begun = time.perf_counter()
        await courtesy.give_way()
        assert 0.009 < time.perf_counter() - begun < 5


async def test_others_have_their_turn_when_nobody_asks():
    courtesy = Courtesy()
    other = asyncio.create_task(asyncio.sleep(0))
    await courtesy.give_way()
    await courtesy.give_way()
    assert other.done()


async def test_a_search_is_an_answer_until_it_is_given(monkeypatch):
    monkeypatch.setattr(courtesies, "LONGEST", 60)
    courtesy, held = Courtesy(), asyncio.Event()

    class Slow(MemoryEmbedder):
        async def embed_query(self, text):
            await held.wait()
            return await super().embed_query(text)

    clock = FixedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))
    memory = MemoryService(MemoryVectorStore(), Slow(), clock, courtesy=courtesy)
    searching = asyncio.create_task(memory.search("which port"))
    await asyncio.sleep(0)
    working = asyncio.create_task(courtesy.give_way())
    await asyncio.sleep(0.01)
    assert not working.done()
    held.set()
    await searching
    await working


async def test_a_page_and_an_overview_are_answers_too():
    courtesy, asked = Courtesy(), []

    class Store(MemoryVectorStore):
        async def search(self, *args):
            asked.append(courtesy._answering)
            return await super().search(*args)

        async def get(self, ids):
            asked.append(courtesy._answering)
            return await super().get(ids)

    clock = FixedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))
    memory = MemoryService(Store(), MemoryEmbedder(), clock, courtesy=courtesy)
    for number in range(60):
        await memory.store(Draft(f"The proxy listens on port {number}", "shop"))
    asked.clear()
    await memory.overview("which port", Scope())
    first = await memory.search("which port", limit=40)
    assert first.cursor is not None
    await memory.more(first.cursor, limit=20)
    assert len(asked) >= 4
    assert set(asked) == {1}
    assert courtesy._answering == 0
