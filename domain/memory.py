"""The main job: remember, and find again by meaning and by word."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from session_mgmt_mcp.domain.memories import EMBEDDED_KINDS, Kind, Trust
from session_mgmt_mcp.domain.mentions import mentioned
from session_mgmt_mcp.domain.parts import split
from session_mgmt_mcp.domain.ranking import KEPT, POOL, Ranking, cues_of, rank, reread
from session_mgmt_mcp.domain.redaction import redact, redact_values
from session_mgmt_mcp.domain.text import content_hash, opaque_id, snippet
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.embedder import Embedder
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.vector_store import Condition, Json, Meaning, Record, StoreStats, VectorStore

MAX_CONTENT_BYTES = 64 * 1024
MAX_QUERY_CHARACTERS = 2_000
RANKINGS_KEPT = 32
CLOSE = 0.7  # of the best score, which is half of the best sum: what has less hardly touches the question


@dataclass(frozen=True, slots=True)
class Scope:
    """Which memories a search sees; None: no restriction."""

    projects: tuple[str, ...] | None = None
    kinds: tuple[Kind, ...] | None = None
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] | None = None  # at least one of them
    facts: tuple[str, ...] | None = None  # at least one of them
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[Condition]:
        found: list[Condition] = []
        if self.projects is not None:
            found.append(Condition("project", "in", self.projects))
        if self.kinds is None:
            found.append(Condition("kind", "!=", Kind.CODE))
        else:
            found.append(Condition("kind", "in", tuple(str(kind) for kind in self.kinds)))
        found += [Condition("tags", "has", tag) for tag in self.tags]
        if self.files is not None:
            found.append(Condition("files", "in", self.files))
        if self.facts is not None:
            found.append(Condition("facts", "in", self.facts))
        if self.since is not None:
            found.append(Condition("time", ">=", self.since))
        if self.until is not None:
            found.append(Condition("time", "<", self.until))
        return found


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody asks to be remembered."""

    content: str
    project: str
    kind: Kind = Kind.REFLECTION
    tags: tuple[str, ...] = ()
    session: str = ""
    role: str = ""
    position: int = 0
    time: datetime | None = None  # None: now
    source: str = "tool"
    trust: Trust = Trust.USER
    key: str = ""  # what makes it unique; empty: its content within the project


@dataclass(frozen=True, slots=True)
class Stored:
    id: str
    duplicate: bool  # it was known already: nothing was added
    redacted: Mapping[str, int]  # secrets replaced, by kind


@dataclass(frozen=True, slots=True)
class Found:
    """One hit, ready to be shown."""

    record: Record
    score: float
    snippet: str
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SearchResult:
    hits: Sequence[Found]
    total: int  # hits that could be paged through, less the repetitions met so far
    cursor: str | None  # for `more`; None: that was all
    note: str = ""  # what to know about the answer: that it was searched by word only, and why
    start: str = ""  # the cursor of its first hit

    def first(self, count: int) -> "SearchResult":
        """Only its first hits; the cursor goes on behind them."""
        if count >= len(self.hits):
            return self
        token, _, offset = self.start.partition(".")
        return replace(self, hits=self.hits[:count], cursor=f"{token}.{int(offset) + count}")


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
class _Answer:
    """One ranked answer, turned into hits as far as somebody paged."""

    token: str
    query: str
    order: Ranking
    note: str
    records: dict[str, Record]  # those that were fetched so far
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


class MemoryService:
    """Remembers drafts and answers questions. `on_new` is told when something waits for its vector."""

    def __init__(
        self, store: VectorStore, embedder: Embedder, clock: Clock, on_new: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._clock = clock
        self._on_new = on_new
        self._rankings: OrderedDict[str, _Answer] = OrderedDict()
        self._latest: dict[str, str] = {}  # token of the last ranking, by what was asked
        self._made = 0

    async def store(self, draft: Draft) -> Stored:
        """Durable, and findable by word, when it returns. Raises Invalid for empty, binary or oversized content."""
        return (await self.store_many([draft]))[0]

    async def store_many(self, drafts: Sequence[Draft]) -> list[Stored]:
        """All or none, in order; see `store`."""
        records: list[Record] = []
        redactions: list[Mapping[str, int]] = []
        for draft in drafts:
            record, counts = self._record_of(draft)
            records.append(record)
            redactions.append(counts)
        known = {old.id: old for old in await self._store.get([record.id for record in records])}
        fresh: dict[str, Record] = {}
        stored: list[Stored] = []
        for record, counts in zip(records, redactions, strict=True):
            old = fresh.get(record.id) or known.get(record.id)
            stored.append(Stored(record.id, old is not None, counts))
            if old is None:
                fresh[record.id] = record
            elif not set(record.tags) <= set(old.tags):
                fresh[record.id] = replace(old, tags=tuple(sorted({*old.tags, *record.tags})))
        if fresh:
            await self._store.upsert([part for record in fresh.values() for part in split(record)])
            self._on_new()
        return stored

    async def search(
        self,
        query: str,
        scope: Scope = Scope(),
        *,
        limit: int = 5,
        offset: int = 0,
        min_score: float = 0.0,
        half_life_days: float = 0.0,
    ) -> SearchResult:
        """Best first. `offset` > 0 goes on in the ranking of the same question, however much has arrived since.

        `half_life_days` 0: age does not count. Raises Invalid for an empty or oversized query.
        """
        key = _exactly(query, scope, half_life_days, min_score)
        ranking = self._rankings.get(self._latest.get(key, "")) if offset else None
        if ranking is None:
            ranking = await self._ranked(key, query, scope, half_life_days, min_score)
        return await self._page(ranking, offset, limit)

    async def more(self, cursor: str, *, limit: int = 5) -> SearchResult:
        """The page after the one that gave `cursor`. Raises NotFound when that search is no longer remembered."""
        token, _, offset = cursor.partition(".")
        ranking = self._rankings.get(token)
        if ranking is None or not offset.isdecimal() or len(offset) > 6:
            raise NotFound("That cursor is no longer known: search again without it.")
        return await self._page(ranking, int(offset), limit)

    def cursor_of(self, query: str, projects: tuple[str, ...] | None, offset: int | None = None) -> str | None:
        """A cursor into the last search that asked this there, whatever else it asked for; None: it is not remembered.

        `offset` None: where its last page ended.
        """
        ranking = self._rankings.get(self._latest.get(_asked(query, projects), ""))
        return f"{ranking.token}.{ranking.shown if offset is None else offset}" if ranking else None

    def stopped_at(self, cursor: str | None) -> None:
        """Less was shown than the page held: `cursor_of` goes on there."""
        token, _, offset = (cursor or "").partition(".")
        if token in self._rankings:
            self._rankings[token].shown = int(offset)

    async def answers(
        self, query: str, scope: Scope, *, most: int, min_score: float = 0.0, half_life_days: float = 0.0
    ) -> SearchResult:
        """The best hits, at most `most`, as long as they do at least CLOSE as well as the first. Raises as `search`."""
        ranking = await self._ranked("", query, scope, half_life_days, min_score)
        close = ranking.close
        result = await self._page(ranking, 0, min(close, most))
        return replace(result, total=close)

    async def overview(
        self, query: str, scope: Scope, *, min_score: float = 0.0, half_life_days: float = 0.0
    ) -> Overview:
        """How much answers, the best of it, and counts by project, kind and month. Raises as `search`.

        A page of the same question goes on behind the best.
        """
        key = _exactly(query, scope, half_life_days, min_score)
        ranking = await self._ranked(key, query, scope, half_life_days, min_score)
        best = (await self._page(ranking, 0, 1)).hits
        close = [scored.hit for scored in ranking.order[: ranking.close]]
        return Overview(
            count=len(close),
            capped=len(close) >= KEPT,
            best=best[0] if best else None,
            projects=_counted(hit.project for hit in close),
            kinds=_counted(hit.kind for hit in close),
            months=_counted(datetime.fromtimestamp(hit.time, UTC).strftime("%Y-%m") for hit in close),
            note=ranking.note,
        )

    async def show(self, memory_id: str, around: int = 0) -> list[Record]:
        """The memory, whole, with up to `around` neighbours each side in its session, in order. Raises NotFound."""
        found = await self._store.get([memory_id])
        if not found:
            raise NotFound(f"There is no memory {memory_id[:40]!r}: take an id from a search.")
        record = (await self._store.get([found[0].parent]) or found)[0] if found[0].parent else found[0]
        if not around or not record.session:
            return [record]
        page = await self._store.scan(
            [
                Condition("session", "=", record.session),
                Condition("parent", "=", ""),
                Condition("position", ">=", record.position - around),
                Condition("position", "<=", record.position + around),
            ],
            limit=1_000,
        )
        # Where two subagents share positions, the scan order (as written) keeps each conversation together.
        return sorted(page.records, key=lambda other: (other.position, other.time))

    async def facets(self, scope: Scope = Scope()) -> dict[str, dict[str, int]]:
        """How many memories by kind, project and month."""
        where = [*scope.conditions(), Condition("parent", "=", "")]
        kinds, projects, months = await asyncio.gather(
            self._store.facets("kind", where), self._store.facets("project", where), self._store.facets("month", where)
        )
        return {"kind": kinds, "project": projects, "month": months}

    async def stats(self) -> StoreStats:
        return await self._store.stats()

    async def projects_named(self, name: str) -> tuple[str, ...]:
        """The projects meant by an id or a bare name; empty when nothing is known under it."""
        known = await self._store.facets("project", [])
        return tuple(sorted(p for p in known if p == name or p.rpartition("-")[0] == name))

    async def delete_all(self) -> int:
        """How many memories went. The caller has made a backup."""
        whole = await self._store.count([Condition("parent", "=", "")])
        await self._store.delete([])
        self._rankings.clear()
        return whole

    async def scrub(self, progress: Callable[[int, int], None], dry_run: bool = False) -> Mapping[str, int]:
        """Redacts what was stored before a pattern was known; secrets found, by kind. A second run finds none."""
        wholes, code = [Condition("parent", "=", "")], [Condition("kind", "=", Kind.CODE)]
        total, done = await self._store.count(wholes) + await self._store.count(code), 0
        counts: Counter[str] = Counter()
        for where in (wholes, code):
            cursor: str | None = ""
            while cursor is not None:
                page = await self._store.scan(where, cursor or None)
                for record in page.records:
                    clean = redact(record.text)
                    metadata = redact_values(record.metadata)
                    if clean.text == record.text and metadata == record.metadata:
                        continue
                    counts.update(clean.counts or {"metadata": 1})
                    if not dry_run:
                        await self._replace(record, clean.text, metadata)
                done += len(page.records)
                progress(done, total)
                cursor = page.cursor
        if counts and not dry_run:
            self._rankings.clear()
            self._on_new()
        return counts

    async def _replace(self, record: Record, text: str, metadata: Json) -> None:
        assert isinstance(metadata, Mapping)
        await self._store.delete([Condition("parent", "=", record.id), Condition("kind", "!=", Kind.CODE)])
        files = tuple(redact(file).text for file in record.files)
        new = replace(record, text=text, metadata=metadata, files=files, content_hash=content_hash(text), model_id="")
        await self._store.upsert([new] if record.kind == Kind.CODE else split(new))

    def _record_of(self, draft: Draft) -> tuple[Record, Mapping[str, int]]:
        check_text(draft.content)
        clean = redact(draft.content.strip())
        if clean.text.strip() in ("", "[private]"):
            raise Invalid("Nothing is left to store once the private part is taken out.")
        digest = content_hash(clean.text)
        record = Record(
            id=opaque_id(draft.project, draft.kind, draft.key or digest),
            kind=draft.kind,
            text=clean.text,
            project=draft.project,
            time=draft.time or self._clock.now(),
            session=draft.session,
            role=draft.role,
            position=draft.position,
            tags=tuple(sorted({redact(tag.strip()).text for tag in draft.tags if tag.strip()})),
            files=mentioned(clean.text),
            metadata={"source": draft.source, "trust": draft.trust},
            content_hash=digest,
        )
        return record, clean.counts

    async def _ranked(self, key: str, query: str, scope: Scope, half_life_days: float, min_score: float) -> _Answer:
        """A new ranking, remembered under a token of its own; `key` empty: nobody will page through it."""
        if not query.strip():
            raise Invalid("The query is empty: say what to look for.")
        if len(query) > MAX_QUERY_CHARACTERS:
            raise Invalid(f"The query has {len(query):,} characters: ask with at most {MAX_QUERY_CHARACTERS:,}.")
        self._made += 1
        token = opaque_id(key, query, self._clock.now().isoformat(), str(self._made))
        ranking = await self._rank(token, query, scope, half_life_days, min_score)
        if key:
            self._rankings[token] = ranking
            self._latest |= {key: token, _asked(query, scope.projects): token}
            while len(self._rankings) > RANKINGS_KEPT:
                self._rankings.popitem(last=False)
            if len(self._latest) > 4 * RANKINGS_KEPT:
                self._latest = {asked: known for asked, known in self._latest.items() if known in self._rankings}
        return ranking

    async def _rank(self, token: str, query: str, scope: Scope, half_life_days: float, min_score: float) -> _Answer:
        notes: list[str] = []
        found = await self._store.search(query, self._meaning(query, notes), scope.conditions(), POOL)
        cues = cues_of(query)
        order = rank(found, cues, self._clock.now(), half_life_days=half_life_days)
        asked_for = {name for _, shown, before in order.to_read() for name in (shown, before) if name}
        records = {record.id: record for record in await self._store.get(sorted(asked_for))}
        order = reread(order, {name: record.text for name, record in records.items()}, cues)
        return _Answer(token, query, order.down_to(min_score), "".join(notes), records)

    async def _page(self, ranking: _Answer, offset: int, limit: int) -> SearchResult:
        if ranking.token in self._rankings:
            self._rankings.move_to_end(ranking.token)
        async with ranking.lock:  # two pages at once would mix their hits
            await self._materialise(ranking, offset + limit)
        hits = ranking.hits[offset : offset + limit]
        end = ranking.shown = offset + len(hits)
        going_on = end < len(ranking.hits) or ranking.taken < len(ranking.order)
        cursor = f"{ranking.token}.{end}" if going_on else None
        total = len(ranking.hits) + len(ranking.order) - ranking.taken
        return SearchResult(hits, total, cursor, ranking.note, f"{ranking.token}.{offset}")

    async def _meaning(self, query: str, notes: list[str]) -> Meaning | None:
        try:
            vector = await self._embedder.embed_query(query)
        except (Unavailable, Corrupt) as error:
            notes.append(f"Searched by word only: {error}")
            return None
        return Meaning(vector, self._embedder.model_id)

    async def _materialise(self, ranking: _Answer, wanted: int) -> None:
        """Fetches texts, one hit for what was said more than once, until `wanted` hits stand."""
        while len(ranking.hits) < wanted and ranking.taken < len(ranking.order):
            some = ranking.order[ranking.taken : ranking.taken + max(10, wanted - len(ranking.hits))]
            ranking.taken += len(some)
            records = ranking.records
            missing = {name for scored in some for name in (scored.id, scored.hit.id)} - records.keys()
            if missing:
                records |= {record.id: record for record in await self._store.get(sorted(missing))}
            for scored in some:
                whole = records.get(scored.id)
                if whole is None or (whole.project, whole.content_hash) in ranking.seen:
                    continue
                if whole.content_hash:
                    ranking.seen.add((whole.project, whole.content_hash))
                shown = snippet(records.get(scored.hit.id, whole).text, ranking.query)
                ranking.hits.append(Found(whole, scored.score, shown, scored.features))


def awaiting_vector(model_id: str | None) -> list[Condition]:
    """Holds for records that this model has yet to read; None: that no model has read."""
    return [
        Condition("model_id", "=", "") if model_id is None else Condition("model_id", "!=", model_id),
        Condition("kind", "in", tuple(str(kind) for kind in sorted(EMBEDDED_KINDS))),
    ]


def check_text(content: str) -> None:
    """Raises Invalid for what is not text worth storing."""
    if not content.strip():
        raise Invalid("The content is empty: say what to remember.")
    if "\0" in content:
        raise Invalid("The content is binary (it holds a NUL character): store text.")
    try:
        size = len(content.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise Invalid("The content is not valid Unicode (a lone surrogate): store text.") from error
    if size > MAX_CONTENT_BYTES:
        raise Invalid(
            f"The content has {size:,} bytes, at most {MAX_CONTENT_BYTES:,} are taken: store a summary, or several parts."
        )


def _exactly(query: str, scope: Scope, half_life_days: float, min_score: float) -> str:
    return opaque_id(query, repr(scope), str(half_life_days), str(min_score))


def _asked(query: str, projects: tuple[str, ...] | None) -> str:
    return opaque_id(query, repr(projects))


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
