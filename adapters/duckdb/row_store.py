"""A copy of each row in a row store: DuckDB keeps columns, and takes milliseconds to put a few rows together again.

Never a second truth: what is not in it is read from the tables, and whatever is odd about it, it is made anew.
"""

import contextlib
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from session_mgmt_mcp.adapters.duckdb.records import COLUMNS, Row, packed, restored, unpacked
from session_mgmt_mcp.ports.vector_store import Record

FORMAT = "1"
"""Raise it when the fields of Row change: older files are then made anew."""
SEQS_AT_ONCE = 2_000
PLACES = 5_000
"""Question marks in one statement; SQLite takes up to 32,766."""
AHEAD, MOST_AHEAD = 1 << 20, 1 << 30
"""Bytes: the system reads no more than some megabytes for one wish; of more than so many it is not asked."""
SETTINGS = "pragma journal_mode = wal; pragma synchronous = normal; pragma secure_delete = on;"
TABLES = """
    create table if not exists row(seq integer primary key, sum integer not null, body blob not null);
    create table if not exists about(name text primary key, value text not null);
"""


class RowStore:
    """Written by one thread, read by several.

    A copy that is there is current, whenever the process may end: it goes before its row changes in the tables, and
    comes back afterwards.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.RLock()
        self._filled = 0  # every row up to this seq has its copy
        self._whole = False  # so has every other one

    def open(self, opening: str, previous: str, last_revision: int) -> None:
        """For the `opening` of the database that follows `previous`; what is not of its history is thrown away."""
        with self._given_up_when_odd():
            about = self._connect()
            mine = about.get("format") == FORMAT and about["opening"] == previous
            if mine and int(about["revision"]) <= last_revision:
                self._filled = int(about["filled"])
            else:
                self.close()
        if self._writer is None:
            remove(self._file)
            with self._given_up_when_odd():
                self._connect()
        with self._given_up_when_odd():
            self._write((), format=FORMAT, opening=opening, revision=last_revision)

    def records(self, models: Mapping[int, str]) -> dict[int, Record]:
        """By seq, those of which there is a copy; `models` says which model made each one's vector."""
        with self._given_up_when_odd():
            found: list[tuple[int, int, bytes]] = []
            seqs = list(models)
            with self._reading:
                for start in range(0, len(seqs) if self._reader else 0, PLACES):
                    some = seqs[start : start + PLACES]
                    query = f"select seq, sum, body from row where seq in ({','.join('?' * len(some))})"  # noqa: S608
                    found += self._reader.execute(query, some).fetchall() if self._reader else []
            return {seq: unpacked(checked(body, total), models[seq]) for seq, total, body in found}
        return {}

    def read_ahead(self) -> None:
        """Has the system take the file into its cache: rows that come from a disk one by one take ten times as long."""
        if not hasattr(os, "posix_fadvise"):
            return  # macOS
        with contextlib.suppress(OSError), self._file.open("rb") as file:
            for start in range(0, min(os.fstat(file.fileno()).st_size, MOST_AHEAD), AHEAD):
                os.posix_fadvise(file.fileno(), start, AHEAD, os.POSIX_FADV_WILLNEED)

    def drop(self, seqs: Sequence[int]) -> None:
        """These rows are about to change. Their copies are gone for good, from the disk as well."""
        with self._given_up_when_odd(), self._reading:
            if self._writer is None:
                return
            self._writer.execute("pragma synchronous = full")
            with self._writer:
                self._writer.executemany("delete from row where seq = ?", ((seq,) for seq in seqs))
            self._writer.execute("pragma synchronous = normal")
            self._writer.execute("pragma wal_checkpoint(truncate)").fetchall()

    def put(self, rows: Sequence[Row], revision: int) -> None:
        """These rows are in the tables now, whose last change is `revision`."""
        if self._whole:
            self._filled = max([self._filled, *(row.seq for row in rows)])
        with self._given_up_when_odd():
            self._write(rows, revision=revision)

    def fill(self, connection: Any) -> bool:
        """Copies some more rows from the tables; False when there are no more."""
        if self._whole or self._writer is None:
            return False
        (last,) = connection.execute("select coalesce(max(seq), 0) from memory").fetchone()
        end = min(self._filled + SEQS_AT_ONCE, last)
        query = f"select {COLUMNS} from memory where seq > ? and seq <= ?"  # noqa: S608
        rows = [restored(row) for row in connection.execute(query, [self._filled, end]).fetchall()]
        self._filled, self._whole = end, end == last
        with self._given_up_when_odd():
            self._write(rows)
        return not self._whole

    def close(self) -> None:
        with self._reading:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None

    def _connect(self) -> dict[str, str]:
        """What the file says about itself."""
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600))
        self._writer = sqlite3.connect(self._file, check_same_thread=False)
        self._writer.executescript(SETTINGS + TABLES)
        self._reader = sqlite3.connect(self._file, check_same_thread=False)
        return dict(self._reader.execute("select name, value from about").fetchall())

    def _write(self, rows: Sequence[Row], **about: object) -> None:
        writer = self._writer
        if writer is None:
            return
        notes = {**about, "filled": self._filled}
        with writer:
            writer.executemany("insert or replace into row values (?, ?, ?)", map(values, rows))
            writer.executemany("insert or replace into about values (?, ?)", ((n, str(v)) for n, v in notes.items()))

    @contextlib.contextmanager
    def _given_up_when_odd(self) -> Iterator[None]:
        """Searches take longer without it; nothing else depends on it."""
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, KeyError):
            self.close()
            remove(self._file)


def values(row: Row) -> tuple[int, int, bytes]:
    body = packed(row)
    return row.seq, zlib.crc32(body), body


def checked(body: bytes, total: int) -> bytes:
    if zlib.crc32(body) != total:
        raise ValueError("a row that is not as it was written")
    return body


def remove(file: Path) -> None:
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        with contextlib.suppress(OSError):
            file.with_name(name).unlink()
