"""The main job: remember, and find again by meaning and by word."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from session_mgmt_mcp.domain.answers import Answer, Answers, Overview, SearchResult
from session_mgmt_mcp.domain.courtesy import Courtesy
from session_mgmt_mcp.domain.drafts import Draft, Stored, record_of
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.parts import split
from session_mgmt_mcp.domain.ranking import KEPT, POOL, cues_of, rank, reread
from session_mgmt_mcp.domain.scope import EVERYTHING, OWN, Scope
from session_mgmt_mcp.domain.scrubbing import scrub
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.embedder import Embedder
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.vector_store import Condition, Matches, Meaning, Read, Record, StoreStats, VectorStore

MAX_QUERY_CHARACTERS = 2_000


class MemoryService:
    """Remembers drafts and answers questions. `on_new` is told when something waits for its vector."""

    def __init__(
        self,
        store: VectorStore,
        embedder: Embedder,
        clock: Clock,
        on_new: Callable[[], None] = lambda: None,
        courtesy: Courtesy | None = None,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._clock = clock
        self._on_new = on_new
        self._courtesy = courtesy or Courtesy()
        self._answers = Answers()
        self._made = 0
        self._storing: dict[str, asyncio.Event] = {}  # until when each id is looked at and written

    async def store(self, draft: Draft) -> Stored:
        """Durable, and findable by word, when it returns. Raises Invalid for empty, binary or oversized content."""
        return (await self.store_many([draft]))[0]

    async def store_many(self, drafts: Sequence[Draft]) -> list[Stored]:
        """All or none, in order; see `store`."""
        redacted = [record_of(draft, self._clock.now()) for draft in drafts]
        ids = [record.id for record, _ in redacted]
        async with self._alone(ids):
            known = {old.id: old for old in await self._store.get(ids)}
            fresh: dict[str, Record] = {}
            stored: list[Stored] = []
            for record, counts in redacted:
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

    async def replace(self, draft: Draft) -> Stored:
        """As `store`, but of a known memory (`draft.key` names it) the text becomes the new one. Raises as `store`."""
        record, counts = record_of(draft, self._clock.now())
        async with self._alone([record.id]):
            known = await self._store.get([record.id])
            if known and known[0].text == record.text:
                return Stored(record.id, True, counts)
            if known:
                await self._store.delete([Condition("parent", "=", record.id)])  # the new text may have fewer
                self._answers.clear()
            await self._store.upsert(split(record))
            self._on_new()
        return Stored(record.id, False, counts)

    @asynccontextmanager
    async def _alone(self, ids: Sequence[str]) -> AsyncIterator[None]:
        """Nobody else looks at these and writes them meanwhile: what one adds must not undo what another did."""
        while busy := next((self._storing[one] for one in ids if one in self._storing), None):
            await busy.wait()
        done = asyncio.Event()
        self._storing |= dict.fromkeys(ids, done)
        try:
            yield
        finally:
            for one in set(ids):
                del self._storing[one]
            done.set()

    async def search(
        self,
        query: str,
        scope: Scope = EVERYTHING,
        *,
        limit: int = 5,
        offset: int = 0,
        min_score: float = 0.0,
        half_life_days: float = 0.0,
        near: Mapping[str, float] | None = None,
    ) -> SearchResult:
        """Best first. `offset` > 0 goes on in the ranking of the same question, however much has arrived since.

        `half_life_days` 0: age does not count. `near`: see `rank`. Raises Invalid for an empty or oversized query.
        """
        key = _exactly(query, scope, half_life_days, min_score, near)
        answer = self._answers.latest(key) if offset else None
        if answer is None:
            answer = await self._answer(key, query, scope, half_life_days, min_score, near)
        return await self._page(answer, offset, limit)

    async def more(self, cursor: str, *, limit: int = 5) -> SearchResult:
        """The page after the one that gave `cursor`. Raises NotFound when that search is no longer remembered."""
        known = self._answers.at(cursor)
        if known is None:
            raise NotFound("That cursor is no longer known: search again without it.")
        return await self._page(*known, limit)

    def cursor_of(self, query: str, projects: tuple[str, ...] | None, offset: int | None = None) -> str | None:
        """A cursor into the last search that asked this there, whatever else it asked for; None: it is not remembered.

        `offset` None: where its last page ended.
        """
        return self._answers.cursor_of(_asked(query, projects), offset)

    def stopped_at(self, cursor: str | None) -> None:
        """Less was shown than the page held: `cursor_of` goes on there."""
        if cursor:
            self._answers.stopped_at(cursor)

    async def answers(
        self, query: str, scope: Scope, *, most: int, min_score: float = 0.0, half_life_days: float = 0.0
    ) -> SearchResult:
        """The best hits, at most `most`, as long as they do at least CLOSE as well as the first. Raises as `search`."""
        answer = await self._answer("", query, scope, half_life_days, min_score)
        result = await self._page(answer, 0, min(answer.close, most))
        return replace(result, total=answer.close)

    async def overview(
        self, query: str, scope: Scope, *, min_score: float = 0.0, half_life_days: float = 0.0
    ) -> Overview:
        """How much answers, the best of it, and counts by project, kind and month. Raises as `search`.

        A page of the same question goes on behind the best.
        """
        key = _exactly(query, scope, half_life_days, min_score)
        answer = await self._answer(key, query, scope, half_life_days, min_score)
        best = (await self._page(answer, 0, 1)).hits
        close = [scored.hit for scored in answer.order[: answer.close]]
        return Overview(
            count=len(close),
            capped=len(close) >= KEPT,
            best=best[0] if best else None,
            projects=_counted(hit.project for hit in close),
            kinds=_counted(hit.kind for hit in close),
            months=_counted(datetime.fromtimestamp(hit.time, UTC).strftime("%Y-%m") for hit in close),
            note=answer.note,
        )

    async def show(self, memory_id: str, around: int = 0) -> list[Record]:
        """The memory, whole, with up to `around` neighbours each side in its session, in order. Raises NotFound."""
        found = await self._store.get([memory_id])
        if not found or found[0].kind == Kind.SHARED:
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

    async def facets(self, scope: Scope = EVERYTHING) -> dict[str, dict[str, int]]:
        """How many memories by kind, project and month."""
        where = scope.wholes()
        kinds, projects, months = await asyncio.gather(
            self._store.facets("kind", where), self._store.facets("project", where), self._store.facets("month", where)
        )
        return {"kind": kinds, "project": projects, "month": months}

    async def stats(self) -> StoreStats:
        return await self._store.stats()

    async def projects_named(self, name: str) -> tuple[str, ...]:
        """The projects meant by an id or a bare name; empty when nothing is known under it."""
        known = await self._store.facets("project", OWN)
        return tuple(sorted(p for p in known if p == name or p.rpartition("-")[0] == name))

    async def delete_all(self) -> int:
        """How many memories went; what was shared with teams is theirs and stays. The caller has made a backup."""
        whole = await self._store.count([*OWN, Condition("parent", "=", "")])
        await self._store.delete(OWN)
        self._answers.clear()
        return whole

    async def scrub(self, progress: Callable[[int, int], None], dry_run: bool = False) -> Mapping[str, int]:
        """Redacts what was stored before a pattern was known; secrets found, by kind. A second run finds none."""
        counts = await scrub(self._store, progress, dry_run)
        if counts and not dry_run:
            self._answers.clear()
            self._on_new()
        return counts

    async def _answer(
        self,
        key: str,
        query: str,
        scope: Scope,
        half_life_days: float,
        min_score: float,
        near: Mapping[str, float] | None = None,
    ) -> Answer:
        """A new answer, remembered under a token of its own; `key` empty: nobody will page through it."""
        if not query.strip():
            raise Invalid("The query is empty: say what to look for.")
        if len(query) > MAX_QUERY_CHARACTERS:
            raise Invalid(f"The query has {len(query):,} characters: ask with at most {MAX_QUERY_CHARACTERS:,}.")
        self._made += 1
        token = opaque_id(key, query, self._clock.now().isoformat(), str(self._made))
        with self._courtesy.answering():
            answer = await self._ranked(token, query, scope, half_life_days, min_score, near)
        if key:
            self._answers.keep(answer, key, _asked(query, scope.projects))
        return answer

    async def _ranked(
        self,
        token: str,
        query: str,
        scope: Scope,
        half_life_days: float,
        min_score: float,
        near: Mapping[str, float] | None,
    ) -> Answer:
        notes: list[str] = []

        def judge(found: Matches, read: Read) -> Answer:
            cues = cues_of(query)
            order = rank(found, cues, self._clock.now(), half_life_days=half_life_days, near=near)
            records = {one.id: one for one in read(sorted({name for both in order.read for name in both if name}))}
            order = reread(order, {name: one.text for name, one in records.items()}, cues).down_to(min_score)
            answer = Answer(token, query, order, "".join(notes))
            answer.begin(records)
            return answer

        return await self._store.search(query, self._meaning(query, notes), scope.conditions(), POOL, judge)

    async def _page(self, answer: Answer, offset: int, limit: int) -> SearchResult:
        self._answers.used(answer)
        with self._courtesy.answering():
            return await answer.page(self._store, offset, limit)

    async def _meaning(self, query: str, notes: list[str]) -> Meaning | None:
        try:
            vector = await self._embedder.embed_query(query)
        except (Unavailable, Corrupt) as error:
            notes.append(f"Searched by word only: {error}")
            return None
        return Meaning(vector, self._embedder.model_id)


def _exactly(
    query: str, scope: Scope, half_life_days: float, min_score: float, near: Mapping[str, float] | None = None
) -> str:
    return opaque_id(query, repr(scope), str(half_life_days), str(min_score), repr(near))


def _asked(query: str, projects: tuple[str, ...] | None) -> str:
    return opaque_id(query, repr(projects))


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
