"""What a search answers, and the answers that are remembered, so that a page goes on in the one it began in."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from session_mgmt_mcp.domain.ranking import KEPT, Ranking, Scored
from session_mgmt_mcp.domain.text import snippet
from session_mgmt_mcp.ports.vector_store import Record, VectorStore

ANSWERS_KEPT = 32
FIRST = 10  # hits that are made at once
CLOSE = 0.7  # of the best score, which is half of the best sum: what has less hardly touches the question


@dataclass(frozen=True, slots=True)
class Found:
    """One hit, ready to be shown."""

    record: Record
    score: float
    snippet: str
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page of hits, best first."""

    hits: Sequence[Found]
    total: int  # hits that could be paged through, less the repetitions met so far
    cursor: str | None  # for `more`; None: that was all
    note: str = ""  # what to know about the answer: that it was searched by word only, and why
    start: str = ""  # the cursor of its first hit
    capped: bool = False  # there may be more: only the best KEPT of a search are ranked

    @property
    def of(self) -> str:
        """`total`, as far as it is known."""
        return f"{self.total} or more" if self.capped else f"{self.total}"

    def first(self, count: int) -> "SearchResult":
        """Only its first hits; the cursor goes on behind them."""
        if count >= len(self.hits):
            return self
        token, offset = _parted(self.start)
        return replace(self, hits=self.hits[:count], cursor=_cursor(token, offset + count))


@dataclass(frozen=True, slots=True)
class Overview:
    """How much answers a question at least half as well as the best does, and where it lies."""

    count: int
    capped: bool  # there may be more: only the best KEPT of a search are counted
    best: Found | None
    projects: Mapping[str, int]
    kinds: Mapping[str, int]
    months: Mapping[str, int]
    note: str = ""


@dataclass(slots=True)
class Answer:
    """One ranked answer, turned into hits as far as somebody paged."""

    token: str
    query: str
    order: Ranking
    note: str
    records: dict[str, Record] = field(default_factory=dict)  # those that were fetched so far
    hits: list[Found] = field(default_factory=list)
    taken: int = 0
    seen: set[tuple[str, str]] = field(default_factory=set)
    shown: int = 0  # where the last page ended
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def close(self) -> int:
        """How many do at least CLOSE as well as the best; scores never grow along the order."""
        scores = self.order.scores
        return int(np.count_nonzero((scores > 0) & (scores >= CLOSE * scores.max(initial=0.0))))

    async def page(self, store: VectorStore, offset: int, limit: int) -> SearchResult:
        async with self.lock:  # two pages at once would mix their hits
            await self._fetch(store, offset + limit)
        hits = self.hits[offset : offset + limit]
        end = self.shown = offset + len(hits)
        going_on = end < len(self.hits) or self.taken < len(self.order)
        total = len(self.hits) + len(self.order) - self.taken
        cursor = _cursor(self.token, end) if going_on else None
        capped = len(self.order) >= KEPT
        return SearchResult(hits, total, cursor, self.note, _cursor(self.token, offset), capped)

    async def _fetch(self, store: VectorStore, wanted: int) -> None:
        """Fetches texts, one hit for what was said more than once, until `wanted` hits stand."""
        while len(self.hits) < wanted and self.taken < len(self.order):
            some = self.order[self.taken : self.taken + max(FIRST, wanted - len(self.hits))]
            missing = {name for scored in some for name in (scored.id, scored.hit.id)} - self.records.keys()
            if missing:
                self.records |= {record.id: record for record in await store.get(sorted(missing))}
            self._take(some)

    def begin(self, records: Mapping[str, Record]) -> None:
        """The first page's hits, as far as ranking has read their records."""
        some = self.order[:FIRST]
        names = {name for scored in some for name in (scored.id, scored.hit.id)}
        if names <= records.keys():
            self.records = {name: records[name] for name in names}
            self._take(some)

    def _take(self, some: Sequence[Scored]) -> None:
        """The next of the order, whose records were fetched, become hits."""
        self.taken += len(some)
        for scored in some:
            whole = self.records.get(scored.id)
            if whole is None or (whole.project, whole.content_hash) in self.seen:
                continue
            if whole.content_hash:
                self.seen.add((whole.project, whole.content_hash))
            shown = snippet(self.records.get(scored.hit.id, whole).text, self.query)
            self.hits.append(Found(whole, scored.score, shown, scored.features))


class Answers:
    """The answers used last, by token and by what was asked."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._latest: dict[str, str] = {}  # token of the last answer, by what was asked

    def keep(self, answer: Answer, *asked: str) -> None:
        self._kept[answer.token] = answer
        self._latest |= dict.fromkeys(asked, answer.token)
        while len(self._kept) > ANSWERS_KEPT:
            self._kept.popitem(last=False)
        if len(self._latest) > 4 * ANSWERS_KEPT:
            self._latest = {asked: token for asked, token in self._latest.items() if token in self._kept}

    def latest(self, asked: str) -> Answer | None:
        return self._kept.get(self._latest.get(asked, ""))

    def at(self, cursor: str) -> tuple[Answer, int] | None:
        """The answer that gave `cursor`, and how far it was shown; None: not remembered, or no cursor of ours."""
        token, offset = _parted(cursor)
        answer = self._kept.get(token)
        return (answer, offset) if answer and offset >= 0 else None

    def cursor_of(self, asked: str, offset: int | None = None) -> str | None:
        """`offset` None: where its last page ended."""
        answer = self.latest(asked)
        return _cursor(answer.token, answer.shown if offset is None else offset) if answer else None

    def stopped_at(self, cursor: str) -> None:
        """Less was shown than the page held: `cursor_of` goes on there."""
        if known := self.at(cursor):
            known[0].shown = known[1]

    def used(self, answer: Answer) -> None:
        """It is forgotten last. One that was not kept stays so."""
        if answer.token in self._kept:
            self._kept.move_to_end(answer.token)

    def clear(self) -> None:
        self._kept.clear()


def _cursor(token: str, offset: int) -> str:
    return f"{token}.{offset}"


def _parted(cursor: str) -> tuple[str, int]:
    """Token and offset; -1 for an offset that no cursor has."""
    token, _, offset = cursor.partition(".")
    return token, int(offset) if offset.isdecimal() and len(offset) <= 6 else -1
