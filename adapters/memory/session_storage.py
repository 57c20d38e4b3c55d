"""SessionStorage in this process, for tests and for trying things out."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime

from session_mgmt_mcp.ports.errors import Conflict, Invalid
from session_mgmt_mcp.ports.session_storage import Document, DocumentPage, as_json, check_names, fits, in_utc
from session_mgmt_mcp.ports.vector_store import Json


class MemorySessionStorage:
    """SessionStorage. `now` is the clock by which documents expire."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._documents: dict[tuple[str, str], Document] = {}

    async def get(self, collection: str, id: str) -> Document | None:
        check_names(collection, id)
        return deepcopy(self._living(collection, id))

    async def put(
        self,
        collection: str,
        id: str,
        body: Mapping[str, Json],
        *,
        expected_version: int | None = None,
        expires: datetime | None = None,
    ) -> Document:
        check_names(collection, id)
        plain = json.loads(as_json(body))
        version = self._expected(collection, id, expected_version)
        written = Document(id, version + 1, plain, self._now(), in_utc(expires))
        self._documents[collection, id] = written
        return deepcopy(written)

    async def delete(self, collection: str, id: str, *, expected_version: int | None = None) -> bool:
        check_names(collection, id)
        there = self._expected(collection, id, expected_version) > 0
        self._documents.pop((collection, id), None)
        return there

    async def list(
        self,
        collection: str,
        prefix: str = "",
        where: Mapping[str, Json] | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> DocumentPage:
        check_names(collection)
        if limit < 1:
            raise Invalid(f"limit: give 1 or more, not {limit}.")
        found = [
            document
            for name in sorted(name for of, name in self._documents if of == collection)
            if name.startswith(prefix) and name > (cursor or "") and (document := self._living(collection, name))
            if fits(document.body, where)
        ]
        return DocumentPage(deepcopy(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    def _living(self, collection: str, id: str) -> Document | None:
        document = self._documents.get((collection, id))
        return None if document is None or (document.expires and document.expires <= self._now()) else document

    def _expected(self, collection: str, id: str, expected: int | None) -> int:
        """The version that is there; 0 for none."""
        known = self._living(collection, id)
        version = known.version if known else 0
        if expected is not None and expected != version:
            raise Conflict(f"{collection}/{id} has version {version}, not {expected}: read it and try again.", version)
        return version
