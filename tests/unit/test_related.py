"""Memories near to a handoff, found by its vector alone."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.domain.related import related
from session_mgmt_mcp.ports.vector_store import Record

AT = datetime(2026, 1, 1, tzinfo=UTC)


def record(id: str, *, angle: float | None, kind: str = "reflection", project: str = "shop", session: str = "s1",
           trust: str = "user", model: str = "m", days: int = 0, parent: str = "") -> Record:  # fmt: skip
    """`angle`: of its vector from the handoff's, in degrees; None: it has no vector."""
    vector = None
    if angle is not None:
        vector = np.zeros(384, np.float32)
        vector[:2] = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return Record(id, kind, id, project, AT + timedelta(days=days), session, parent=parent, metadata={"trust": trust},
                  content_hash=id, vector=vector, model_id=model if vector is not None else "")  # fmt: skip


@pytest.fixture
async def store() -> MemoryVectorStore:
    store = MemoryVectorStore()
    await store.upsert([record("handoff", angle=0, kind="handoff", session="last")])
    return store


async def ids(store: MemoryVectorStore, limit: int = 5) -> list[str]:
    return [one.id for one in await related(store, "handoff", "last", limit)]


async def test_the_nearest_come_first_and_what_was_kept_on_purpose_before_what_was_said(store):
    await store.upsert([record("turn", angle=20, kind="turn"), record("insight", angle=25), record("far", angle=60, kind="turn"),
                        record("unrelated", angle=89, kind="turn")])  # fmt: skip
    assert await ids(store) == ["insight", "turn", "far"]


async def test_only_of_its_project_of_other_sessions_and_trusted(store):
    await store.upsert([
        record("stranger", angle=5, project="other"), record("itself", angle=5, session="last"),
        record("printed", angle=5, trust="tool"), record("foreign model", angle=5, model="n", kind="turn"),
        record("action", angle=5, kind="action"), record("fine", angle=5),
    ])  # fmt: skip
    assert await ids(store) == ["fine"]


async def test_where_few_are_near_the_newest_insights_come_along(store):
    await store.upsert(
        [record(f"old {n}", angle=89, days=n) for n in range(9)] + [record("near", angle=10, kind="turn")]
    )
    assert await ids(store) == ["near", "old 8", "old 7"]


async def test_a_handoff_without_a_vector_has_the_newest_insights(store):
    await store.upsert([record("handoff", angle=None, kind="handoff", session="last"), record("one", angle=5, days=1),
                        record("two", angle=5, days=2)])  # fmt: skip
    assert await ids(store) == ["two", "one"]


async def test_a_part_counts_for_its_whole(store):
    await store.upsert([record("whole", angle=80, kind="turn"), record("part", angle=10, kind="turn", parent="whole")])
    assert await ids(store) == ["whole"]


async def test_an_unknown_memory_has_none(store):
    assert await related(store, "nothing", "last", 5) == []
