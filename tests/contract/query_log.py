"""What every QueryLog does."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from session_mgmt_mcp.ports.query_log import LoggedSearch, QueryLog, QueryTotals, Searches

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALL = Searches()


def search(query: str = "cache", at: float = 0, **fields: Any) -> LoggedSearch:
    """`at` in hours."""
    defaults: dict[str, Any] = {
        "tool": "reflect_on_past",
        "project": "shop",
        "hits": 3,
        "best": 0.5,
        "milliseconds": 10.0,
    }
    return LoggedSearch(time=START + timedelta(hours=at), query=query, **{**defaults, **fields})


class QueryLogContract:
    """Subclass it and give a `log` fixture: an empty one that keeps the newest 50."""

    async def test_an_empty_log_answers_everything(self, log: QueryLog) -> None:
        await log.record([])
        assert await log.totals(ALL) == QueryTotals(0, 0, None, 0.0, 0.0)
        assert await log.by("tool", ALL) == {} and await log.top(ALL, 5) == [] == await log.starting_with("", ALL, 5)

    async def test_totals_count_and_measure(self, log: QueryLog) -> None:
        await log.record([search(milliseconds=float(n), best=n / 10) for n in range(1, 5)])
        await log.record([search(hits=0, best=None, milliseconds=5.0)])
        found = await log.totals(ALL)
        assert (found.searches, found.unanswered, found.p50) == (5, 1, 3.0)
        assert found.mean_best is not None and abs(found.mean_best - 0.25) < 1e-9
        assert abs(found.p95 - 4.8) < 1e-9

    async def test_only_searches_of_the_time_and_the_projects_count(self, log: QueryLog) -> None:
        await log.record([search(at=0), search(at=1), search(at=2, project="bank"), search(at=3)])
        hour = timedelta(hours=1)
        assert (await log.totals(Searches(START + hour))).searches == 3
        assert (await log.totals(Searches(START + hour, START + 3 * hour))).searches == 2
        assert (await log.totals(Searches(projects=["bank"]))).searches == 1
        assert (await log.totals(Searches(projects=[]))).searches == 0
        assert [one.searches for one in await log.top(Searches(projects=["shop"]), 5)] == [3]

    async def test_groups_come_most_first(self, log: QueryLog) -> None:
        await log.record([search(at=0, tool="b"), search(at=11, tool="a", hits=0), search(at=13, tool="a")])
        tools = await log.by("tool", ALL)
        assert [(name, one.searches, one.unanswered) for name, one in tools.items()] == [("a", 2, 1), ("b", 1, 0)]
        days = await log.by("day", ALL)
        assert [(name, one.searches) for name, one in days.items()] == [("2026-03-01", 2), ("2026-03-02", 1)]
        assert list(await log.by("project", ALL)) == ["shop"]

    async def test_the_same_words_are_one_query_spelt_as_last(self, log: QueryLog) -> None:
        await log.record(
            [search("Cache"), search("parser", at=1), search("cache", at=2, hits=7), search("socket", at=0)]
        )
        found = await log.top(ALL, 5)
        assert [(one.query, one.searches, one.hits) for one in found] == [
            ("cache", 2, 7),
            ("parser", 1, 3),
            ("socket", 1, 3),
        ]
        assert found[0].last == START + timedelta(hours=2)
        assert len(await log.top(ALL, 2)) == 2

    async def test_what_found_nothing_is_told_apart(self, log: QueryLog) -> None:
        await log.record(
            [search("cache"), search("cache", hits=0), search("lost", hits=0), search("lost", at=1, hits=0)]
        )
        assert [(one.query, one.searches) for one in await log.top(ALL, 5, unanswered=True)] == [
            ("lost", 2),
            ("cache", 1),
        ]

    async def test_past_queries_are_found_by_their_beginning(self, log: QueryLog) -> None:
        await log.record(
            [search("Cache reset"), search("cached", at=1), search("cached", at=2), search("the cache", at=3)]
        )
        await log.record([search("cache 100%_", at=4, hits=0), search("cache ä 🧀", at=5, project="bank")])
        found = [one.query for one in await log.starting_with("cAche", ALL, 9)]
        assert found == ["cached", "cache ä 🧀", "Cache reset", "cache 100%_"]
        assert [one.query for one in await log.starting_with("cache 100%", ALL, 9)] == ["cache 100%_"]
        assert [one.query for one in await log.starting_with("cache", Searches(projects=["bank"]), 9)] == ["cache ä 🧀"]
        assert await log.starting_with("%", ALL, 9) == []

    async def test_only_the_newest_are_kept(self, log: QueryLog) -> None:
        for step in range(3):
            await log.record([search(f"q{step * 40 + n}", at=step * 40 + n) for n in range(40)])
        assert (await log.totals(ALL)).searches == 50
        assert await log.starting_with("q69", ALL, 9) == [] and len(await log.starting_with("q70", ALL, 9)) == 1

    async def test_many_at_once_are_all_kept(self, log: QueryLog) -> None:
        await asyncio.gather(*(log.record([search(f"q{n}")]) for n in range(30)))
        assert (await log.totals(ALL)).searches == 30

    async def test_forgetting_leaves_nothing(self, log: QueryLog) -> None:
        await log.record([search()])
        await log.forget_all()
        assert (await log.totals(ALL)).searches == 0
        await log.record([search()])
        assert (await log.totals(ALL)).searches == 1
