"""Searches in a list: the shortest QueryLog that keeps the contract."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from session_mgmt_mcp.ports.query_log import Grouping, LoggedSearch, QueryCount, QueryTotals, Searches


class MemoryQueryLog:
    """QueryLog for tests and for what need not last."""

    def __init__(self, kept: int = 20_000) -> None:
        self._searches: deque[LoggedSearch] = deque(maxlen=kept)

    async def record(self, searches: Sequence[LoggedSearch]) -> None:
        self._searches.extend(searches)

    async def totals(self, which: Searches) -> QueryTotals:
        return _totals(self._of(which))

    async def by(self, group: Grouping, which: Searches) -> Mapping[str, QueryTotals]:
        members: dict[str, list[LoggedSearch]] = defaultdict(list)
        for one in self._of(which):
            members[f"{one.time:%Y-%m-%d}" if group == "day" else getattr(one, group)].append(one)
        found = {name: _totals(some) for name, some in members.items()}
        return dict(sorted(found.items(), key=lambda one: (-one[1].searches, one[0])))

    async def top(self, which: Searches, k: int, *, unanswered: bool = False) -> list[QueryCount]:
        found = _counts(one for one in self._of(which) if not (unanswered and one.hits))
        return sorted(found, key=lambda one: (-one.searches, -one.last.timestamp(), one.query))[:k]

    async def starting_with(self, prefix: str, which: Searches, k: int) -> list[QueryCount]:
        found = _counts(one for one in self._of(which) if one.query.lower().startswith(prefix.lower()))
        return sorted(found, key=lambda one: (one.hits == 0, -one.searches, -one.last.timestamp(), one.query))[:k]

    async def forget_all(self) -> None:
        self._searches.clear()

    def _of(self, which: Searches) -> list[LoggedSearch]:
        return [
            one
            for one in self._searches
            if (which.since is None or one.time >= which.since)
            and (which.until is None or one.time < which.until)
            and (which.projects is None or one.project in which.projects)
        ]


def _totals(searches: Sequence[LoggedSearch]) -> QueryTotals:
    if not searches:
        return QueryTotals(0, 0, None, 0.0, 0.0)
    best = [one.best for one in searches if one.best is not None]
    p50, p95 = np.percentile([one.milliseconds for one in searches], [50, 95]).tolist()
    unanswered = sum(one.hits == 0 for one in searches)
    return QueryTotals(len(searches), unanswered, sum(best) / len(best) if best else None, p50, p95)


def _counts(searches: Iterable[LoggedSearch]) -> list[QueryCount]:
    members: dict[str, list[LoggedSearch]] = defaultdict(list)
    for one in searches:
        members[one.query.lower()].append(one)
    found = []
    for some in members.values():
        last = max(enumerate(some), key=lambda one: (one[1].time, one[0]))[1]
        found.append(QueryCount(last.query, len(some), last.time, last.hits))
    return found
