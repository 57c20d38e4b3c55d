"""How far each transcript was taken in, and which folder belongs to which project."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from session_mgmt_mcp.ports.transcript_source import Cursor


class ImportLedger(Protocol):
    """Small and durable. Losing it costs time, not truth: entries have stable ids, so reading twice changes nothing."""

    async def cursor(self, path: Path) -> Cursor | None: ...

    async def cursors(self, paths: Sequence[Path]) -> dict[Path, Cursor]:
        """Those of `paths` that have one, asked for at once."""

    async def set_cursor(self, path: Path, cursor: Cursor) -> None: ...

    async def set_cursors(self, cursors: Mapping[Path, Cursor]) -> None:
        """All or none of them."""

    async def project_of(self, folder: str) -> str | None:
        """The project this folder was last known to belong to: worktrees are removed, what was said in them stays."""

    async def set_project(self, folder: str, project: str) -> None: ...

    async def last_import(self) -> datetime | None:
        """When a cursor last moved; None: nothing was ever taken in."""

    async def forget_all(self) -> None: ...
