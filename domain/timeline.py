"""What happened when, session by session."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.vector_store import Condition, Record, SessionSpan, VectorStore

ASKED = 3
FILES = 5


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a scope holds of one session: what the user said first, or what else there is when that is nothing."""

    span: SessionSpan
    said: Sequence[Record]
    kinds: Mapping[str, int]
    files: Sequence[str]  # those in most records


@dataclass(frozen=True, slots=True)
class Timeline:
    stretches: Sequence[Stretch]  # latest first
    sessions: int  # in the whole scope
    memories: int


class TimelineService:
    """Reads sessions off the store, without ranking anything."""

    def __init__(self, store: VectorStore) -> None:
        self._store = store

    async def read(self, scope: Scope, limit: int) -> Timeline:
        """The `limit` latest sessions of the scope, and how many there are."""
        where = scope.wholes()
        spans, sessions, memories = await asyncio.gather(
            self._store.sessions(where, limit), self._store.facets("session", where), self._store.count(where)
        )
        stretches = await asyncio.gather(*(self._stretch(span, where) for span in spans))
        return Timeline(stretches, len(sessions), memories)

    async def _stretch(self, span: SessionSpan, where: Sequence[Condition]) -> Stretch:
        within = [*where, Condition("session", "=", span.session)]
        asked = [*within, Condition("kind", "=", Kind.TURN), Condition("role", "=", "user")]
        page, kinds, files = await asyncio.gather(
            self._store.listed(asked, "oldest", None, ASKED),
            self._store.facets("kind", within),
            self._store.facets("files", within),
        )
        said = page.records or (await self._store.listed(within, "newest", None, ASKED)).records
        return Stretch(span, said, kinds, list(files)[:FILES])
