"""Documents of one machine, in a storage that several machines share: what runs, is watched or was allowed there."""

from collections.abc import Mapping
from datetime import datetime

from session_mgmt_mcp.ports.session_storage import Document, DocumentPage, SessionStorage, check_names
from session_mgmt_mcp.ports.vector_store import Json


class MachineDocuments:
    """SessionStorage whose collections no other machine has: `monitors` is kept as `monitors@<machine>`."""

    def __init__(self, storage: SessionStorage, machine: str) -> None:
        self._storage = storage
        self._machine = machine

    async def get(self, collection: str, id: str) -> Document | None:
        return await self._storage.get(self._of(collection), id)

    async def put(
        self,
        collection: str,
        id: str,
        body: Mapping[str, Json],
        *,
        expected_version: int | None = None,
        expires: datetime | None = None,
    ) -> Document:
        there = self._of(collection)
        return await self._storage.put(there, id, body, expected_version=expected_version, expires=expires)

    async def delete(self, collection: str, id: str, *, expected_version: int | None = None) -> bool:
        return await self._storage.delete(self._of(collection), id, expected_version=expected_version)

    async def list(
        self,
        collection: str,
        prefix: str = "",
        where: Mapping[str, Json] | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> DocumentPage:
        return await self._storage.list(self._of(collection), prefix, where, cursor, limit)

    def _of(self, collection: str) -> str:
        check_names(collection)
        return f"{collection}@{self._machine}"
