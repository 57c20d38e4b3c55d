"""What a half-typed question may become: words that are remembered, and questions that were asked before."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from session_mgmt_mcp.domain.journal import SearchJournal
from session_mgmt_mcp.domain.scope import OWN, Scope
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.query_log import QueryCount, QueryLog, Searches
from session_mgmt_mcp.ports.vector_store import Condition, Facet, VectorStore


class Completed(StrEnum):
    """What is completed."""

    CONTENT = "content"
    TAGS = "tags"
    FILES = "files"
    PROJECT = "project"
    KIND = "kind"
    QUERY = "query"


_ALIASES: Mapping[str, Completed] = {
    **{field.value: field for field in Completed},
    **{"text": Completed.CONTENT, "all": Completed.CONTENT, "tag": Completed.TAGS, "file": Completed.FILES},
    **{"file_path": Completed.FILES, "projects": Completed.PROJECT, "queries": Completed.QUERY},
    **{"history": Completed.QUERY, "content_type": Completed.KIND, "type": Completed.KIND, "kinds": Completed.KIND},
}
_FACETS: Mapping[Completed, Facet] = {
    Completed.TAGS: "tags",
    Completed.FILES: "files",
    Completed.PROJECT: "project",
    Completed.KIND: "kind",
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`text` can be asked as it stands; `count` is of memories, for a past question of the times it was asked."""

    text: str
    count: int
    source: Completed


def completed_named(name: str) -> Completed:
    """Raises Invalid, naming what there is."""
    found = _ALIASES.get(name.strip().lower())
    if found is None:
        raise Invalid(f"There is no field {name[:40]!r}: complete one of {', '.join(Completed)}.")
    return found


class SuggestionService:
    """Completes from the store and from the log of searches, in a scope."""

    def __init__(self, store: VectorStore, log: QueryLog, journal: SearchJournal) -> None:
        self._store = store
        self._log = log
        self._journal = journal

    async def read(self, query: str, field: Completed, scope: Scope, limit: int) -> list[Suggestion]:
        """Best first, at most `limit`; of content, words and past questions take turns, two words to one question."""
        typed = " ".join(query.split())
        match field:
            case Completed.CONTENT:
                words, asked = await asyncio.gather(self._words(typed, scope, limit), self._asked(typed, scope, limit))
                return _taking_turns(words, asked)[:limit]
            case Completed.QUERY:
                return (await self._asked(typed, scope, limit))[:limit]
            case _:
                return await self._names(typed, field, scope, limit)

    async def _words(self, typed: str, scope: Scope, limit: int) -> list[Suggestion]:
        """Of several words the last is completed, preferably by what stands beside the others."""
        before, _, last = typed.rpartition(" ")
        if not any(letter.isalnum() for letter in last):
            return []
        found = await self._store.complete(last, scope.conditions(), limit + 1, before)
        return [
            Suggestion(f"{before} {one.word}".strip(), one.records, Completed.CONTENT)
            for one in found
            if one.word != last.lower()
        ]

    async def _asked(self, typed: str, scope: Scope, limit: int) -> list[Suggestion]:
        await self._journal.flush()
        found: Sequence[QueryCount] = await self._log.starting_with(typed, Searches(projects=scope.projects), limit + 1)
        return [
            Suggestion(one.query, one.searches, Completed.QUERY) for one in found if one.query.lower() != typed.lower()
        ]

    async def _names(self, typed: str, field: Completed, scope: Scope, limit: int) -> list[Suggestion]:
        """Whose beginning, or for a path the beginning of one of its parts, was typed; projects of every scope."""
        where = [*OWN] if field is Completed.PROJECT else scope.conditions()
        counts = await self._store.facets(_FACETS[field], [*where, Condition("parent", "=", "")])
        start, inner = typed.lower(), f"/{typed.lower()}"
        names = [
            (name, count)
            for name, count in counts.items()
            if name.lower().startswith(start) or (field is Completed.FILES and inner in name.replace("\\", "/").lower())
        ]
        return [Suggestion(name, count, field) for name, count in names if name][:limit]


def _taking_turns(words: Sequence[Suggestion], asked: Sequence[Suggestion]) -> list[Suggestion]:
    """Two words, one past question, and so on; what comes twice comes once."""
    places = [((at // 2, 0), one) for at, one in enumerate(words)] + [((at, 1), one) for at, one in enumerate(asked)]
    ordered = [one for _, one in sorted(places, key=lambda place: place[0])]
    return list({one.text.lower(): one for one in reversed(ordered)}.values())[::-1]
