"""ImportLedger in two tables of the store's database."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from session_mgmt_mcp.adapters.duckdb.connection import After
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.ports.transcript_source import Cursor


class DuckDBImportLedger:
    """Writes through the store's connection, in one group with its records. Lives as long as the store."""

    def __init__(self, store: DuckDBVectorStore) -> None:
        self._store = store

    async def cursor(self, path: Path) -> Cursor | None:
        query = 'select inode, "offset", entries, state from cursors where path = ?'
        row = await self._store.read(lambda cursor: cursor.execute(query, [name_of(path)]).fetchone())
        return Cursor(*row) if row else None

    async def cursors(self, paths: Sequence[Path]) -> dict[Path, Cursor]:
        query = 'select path, inode, "offset", entries, state from cursors where path in (select unnest(?::varchar[]))'
        named = {name_of(path): path for path in paths}
        rows = await self._store.read(lambda cursor: cursor.execute(query, [list(named)]).fetchall())
        return {named[name]: Cursor(*values) for name, *values in rows}

    async def set_cursor(self, path: Path, cursor: Cursor) -> None:
        await self.set_cursors({path: cursor})

    async def set_cursors(self, cursors: Mapping[Path, Cursor]) -> None:
        now = time.time_ns() // 1000
        rows = [(name_of(path), one.inode, one.offset, one.entries, one.state, now) for path, one in cursors.items()]
        if rows:
            places = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(rows))
            values = [value for row in rows for value in row]
            await self._execute(f"insert or replace into cursors values {places}", values)  # noqa: S608

    async def project_of(self, folder: str) -> str | None:
        query = "select project from projects where folder = ?"
        row = await self._store.read(lambda cursor: cursor.execute(query, [escaped(folder)]).fetchone())
        return row[0] if row else None

    async def set_project(self, folder: str, project: str) -> None:
        await self._execute("insert or replace into projects values (?, ?)", [escaped(folder), project])

    async def last_import(self) -> datetime | None:
        row = await self._store.read(lambda cursor: cursor.execute("select max(moved) from cursors").fetchone())
        return datetime.fromtimestamp(row[0] / 1e6, UTC) if row and row[0] else None

    async def forget_all(self) -> None:
        await self._execute("delete from cursors", [])
        await self._execute("delete from projects", [])

    async def _execute(self, statement: str, values: Sequence[Any]) -> None:
        def run(connection: Any) -> After:
            connection.execute(statement, values)
            return lambda: None

        await self._store.write(run)


def name_of(path: Path) -> str:
    return escaped(os.fspath(path))


def escaped(name: str) -> str:
    """File names that are no unicode, in letters that are."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
