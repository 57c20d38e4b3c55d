"""An import ledger that lives as long as the process."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from session_mgmt_mcp.ports.transcript_source import Cursor


class MemoryImportLedger:
    """ImportLedger in two dicts."""

    def __init__(self) -> None:
        self._cursors: dict[Path, Cursor] = {}
        self._projects: dict[str, str] = {}
        self._last_import: datetime | None = None

    async def cursor(self, path: Path) -> Cursor | None:
        return self._cursors.get(path)

    async def cursors(self, paths: Sequence[Path]) -> dict[Path, Cursor]:
        return {path: self._cursors[path] for path in paths if path in self._cursors}

    async def set_cursor(self, path: Path, cursor: Cursor) -> None:
        await self.set_cursors({path: cursor})

    async def set_cursors(self, cursors: Mapping[Path, Cursor]) -> None:
        self._cursors.update(cursors)
        self._last_import = datetime.now(UTC)

    async def project_of(self, folder: str) -> str | None:
        return self._projects.get(folder)

    async def set_project(self, folder: str, project: str) -> None:
        self._projects[folder] = project

    async def last_import(self) -> datetime | None:
        return self._last_import

    async def forget_all(self) -> None:
        self._cursors.clear()
        self._projects.clear()
        self._last_import = None
