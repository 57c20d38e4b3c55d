"""When work was interrupted, for how long and by what: computed from the contexts that were kept then."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import numpy as np
from session_mgmt_mcp.domain.contexts import INTERRUPTIONS, Context, ContextService
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.vector_store import Condition, VectorStore

MOST = 1_000  # interruptions that are looked at
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Interruption:
    """Unfinished work that stopped at `context.began`. It goes on when somebody speaks in that project again, or restores it."""

    context: Context
    ended: datetime | None  # None: not yet

    @property
    def length(self) -> timedelta | None:
        return None if self.ended is None else max(self.ended - self.context.began, timedelta())


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of interruptions that have ended, in seconds."""

    count: int
    total: float
    mean: float
    median: float
    longest: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """`lengths` is None while none has ended; `first` None when there were none."""

    count: int
    open: int
    by_reason: Mapping[str, int]
    by_project: Mapping[str, int]
    by_day: Mapping[str, int]
    lengths: Lengths | None
    first: datetime | None


class InterruptionService:
    """Reads interruptions off the contexts, and their ends off what was said afterwards."""

    def __init__(self, contexts: ContextService, store: VectorStore, clock: Clock) -> None:
        self._contexts = contexts
        self._store = store
        self._clock = clock

    async def history(self, user: str, project: str | None, hours: float | None) -> list[Interruption]:
        """The newest first, at most MOST; `project` and `hours` None: of all."""
        since = self._clock.now() - timedelta(hours=hours) if hours is not None else None
        found: list[Context] = []
        async with aclosing(self._contexts.all(project)) as contexts:
            async for context in contexts:
                if since is not None and context.time < since:
                    if project is not None:
                        break
                    continue
                if context.place.user == user and context.reason in INTERRUPTIONS and context.work.unfinished:
                    found.append(context)
        newest = sorted(found, key=lambda context: context.time, reverse=True)[:MOST]
        gate = asyncio.Semaphore(_AT_ONCE)
        return list(await asyncio.gather(*(self._interruption(context, gate) for context in newest)))

    async def _interruption(self, context: Context, gate: asyncio.Semaphore) -> Interruption:
        where = [
            Condition("project", "=", context.place.project),
            Condition("kind", "=", Kind.TURN),
            Condition("role", "=", "user"),
            Condition("parent", "=", ""),
            Condition("time", ">", context.time),
        ]
        async with gate:
            page = await self._store.listed(where, "oldest", None, 1)
        ends = [page.records[0].time] if page.records else []
        return Interruption(context, min([*ends, *([context.resumed] if context.resumed else [])], default=None))


def statistics(interruptions: Sequence[Interruption], zone: tzinfo) -> Statistics:
    """Counts and lengths; nothing is estimated. Days are those of `zone`."""
    contexts = [one.context for one in interruptions]
    seconds = np.array([one.length.total_seconds() for one in interruptions if one.length is not None])
    return Statistics(
        count=len(contexts),
        open=len(contexts) - len(seconds),
        by_reason=dict(Counter(str(context.reason) for context in contexts).most_common()),
        by_project=dict(Counter(context.place.project for context in contexts).most_common()),
        by_day=dict(sorted(Counter(context.began.astimezone(zone).date().isoformat() for context in contexts).items())),
        lengths=_lengths(seconds) if len(seconds) else None,
        first=min((context.began for context in contexts), default=None),
    )


def _lengths(seconds: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Lengths:
    return Lengths(
        len(seconds), float(seconds.sum()), float(seconds.mean()), float(np.median(seconds)), float(seconds.max())
    )
