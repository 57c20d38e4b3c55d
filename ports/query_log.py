"""Which searches were made, and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

Grouping: TypeAlias = Literal["tool", "project", "day"]


@dataclass(frozen=True, slots=True)
class LoggedSearch:
    """One search; its `query` holds no secret any more."""

    time: datetime  # aware
    tool: str
    project: str
    query: str
    hits: int
    best: float | None  # score of the best hit, where hits have one
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Searches:
    """Which of them: in [since, until), of these projects; None: no restriction."""

    since: datetime | None = None
    until: datetime | None = None
    projects: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class QueryTotals:
    """Of some searches: how many, how well they were answered, and how fast."""

    searches: int
    unanswered: int  # without a hit
    mean_best: float | None  # of those that have a best score
    p50: float  # milliseconds
    p95: float


@dataclass(frozen=True, slots=True)
class QueryCount:
    """Searches for the same words, whatever their case; `query` as it was spelt last."""

    query: str
    searches: int
    last: datetime
    hits: int  # of the last one


class QueryLog(Protocol):
    """Bounded: the newest searches stay, older ones go by themselves."""

    async def record(self, searches: Sequence[LoggedSearch]) -> None:
        """Durable when it returns. Raises Unavailable."""

    async def totals(self, which: Searches) -> QueryTotals: ...

    async def by(self, group: Grouping, which: Searches) -> Mapping[str, QueryTotals]:
        """Most searches first, then by name; a day is `2026-11-22`, in UTC."""

    async def top(self, which: Searches, k: int, *, unanswered: bool = False) -> list[QueryCount]:
        """The most frequent, of those the latest first; `unanswered`: only searches without a hit count."""

    async def starting_with(self, prefix: str, which: Searches, k: int) -> list[QueryCount]:
        """As `top`, of the queries that begin with `prefix`, in any case; those that had a hit when last asked first."""

    async def forget_all(self) -> None: ...
