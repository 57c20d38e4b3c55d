"""How much happened in projects, by the user's own calendar."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.domain.project_graph.activity import activity
from session_mgmt_mcp.ports.vector_store import Condition, Record

UNTIL = datetime(2026, 11, 22, 12, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=60)  # in which the clocks of Berlin go back


async def told(zone, *records: Record):
    store = MemoryVectorStore()
    await store.upsert(records)
    where = [Condition("parent", "=", ""), Condition("time", ">=", SINCE)]
    means = {"shop-1": "shop-1", "shop": "shop-1", "blog-2": "blog-2"}
    found, days = await activity(store, means, where, SINCE, UNTIL, zone)
    return [one for one in found if one.memories], days


def memory(name: str, time: datetime, project: str = "shop-1", session: str = "s") -> Record:
    return Record(name, "turn", name, project, time, session)


@pytest.mark.parametrize(
    ("zone", "days"),
    [(UTC, ["2026-10-24", "2026-11-20"]), (ZoneInfo("Europe/Berlin"), ["2026-10-25", "2026-11-21"])],
)
async def test_a_day_begins_at_the_users_midnight(zone, days):
    some = (
        memory("a", datetime(2026, 11, 20, 23, 30, tzinfo=UTC)),
        memory("b", datetime(2026, 10, 24, 22, 30, tzinfo=UTC)),
    )
    assert sorted(day.day for day in (await told(zone, *some))[1]) == days


async def test_no_moment_is_lost_or_counted_twice_where_the_clocks_go_back():
    night = [memory(f"m{n}", datetime(2026, 10, 24, 20, tzinfo=UTC) + timedelta(minutes=30 * n)) for n in range(60)]
    found, days = await told(ZoneInfo("Europe/Berlin"), *night)
    assert sum(day.memories for day in days) == found[0].memories == 60
    assert {day.day: day.memories for day in days} == {"2026-10-24": 4, "2026-10-25": 50, "2026-10-26": 6}


async def test_what_belongs_to_no_session_counts_but_is_none():
    early = UNTIL - timedelta(days=2)
    [one], _ = await told(UTC, memory("a", early), memory("b", UNTIL - timedelta(days=1), "shop", session=""))
    assert (one.project, one.memories, one.sessions, one.days) == ("shop-1", 2, 1, 2)


async def test_the_last_moment_of_a_project_is_its_own_where_nothing_belongs_to_a_session():
    early, late = UNTIL - timedelta(days=3), UNTIL - timedelta(days=1)
    found, _ = await told(UTC, memory("a", early, session=""), memory("b", late, "blog-2", session=""))
    assert {one.project: one.last for one in found} == {"shop-1": early, "blog-2": late}


async def test_a_session_that_went_on_in_another_project_counts_in_both():
    early, late = UNTIL - timedelta(days=3), UNTIL - timedelta(days=1)
    found, _ = await told(UTC, memory("a", early), memory("b", late, "blog-2"))
    assert {one.project: (one.sessions, one.last) for one in found} == {"shop-1": (1, early), "blog-2": (1, late)}
