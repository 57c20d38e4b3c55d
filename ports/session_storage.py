"""Small JSON documents that several processes, and later several machines, write: sessions, handoffs, reminders, scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from session_mgmt_mcp.ports.vector_store import Json


@dataclass(frozen=True, slots=True)
class Document:
    """One version of a document. Versions count from 1."""

    id: str
    version: int
    body: Mapping[str, Json]
    updated: datetime  # aware, UTC
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents, by id, and the cursor of the next page; None: there is none."""

    documents: Sequence[Document]
    cursor: str | None


class SessionStorage(Protocol):
    """Versioned documents in named collections. Whoever writes says which version they have seen.

    Collections and ids are text of 1 to 200 characters out of letters, digits and `-_.:@`, not beginning with a dot:
    anything else is Invalid. A returned write is durable. A document is never read half-written.

    >>> first = await storage.put("sessions", "s1", {"state": "open"}, expected_version=0)
    >>> (await storage.put("sessions", "s1", {"state": "closed"}, expected_version=first.version)).version
    2
    """

    async def get(self, collection: str, id: str) -> Document | None:
        """None when it was never written, was deleted, or has expired."""

    async def put(
        self,
        collection: str,
        id: str,
        body: Mapping[str, Json],
        *,
        expected_version: int | None = None,
        expires: datetime | None = None,
    ) -> Document:
        """Writes the next version. `expected_version` 0: there must be none yet; None: whatever is there is replaced.

        Of a document that was deleted or has expired the next version is 1 again. `expires` (aware) None: never.
        Raises Conflict, which carries the current version (0: there is none), and Invalid for what is no JSON or over 1 MB.
        """

    async def delete(self, collection: str, id: str, *, expected_version: int | None = None) -> bool:
        """Whether there was one. Raises Conflict when it has another version than expected."""

    async def list(
        self,
        collection: str,
        prefix: str = "",
        where: Mapping[str, Json] | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> DocumentPage:
        """Documents whose id begins with `prefix` and whose top-level fields equal `where`, in the order of their ids.

        What exists throughout a walk over all pages is shown exactly once, whatever is written meanwhile.
        """
