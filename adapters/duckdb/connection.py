"""One DuckDB file: a thread that writes in groups, threads that read, and files that only their owner may open."""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from session_mgmt_mcp.adapters.duckdb.failures import corrupt, in_use, translated
from session_mgmt_mcp.adapters.duckdb.records import Row
from session_mgmt_mcp.ports.errors import Unavailable

T = TypeVar("T")
After = Callable[[], Any]
"""What makes a committed write visible; its value is the caller's answer."""

MEGABYTES = 96
"""What DuckDB keeps of the file in memory; a transaction has to fit in beside."""
ROOMY = 8_000_000
SETTINGS = {
    "threads": 2,
    "memory_limit": f"{MEGABYTES}MB",
    "autoinstall_known_extensions": False,
    "disabled_optimizers": "in_clause",  # planning a short list of numbers as a join takes longer than reading the rows
}
GROUP_WRITES, GROUP_ROWS = 256, 5_000
READERS = 3
SNAPSHOT_AFTER, SNAPSHOT_AT_ONCE = 2_000, 50_000
"""Changes from which on a snapshot is worth its while: when nobody writes, and in the middle of writing."""
DERIVED = ("current", "rows.sqlite")
"""Beside a database, made from what it holds."""
REST_AFTER, REST_ON = 5.0, 0.01
"""Seconds without a write before the first piece of such work, and before the next."""

_open: set[str] = set()
_open_lock = threading.Lock()


@dataclass(slots=True)
class Write:
    """Rows to upsert, or anything else to run inside of the transaction."""

    rows: Sequence[Row] = ()
    run: Callable[[Any], After] | None = None
    alone: bool = False  # needs to see what came before it, and to be seen by what comes after
    future: "Future[Any]" = field(default_factory=Future)


def prepare(path: Path) -> None:
    """Makes the folder, and takes away a file of no bytes, which is nobody's database. Raises Unavailable, Corrupt."""
    if path.is_dir():
        raise Unavailable(f"{path} is a directory: name a file.", retry_after=60)
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        folder.chmod(0o700)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise Unavailable(f"{path.parent} is not writable: make it so or choose another directory.", retry_after=60)
    if path.exists() and path.stat().st_size == 0:
        if any(
            file.exists() for file in (wal(path), *(path.with_name(path.name + ".index") / name for name in DERIVED))
        ):
            raise corrupt(path)  # it was one
        path.unlink()


def wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def connect(path: Path, read_only: bool = False) -> Any:
    spill = path.with_name(path.name + ".index") / "spill"
    if not read_only:
        with contextlib.suppress(OSError):  # without it only large writes fail
            spill.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        raw = duckdb.connect(str(path), read_only=read_only, config={**SETTINGS, "temp_directory": str(spill)})
        raw.execute("set enable_progress_bar = false")  # standard output is a client's; cursors have it, too
        return raw
    except Exception as error:
        raise translated(error, path, opening=True) from error


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[None]:
    """For something short: this process holds the path, as `claim` does."""
    name = claim(path)
    try:
        yield
    finally:
        release(name)


def claim(path: Path) -> str:
    """DuckDB would hand the same database to two openers in one process; two sets of indexes over it would part."""
    name = os.path.realpath(path)
    with _open_lock:
        if name in _open:
            raise in_use(path, f"this process already ({os.getpid()})")
        _open.add(name)
    return name


def release(name: str) -> None:
    with _open_lock:
        _open.discard(name)


def owner_only(path: Path) -> None:
    """DuckDB makes its files, the WAL again and again, by the umask of a process that is not ours to set."""
    for file in (path, wal(path)):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)


@contextlib.contextmanager
def room(raw: Any, characters: int) -> Iterator[None]:
    """As much memory as one large transaction needs, as long as it needs it."""
    if characters <= ROOMY:
        yield
        return
    raw.execute(f"set memory_limit = '{MEGABYTES + 3 * characters // 1_000_000}MB'")
    try:
        yield
    finally:
        with contextlib.suppress(duckdb.Error):
            raw.execute(f"set memory_limit = '{MEGABYTES}MB'")


class Connection:
    """`write` and `read` from any thread; a write is answered after its commit.

    `settle` runs first, and whenever the database had to be opened anew or a commit was `unseen`: it brings what is derived up to date.
    `rest` runs between groups, with the number of changes that are worth its work, and again as long as it says so
    and nobody writes.
    """

    def __init__(
        self,
        path: Path,
        raw: Any,
        settle: Callable[[Any], None],
        upsert: Callable[[Any, Sequence[Row]], After],
        rest: Callable[[Any, int], bool],
    ) -> None:
        self.path = path
        self.ready: Future[None] = Future()
        self._raw = raw
        self._settle = settle
        self._upsert = upsert
        self._rest = rest
        self._queue: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._waiting: Write | None = None
        self._closing = threading.Lock()
        self._closed = False
        self._lost = False
        self.unseen = False  # something was committed that what is derived did not take in, or only in part
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-read")
        self._thread = threading.Thread(target=self._work, name="store-write", daemon=True)
        self._thread.start()

    def write(self, write: Write) -> "Future[Any]":
        with self._closing:
            if self._closed:
                raise Unavailable("The store is closed: open it again.")
            self._queue.put(write)
        return write.future

    def read(self, what: Callable[[Any], T]) -> "Future[T]":
        with self._closing:
            if self._closed:
                raise Unavailable("The store is closed: open it again.")
            return self._readers.submit(self._read, what)

    def look(self, what: Callable[[], T]) -> "Future[T]":
        """In a thread for readers, without the database."""
        with self._closing:
            if self._closed:
                raise Unavailable("The store is closed: open it again.")
            return self._readers.submit(what)

    def close(self, last: Callable[[Any], object]) -> None:
        """After what was queued before, `last` runs on the connection."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._readers.shutdown()
        self._queue.put(None)
        self._thread.join()
        try:
            if self._in_order():
                last(self._raw)
        finally:
            self._raw.close()
            owner_only(self.path)

    def _read(self, what: Callable[[Any], T]) -> T:
        with self.cursor() as cursor:
            return what(cursor)

    @contextlib.contextmanager
    def cursor(self) -> Iterator[Any]:
        """Of the database, in any thread."""
        try:
            cursor = self._raw.cursor()
            try:
                yield cursor
            finally:
                cursor.close()
        except Exception as error:
            raise translated(error, self.path) from error

    def _work(self) -> None:
        try:
            self._settle(self._raw)
        except BaseException as error:
            self.ready.set_exception(translated(error, self.path) if isinstance(error, Exception) else error)
        else:
            self.ready.set_result(None)
        while (group := self._next_group()) is not None:
            running = [write for write in group if write.future.set_running_or_notify_cancel()]
            if running:
                self._commit(running)
            if self.unseen:
                self._made_up()  # or else before the next write
            if self._in_order():
                self._rest(self._raw, SNAPSHOT_AT_ONCE)

    def _next_group(self) -> list[Write] | None:
        first = self._waiting or self._next()
        self._waiting = None
        if first is None:
            return None
        group, rows = [first], len(first.rows)
        while not first.alone and len(group) < GROUP_WRITES and rows < GROUP_ROWS:
            try:
                another = self._queue.get_nowait()
            except queue.Empty:
                break
            if another is None:
                self._queue.put(None)
                break
            if another.alone:
                self._waiting = another
                break
            group.append(another)
            rows += len(another.rows)
        return group

    def _next(self) -> Write | None:
        pause: float | None = REST_AFTER
        while True:
            try:
                return self._queue.get(timeout=pause)
            except queue.Empty:
                more = self._in_order() and self._rest(self._raw, SNAPSHOT_AFTER)
                pause = REST_ON if more else None

    def _commit(self, group: Sequence[Write]) -> None:
        if failure := self.ready.exception() or self._made_up():
            for write in group:
                write.future.set_exception(failure)
            return
        try:
            answers = self._transaction(group)
        except Exception as error:
            if isinstance(error, duckdb.FatalException):
                self._lost = True
            if len(group) > 1 and not self.unseen:  # one of them is at fault: the others must not suffer
                for write in group:
                    self._commit([write])
                return
            for write in group:
                write.future.set_exception(translated(error, self.path))
            return
        for write, answer in zip(group, answers, strict=True):
            write.future.set_result(answer)

    def _transaction(self, group: Sequence[Write]) -> list[Any]:
        rows = [row for write in group for row in write.rows]
        with room(self._raw, sum(len(row.text) for row in rows)):
            return self._run(group, rows)

    def _run(self, group: Sequence[Write], rows: Sequence[Row]) -> list[Any]:
        self._raw.execute("begin")
        try:
            stored = self._upsert(self._raw, rows) if rows else None
            afters = [write.run(self._raw) if write.run else None for write in group]
            self._raw.execute("commit")
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                self._raw.execute("rollback")
            raise
        try:
            owner_only(self.path)
            if stored:
                stored()
            return [after() if after else None for after in afters]
        except BaseException:
            self.unseen = True
            raise

    def _in_order(self) -> bool:
        return self.ready.exception() is None and not (self._lost or self.unseen)

    def _made_up(self) -> Exception | None:
        """A fatal error closes a DuckDB database for good, and what was committed may not have been taken in: the file
        has both. Why they cannot be had from it now."""
        try:
            if self._lost:
                with contextlib.suppress(duckdb.Error):
                    self._raw.close()
                self._raw = connect(self.path)
            if self._lost or self.unseen:
                self._settle(self._raw)
        except Exception as error:
            return translated(error, self.path)
        self._lost = self.unseen = False
        return None
