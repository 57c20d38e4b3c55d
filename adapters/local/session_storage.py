"""SessionStorage on files: one a document, replaced whole, written by one process at a time."""

import asyncio
import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, TypeVar

from session_mgmt_mcp.adapters.local import files
from session_mgmt_mcp.adapters.local.names import SUFFIX, beginning, file_stem, name_of
from session_mgmt_mcp.adapters.local.settled_time import settled
from session_mgmt_mcp.ports.errors import Conflict, Corrupt, Invalid, Unavailable, Unsupported
from session_mgmt_mcp.ports.sealed_documents import sealed, unsealed
from session_mgmt_mcp.ports.session_storage import (
    MOST_BYTES,
    Document,
    DocumentPage,
    as_json,
    check_names,
    fits,
    in_utc,
)
from session_mgmt_mcp.ports.vector_store import Json

T = TypeVar("T")

DAMAGED = ".damaged"
"""Folder of what was found broken, for a person to look at."""
LOCKS = 8  # a collection; with one, two processes write half as fast (docs/architecture/0025)
THREADS = 4
SWEEP_EVERY, SWEEP_AT_ONCE = 64, 256
"""With every 64th write of a collection its next 256 documents are looked at, and the expired ones go, unless the clock leapt."""
_ENVELOPE = 2_000


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one document is, and what its writer holds meanwhile."""

    collection: str
    id: str
    folder: str

    @property
    def path(self) -> str:
        return f"{self.folder}/{file_stem(self.id)}{SUFFIX}"

    @property
    def file(self) -> Path:
        return Path(self.path)

    @property
    def lock(self) -> Path:
        return Path(f"{self.folder}/.{self._part}.lock")

    @property
    def unfinished(self) -> Path:
        return Path(f"{self.folder}/.{self._part}.new")

    @property
    def _part(self) -> int:
        return zlib.crc32(self.id.encode()) % LOCKS


@dataclass(frozen=True, slots=True)
class Examined:
    """What lies below a folder of documents: how many are whole, and what is not, moved aside already or still in place."""

    whole: int
    damaged: Sequence[Path]


class LocalSessionStorage:
    """SessionStorage below a folder of the owner; any number of processes of this machine share it.

    A file is two lines of JSON: the SHA-256 of the second, and the document. `now` is the clock by which documents expire.

    >>> storage = LocalSessionStorage(Path("sessions"))
    """

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._folder = folder
        self._now = now
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="documents")
        self._locks: dict[Path, threading.Lock] = {}
        self._writes: dict[str, int] = {}
        self._swept: dict[str, str] = {}

    async def get(self, collection: str, id: str) -> Document | None:
        check_names(collection, id)
        return await self._run(lambda: self._get(self._place(collection, id)))

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
        text, until = as_json(body), in_utc(expires)
        return await self._run(lambda: self._put(self._place(collection, id), text, expected_version, until))

    async def delete(self, collection: str, id: str, *, expected_version: int | None = None) -> bool:
        check_names(collection, id)
        return await self._run(lambda: self._delete(self._place(collection, id), expected_version))

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
        return await self._run(lambda: self._list(collection, prefix, where, cursor or "", limit))

    async def close(self) -> None:
        """Waits for what is being written."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _run(self, what: Callable[[], T]) -> T:
        def run() -> T:
            try:
                return what()
            except OSError as error:
                raise files.translated(error, self._folder) from error

        try:
            future = self._threads.submit(run)
        except RuntimeError:
            raise Unavailable("The storage is closed: open it again.") from None
        return await asyncio.wrap_future(future)

    def _place(self, collection: str, id: str) -> _Place:
        return _Place(collection, id, f"{self._folder}/{file_stem(collection)}")

    def _get(self, place: _Place) -> Document | None:
        try:
            document = _read(place)
        except Corrupt as error:
            document = self._read_again(place, error)
        return None if document is None or self._expired(document) else document

    def _read_again(self, place: _Place, error: Corrupt) -> Document | None:
        """Nobody writes now: what is still damaged is moved aside."""
        try:
            with self._writing(place):
                return self._whole(place)
        except (OSError, Unavailable):
            raise Corrupt(f"{error}, and {place.file} cannot be moved aside: mend or remove it.", place.file) from None

    def _put(self, place: _Place, text: str, expected: int | None, expires: datetime | None) -> Document:
        files.make_folder(place.file.parent)
        with self._writing(place):
            version = self._version(place, expected) + 1
            document = Document(place.id, version, json.loads(text), self._now(), expires)
            files.replace(place.file, place.unfinished, sealed(place.collection, document, text))
        count = self._writes[place.collection] = self._writes.get(place.collection, 0) + 1
        if count % SWEEP_EVERY == 1:
            with suppress(RuntimeError):  # it is being closed
                self._threads.submit(self._sweep, place.collection)
        return document

    def _delete(self, place: _Place, expected: int | None) -> bool:
        if not place.file.parent.is_dir():
            _check_version(place, 0, expected)
            return False
        with self._writing(place):
            there = self._version(place, expected) > 0
            place.file.unlink(missing_ok=True)
            files.sync_folder(place.file.parent)
        return there

    def _list(
        self, collection: str, prefix: str, where: Mapping[str, Json] | None, after: str, limit: int
    ) -> DocumentPage:
        found: list[Document] = []
        for name in self._names(collection, prefix, after):
            document = self._get(self._place(collection, name))
            if document is not None and fits(document.body, where):
                if len(found) == limit:
                    return DocumentPage(found, found[-1].id)
                found.append(document)
        return DocumentPage(found, None)

    def _names(self, collection: str, prefix: str, after: str) -> Sequence[str]:
        try:
            entries = os.listdir(self._folder / file_stem(collection))  # noqa: PTH208 (names alone, a third of the time)
        except FileNotFoundError:
            return []
        start = beginning(prefix)
        stems = (entry.removesuffix(SUFFIX) for entry in entries if entry.endswith(SUFFIX) and entry.startswith(start))
        names = (name for stem in stems if (name := name_of(stem)) is not None)
        return sorted(name for name in names if name > after and name.startswith(prefix))

    def _sweep(self, collection: str) -> None:
        names: Sequence[str] = ()
        now = None
        with suppress(OSError, Unavailable):  # said to whoever asks for it, as what is wrong with a document
            now = settled(self._folder, self._now())
        if now is None:
            return
        with suppress(OSError):
            names = self._names(collection, "", self._swept.get(collection, ""))[:SWEEP_AT_ONCE]
        self._swept[collection] = names[-1] if len(names) == SWEEP_AT_ONCE else ""
        for place in (self._place(collection, name) for name in names):
            with suppress(OSError, Corrupt, Unsupported):
                if _is_over(_read(place), now):
                    self._forget(place, now)

    def _forget(self, place: _Place, now: datetime) -> None:
        """Takes away what has expired, unless somebody has written it anew; where that fails, it goes another time."""
        with suppress(OSError, Unavailable), self._writing(place):
            if _is_over(_read(place), now):
                place.file.unlink()

    def _version(self, place: _Place, expected: int | None) -> int:
        """The version that is there, 0 for none; the caller holds the lock."""
        document = self._whole(place)
        version = 0 if document is None or self._expired(document) else document.version
        _check_version(place, version, expected)
        return version

    def _whole(self, place: _Place) -> Document | None:
        """What `_read` gives; a damaged file is moved aside. The caller holds the lock."""
        try:
            return _read(place)
        except Corrupt as error:
            self._quarantine(place, error)

    def _quarantine(self, place: _Place, error: Corrupt) -> NoReturn:
        aside = self._folder / DAMAGED / place.file.parent.name
        files.make_folder(aside)
        moved = aside / f"{time.time_ns()}{SUFFIX}"
        place.file.rename(moved)
        files.sync_folder(place.file.parent)
        raise Corrupt(f"{error}: it was moved to {moved} and is no longer used; look at it there.", moved) from None

    def _expired(self, document: Document) -> bool:
        return _is_over(document, self._now())

    @contextmanager
    def _writing(self, place: _Place) -> Iterator[None]:
        """Nobody else, in this process or another one, writes this document meanwhile."""
        mine = self._locks.setdefault(place.lock, threading.Lock())
        if not mine.acquire(timeout=files.PATIENCE):
            raise files.busy(place.lock)
        try:
            with files.locked(place.lock):
                yield
        finally:
            mine.release()


def examined(folder: Path) -> Examined:
    """Reads every document and changes nothing. Raises OSError."""
    whole, damaged = 0, [*(folder / DAMAGED).glob("*/*")]
    for file in folder.glob(f"[!.]*/[!.]*{SUFFIX}"):
        try:
            collection, id = name_of(file.parent.name), name_of(file.name.removesuffix(SUFFIX))
            if collection is not None and id is not None:
                whole += _read(_Place(collection, id, str(file.parent))) is not None
        except Unsupported:
            whole += 1
        except Corrupt:
            damaged.append(file)
    return Examined(whole, damaged)


def _is_over(document: Document | None, now: datetime) -> bool:
    return document is not None and document.expires is not None and document.expires <= now


def _check_version(place: _Place, version: int, expected: int | None) -> None:
    if expected is not None and expected != version:
        said = f"{place.collection}/{place.id} has version {version}, not {expected}: read it and try again."
        raise Conflict(said, version)


def _read(place: _Place) -> Document | None:
    """None when there is no file. Raises Corrupt, with nothing moved yet, and Unsupported."""
    try:
        data = files.read(place.path, MOST_BYTES + _ENVELOPE)
    except FileNotFoundError:
        return None
    try:
        return unsealed(data or b"", place.collection, place.id)[0]
    except ValueError as error:
        raise Corrupt(f"{place.collection}/{place.id} {error}", place.file) from None
