"""Small JSON documents that several processes, and later several machines, write: sessions, handoffs, reminders, scores."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Json

MOST_BYTES = 1_000_000
"""Of a body, as UTF-8 encoded JSON."""
MOST_LEVELS = 100

_NAME = re.compile(r"[A-Za-z0-9_:@-][A-Za-z0-9_.:@-]{0,199}")


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


def is_name(text: str) -> bool:
    """Whether it can name a collection or a document."""
    return bool(_NAME.fullmatch(text))


def check_names(collection: str, id: str = "any") -> None:
    """Raises Invalid for what cannot be the name of a collection or a document."""
    for what, name in (("collection", collection), ("id", id)):
        if not (isinstance(name, str) and is_name(name)):
            raise Invalid(
                f"{what} {str(name)[:40]!r}: give 1 to 200 letters, digits or -_.:@, the first of them no dot."
            )


def as_json(body: Mapping[str, Json]) -> str:
    """The body as JSON text, as every adapter takes it. Raises Invalid for what is no JSON or too large.

    >>> as_json({"state": "open"})
    '{"state":"open"}'
    """
    try:
        plain = dict(body)
        _check_fields(plain)
        text = json.dumps(plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        if not _encodable(text):  # half of a surrogate pair: JSON has a spelling for it, UTF-8 has none
            text = json.dumps(plain, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise Invalid(f"body: {error}; give what JSON can hold.") from None
    if (size := len(text.encode())) > MOST_BYTES:
        raise Invalid(f"body: it has {size:,} bytes, at most {MOST_BYTES:,} are taken.")
    return text


def fits(body: Mapping[str, Json], where: Mapping[str, Json] | None) -> bool:
    """Whether the top-level fields equal `where`; as in JSON, `true` is not 1."""
    return all(field in body and _same(body[field], value) for field, value in (where or {}).items())


def in_utc(expires: datetime | None) -> datetime | None:
    """Raises Invalid for a time without a zone."""
    if expires is not None and expires.tzinfo is None:
        raise Invalid("expires: give a time with its zone.")
    return expires and expires.astimezone(UTC)


def _check_fields(value: Any, level: int = 0) -> None:
    if level > MOST_LEVELS:
        raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels")
    match value:
        case dict():
            for name, inner in value.items():
                if not isinstance(name, str):
                    raise TypeError(f"{name!r} is no name of a field")
                _check_fields(inner, level + 1)
        case list() | tuple():
            for inner in value:
                _check_fields(inner, level + 1)


def _encodable(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


def _same(one: Json, other: Json) -> bool:
    return one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
