"""QueryLog in a table of the store's database."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from session_mgmt_mcp.adapters.duckdb.connection import After
from session_mgmt_mcp.adapters.duckdb.records import EPOCH, clean, microseconds
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.ports.query_log import Grouping, LoggedSearch, QueryCount, QueryTotals, Searches

KEPT = 20_000
TOTALS = """count(*), count(*) filter (hits = 0), avg(best),
    coalesce(quantile_cont(milliseconds, 0.5), 0), coalesce(quantile_cont(milliseconds, 0.95), 0)"""
COUNTS = """arg_max(query, (time, number)) as spelt, count(*) as searches, max(time) as latest,
    arg_max(hits, (time, number)) as found"""
GROUPS: Mapping[Grouping, str] = {
    "tool": "tool",
    "project": "project",
    "day": "strftime(make_timestamp(time), '%Y-%m-%d')",
}


class DuckDBQueryLog:
    """Writes through the store's connection. Lives as long as the store."""

    def __init__(self, store: DuckDBVectorStore, kept: int = KEPT) -> None:
        self._store = store
        self._kept = kept

    async def record(self, searches: Sequence[LoggedSearch]) -> None:
        if not searches:
            return
        rows = [
            (microseconds(s.time), clean(s.tool), clean(s.project), clean(s.query), s.hits, s.best, s.milliseconds)
            for s in searches[-self._kept :]
        ]

        def run(connection: Any) -> After:
            (last,) = connection.execute("select coalesce(max(number), 0) from searches").fetchone()
            places = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(rows))
            values = [value for number, row in enumerate(rows, last + 1) for value in (number, *row)]
            connection.execute(f"insert into searches values {places}", values)  # noqa: S608
            connection.execute("delete from searches where number <= ?", [last + len(rows) - self._kept])
            return lambda: None

        await self._store.write(run)

    async def totals(self, which: Searches) -> QueryTotals:
        condition, values = _where(which)
        [row] = await self._rows(f"select {TOTALS} from searches where {condition}", values)  # noqa: S608
        return QueryTotals(*row)

    async def by(self, group: Grouping, which: Searches) -> Mapping[str, QueryTotals]:
        condition, values = _where(which)
        query = (
            f"select {GROUPS[group]} as name, {TOTALS} from searches where {condition} group by name order by 2 desc, 1"  # noqa: S608
        )
        return {name: QueryTotals(*figures) for name, *figures in await self._rows(query, values)}

    async def top(self, which: Searches, k: int, *, unanswered: bool = False) -> list[QueryCount]:
        condition, values = _where(which)
        if unanswered:
            condition += " and hits = 0"
        return await self._counts(condition, "searches desc, latest desc, spelt", [*values, k])

    async def starting_with(self, prefix: str, which: Searches, k: int) -> list[QueryCount]:
        condition, values = _where(which)
        condition += " and starts_with(lower(query), lower(?))"
        return await self._counts(
            condition, "found = 0, searches desc, latest desc, spelt", [*values, clean(prefix), k]
        )

    async def forget_all(self) -> None:
        def run(connection: Any) -> After:
            connection.execute("delete from searches")
            return lambda: None

        await self._store.write(run)

    async def _counts(self, condition: str, order: str, values: Sequence[Any]) -> list[QueryCount]:
        query = f"select {COUNTS} from searches where {condition} group by lower(query) order by {order} limit ?"  # noqa: S608
        rows = await self._rows(query, values)
        return [QueryCount(text, n, EPOCH + timedelta(microseconds=last), hits) for text, n, last, hits in rows]

    async def _rows(self, query: str, values: Sequence[Any]) -> list[Any]:
        found: list[Any] = await self._store.read(lambda cursor: cursor.execute(query, values).fetchall())
        return found


def _where(which: Searches) -> tuple[str, list[Any]]:
    parts: list[str] = ["true"]
    values: list[Any] = []
    for condition, time in (("time >= ?", which.since), ("time < ?", which.until)):
        if time is not None:
            parts.append(condition)
            values.append(microseconds(time))
    if which.projects is not None:
        parts.append("project in (select unnest(?::varchar[]))")
        values.append(list(which.projects))
    return " and ".join(parts), values
