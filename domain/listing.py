"""Memories listed instead of ranked, and counted by what they are."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from session_mgmt_mcp.domain.memories import NAMED_KINDS, Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition, Facet, Order, Record, VectorStore

FACETS: tuple[Facet, ...] = ("kind", "project", "month", "tags", "role", "files")

_ALIASES: Mapping[str, tuple[Kind, ...]] = {
    **{kind.value: (kind,) for kind in NAMED_KINDS},
    **dict.fromkeys(("note", "notes", "insight", "insights", "lesson"), (Kind.REFLECTION,)),
    **dict.fromkeys(("conversation", "conversations", "chat", "message", "messages", "dialogue"), (Kind.TURN,)),
    **dict.fromkeys(("tool", "tools", "tool_call", "tool_calls", "command", "commands", "error"), (Kind.ACTION,)),
    **dict.fromkeys(("session", "sessions"), (Kind.CHECKPOINT, Kind.HANDOFF)),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """A page in an order that is not of relevance."""

    records: Sequence[Record]
    cursor: str | None  # None: that was all


def kinds_named(names: str | None) -> tuple[Kind, ...] | None:
    """One kind or several with commas, in singular or plural; None is all of them. Raises Invalid, naming what there is.

    >>> kinds_named("reflections, chat")
    (<Kind.REFLECTION: 'reflection'>, <Kind.TURN: 'turn'>)
    """
    wanted = [name.strip().lower().replace(" ", "_") for name in (names or "").split(",") if name.strip()]
    if not wanted or {"all", "any", "*"} & set(wanted):
        return None
    found: list[Kind] = []
    for name in wanted:
        kinds = _ALIASES.get(name) or _ALIASES.get(name.removesuffix("s"))
        if kinds is None:
            raise Invalid(f"There is no content type {name[:40]!r}: use some of {', '.join(NAMED_KINDS)}, or all.")
        found += kinds
    return tuple(dict.fromkeys(found))


class ListingService:
    """Lists and counts what a scope holds; with words, what shares one of them."""

    def __init__(self, store: VectorStore) -> None:
        self._store = store

    async def page(self, words: str, scope: Scope, order: Order, limit: int, cursor: str | None = None) -> Listing:
        """No memory twice, none skipped, while others arrive. Raises Invalid for a cursor of another list."""
        if cursor is not None and cursor.partition(".")[0] not in get_args(Order):
            raise Invalid("The cursor is of another list: search again without it.")
        page = await self._store.listed(_where(words, scope), order, cursor, limit)
        return Listing(page.records, page.cursor)

    async def facets(self, words: str, scope: Scope) -> tuple[int, Mapping[Facet, Mapping[str, int]]]:
        """How many there are, and how many of each kind, project, month, tag, role and file."""
        where = _where(words, scope)
        count, counts = await asyncio.gather(
            self._store.count(where), asyncio.gather(*(self._facet(facet, where) for facet in FACETS))
        )
        return count, dict(zip(FACETS, counts, strict=True))

    async def _facet(self, facet: Facet, where: Sequence[Condition]) -> Mapping[str, int]:
        return {name: count for name, count in (await self._store.facets(facet, where)).items() if name}


def _where(words: str, scope: Scope) -> list[Condition]:
    sharing = [Condition("text", "has", words)] if words.strip() else []
    return [*scope.wholes(), *sharing]
