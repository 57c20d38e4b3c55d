"""Documents of one subject: how their ids are made, and how all of them are read."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from session_mgmt_mcp.ports.session_storage import Document, SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

_FOREIGN = re.compile(r"[^A-Za-z0-9_@-]")
LONGEST = 120


def key_of(project: str) -> str:
    """A project's id as a part of a document's id: other characters become `_`, and its hash at the end stays.

    >>> key_of("my shop-1a2b3c")
    'my_shop-1a2b3c'
    """
    return _FOREIGN.sub("_", project)[-LONGEST:]


def moment(time: datetime) -> str:
    """A time (aware) as a part of an id: later ones sort behind.

    >>> moment(datetime(2026, 11, 22, 17, 5, tzinfo=UTC))
    '2026-11-22T17:05:00.000000Z'
    """
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def months(since: datetime, until: datetime) -> list[str]:
    """As `2026-11`, in UTC, oldest first."""
    first, last = since.astimezone(UTC), until.astimezone(UTC)
    count = (last.year - first.year) * 12 + last.month - first.month
    starts = (first.year * 12 + first.month - 1 + step for step in range(count + 1))
    return [f"{start // 12:04}-{start % 12 + 1:02}" for start in starts]


async def every(
    storage: SessionStorage, collection: str, prefix: str = "", where: Mapping[str, Json] | None = None
) -> AsyncIterator[Document]:
    """All of them, in the order of their ids."""
    cursor: str | None = None
    while True:
        page = await storage.list(collection, prefix, where, cursor)
        for document in page.documents:
            yield document
        if page.cursor is None:
            return
        cursor = page.cursor
