"""How much happened in projects, and on which days: counted by the store."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from session_mgmt_mcp.domain.failures import Outcome
from session_mgmt_mcp.domain.file_search import EDITORS
from session_mgmt_mcp.ports.vector_store import Condition, Filter, VectorStore

OUTCOMES = (str(Outcome.FAILED), str(Outcome.HIDDEN), str(Outcome.PASTED))
EDITING = tuple(f"tool:{tool}" for tool in sorted(EDITORS))
SESSIONS = 5_000  # of each project the latest, that are counted


@dataclass(frozen=True, slots=True)
class Activity:
    """Of one project in a stretch of time; `last` None: nothing happened."""

    project: str
    memories: int
    sessions: int
    errors: int
    edits: int
    days: int  # on which something happened
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Day:
    """`day` is `2026-11-22` in the user's time zone; memories by project, most first."""

    day: str
    memories: int
    projects: Mapping[str, int]


async def activity(
    store: VectorStore, means: Mapping[str, str], where: Filter, since: datetime, until: datetime, zone: tzinfo
) -> tuple[list[Activity], list[Day]]:
    """Of each project, the most active first; and the days of [since, until), the most active first.

    `means` says by the name under which memories are stored whose they are; `where` holds for whole memories of these
    in that time.
    """
    stored: dict[str, list[str]] = {}
    for name, project in means.items():
        stored.setdefault(project, []).append(name)
    counts, errors, edits, days = await asyncio.gather(
        store.facets("project", where),
        store.facets("project", [*where, Condition("facts", "in", OUTCOMES)]),
        store.facets("project", [*where, Condition("facts", "in", EDITING)]),
        _days(store, where, since, until, zone),
    )
    # asked for each alone: a session may go on in another project, and what belongs to none is one span to the store
    spans = await asyncio.gather(
        *(store.sessions([*where, Condition("project", "in", tuple(names))], SESSIONS) for names in stored.values())
    )
    days = [Day(day.day, day.memories, summed(day.projects, means)) for day in days]
    counts, errors, edits = (summed(some, means) for some in (counts, errors, edits))
    found = []
    for project, own in zip(stored, spans, strict=True):
        active = sum(project in day.projects for day in days)
        named = [span for span in own if span.session]
        last = max((span.last for span in own), default=None)
        found.append(
            Activity(
                project, counts.get(project, 0), len(named), errors.get(project, 0), edits.get(project, 0), active, last
            )
        )
    return sorted(found, key=lambda one: (-one.memories, one.project)), days


def summed(counts: Mapping[str, int], means: Mapping[str, str]) -> dict[str, int]:
    """Counts by stored name as counts by project, most first.

    >>> summed({"shop": 1, "shop-1a2b3c": 2}, {"shop": "shop-1a2b3c", "shop-1a2b3c": "shop-1a2b3c"})
    {'shop-1a2b3c': 3}
    """
    found: Counter[str] = Counter()
    for name, count in counts.items():
        found[means[name]] += count
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


async def _days(store: VectorStore, where: Filter, since: datetime, until: datetime, zone: tzinfo) -> list[Day]:
    """One count a day, of the days in whose month something happened."""
    months = await store.facets("month", where)
    starts = [since.astimezone(zone)]
    while (following := _midnight_after(starts[-1])) < until:
        starts.append(following)
    stretches = [
        (start, end)
        for start, end in zip(starts, [*starts[1:], until], strict=True)
        if months.keys() & {f"{one.astimezone(UTC):%Y-%m}" for one in (start, end)}
    ]
    counted = await asyncio.gather(
        *(
            store.facets("project", [*where, Condition("time", ">=", start), Condition("time", "<", end)])
            for start, end in stretches
        )
    )
    found = [
        Day(f"{start:%Y-%m-%d}", sum(counts.values()), counts)
        for (start, _), counts in zip(stretches, counted, strict=True)
        if counts
    ]
    return sorted(found, key=lambda one: (-one.memories, one.day))


def _midnight_after(time: datetime) -> datetime:
    """In the time's own zone; where the clock is put back or forward that night, the day has 23 or 25 hours."""
    return (time + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
