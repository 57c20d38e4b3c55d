"""FileWatcher through watchfiles: one watch a folder where the system counts them, one for the whole tree elsewhere."""

import asyncio
import os
import stat
import sys
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from session_mgmt_mcp.adapters.watchfiles.folders import NEVER, below, git_folder
from session_mgmt_mcp.ports.errors import NotFound, Unavailable
from session_mgmt_mcp.ports.file_watcher import MOST_FILES, Burst, Change, FileChange, Ignored

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

BURST_MS = 1_600  # a burst is told after so long at most,
QUIET_MS = 100  # or when nothing has changed for so long
CHECK_MS = 2_000  # between two looks whether the root is still there
MOST_ASKED = 5_000  # paths of one burst that git is asked about
BY_FOLDER = sys.platform == "linux"  # inotify watches folders; others watch trees
_RESTS = 5  # a new watch is made no more often than this many times as long as the last one took
_CHANGES = {1: Change.ADDED, 2: Change.MODIFIED, 3: Change.DELETED}


class WatchfilesWatcher:
    """FileWatcher. Each watch has a thread of its own, which sleeps until something changes."""

    async def watch(self, root: Path, ignored: Ignored) -> "WatchfilesWatch":
        real = await asyncio.to_thread(_identity, root)
        if real is None:
            raise NotFound(f"There is no folder {root} to watch: name one that exists.")
        made = WatchfilesWatch(root, real, ignored)
        await made.open()
        return made


class WatchfilesWatch:
    """Watch. Made by WatchfilesWatcher."""

    def __init__(self, root: Path, identity: tuple[int, int], ignored: Ignored) -> None:
        self._root = root
        self._identity = identity
        self._ignored = ignored
        self._folders: set[str] = set()
        self._git = git_folder(root)
        self._notify: RustNotify | None = None
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="watching")
        self._new: set[str] = set()  # folders that are there but not watched yet
        self._rest_until = 0.0

    @property
    def folders(self) -> int:
        return len(self._folders)

    async def open(self) -> None:
        try:
            if BY_FOLDER:
                found, _ = await below(self._root, [""], self._ignored)
                self._folders = set(found)
            await self._watch()
        except BaseException:
            await self.close()
            raise

    async def bursts(self) -> AsyncGenerator[Burst, None]:
        while not self._stop.is_set():
            raw = await self._wait()
            if not await self._is_there():
                return
            told = await self._burst(raw)
            if self._new and time.monotonic() >= self._rest_until:
                told = _joined(told, await self._watch_new())
            if told.files or told.head:
                yield told

    async def close(self) -> None:
        self._stop.set()
        notify, self._notify = self._notify, None
        if notify is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, notify.close)
        self._thread.shutdown(wait=False)

    async def _watch(self) -> None:
        """A watch over all folders, before the old one ends."""
        start = time.monotonic()
        paths = [str(self._root / folder) for folder in sorted(self._folders)] if BY_FOLDER else [str(self._root)]
        git = [str(self._git)] if self._git else []
        loop = asyncio.get_running_loop()
        before, self._notify = self._notify, await loop.run_in_executor(self._thread, _notify, [*paths, *git])
        if before is not None:
            await loop.run_in_executor(self._thread, before.close)
        self._rest_until = time.monotonic() + _RESTS * (time.monotonic() - start)

    async def _wait(self) -> set[tuple[int, str]]:
        if self._notify is None:
            return set()
        try:
            said: Any = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._notify.watch, BURST_MS, QUIET_MS, CHECK_MS, self._stop
            )
        except RuntimeError as error:
            raise Unavailable(f"Watching {self._root} ended ({error}): start it again.") from None
        return said if isinstance(said, set) else set()

    async def _is_there(self) -> bool:
        return await asyncio.to_thread(_identity, self._root) == self._identity

    async def _burst(self, raw: set[tuple[int, str]]) -> Burst:
        head = any(self._git is not None and Path(path) == self._git / "HEAD" for _, path in raw)
        kinds: dict[str, set[Change]] = {}
        for kind, path in raw:
            if (inner := self._inner(path)) is not None:
                kinds.setdefault(inner, set()).add(_CHANGES[kind])
        asked = sorted(kinds)[:MOST_ASKED]
        unwanted = await self._ignored(asked) if asked else ()
        states = await asyncio.to_thread(_states, self._root, [path for path in asked if path not in unwanted])
        self._new |= {path for path, is_folder in states.items() if is_folder and Change.ADDED in kinds[path]}
        self._folders -= {path for path, is_folder in states.items() if is_folder is None}
        changes = [
            FileChange(path, change)
            for path, is_folder in states.items()
            if not is_folder and (change := _change(kinds[path], there=is_folder is not None))
            if path not in self._new
        ]
        return Burst(changes[:MOST_FILES], max(0, len(changes) - MOST_FILES) + len(kinds) - len(asked), head)

    async def _watch_new(self) -> Burst:
        """Folders that appeared are watched too; what already lies in them is told."""
        new, self._new = self._new, set()
        if not BY_FOLDER:
            return Burst()
        folders, files = await below(self._root, sorted(new), self._ignored)
        self._folders |= set(folders)
        await self._watch()
        unwanted = await self._ignored(files[:MOST_ASKED]) if files else ()
        told = [FileChange(path, Change.ADDED) for path in files[:MOST_ASKED] if path not in unwanted]
        return Burst(told, len(files) - len(files[:MOST_ASKED]))

    def _inner(self, path: str) -> str | None:
        """From the root; None for what is nobody's business."""
        if not path.startswith(f"{self._root}{os.sep}"):
            return None
        inner = Path(path).relative_to(self._root)
        return None if NEVER.intersection(inner.parts) else inner.as_posix()


def _joined(one: Burst, other: Burst) -> Burst:
    files = {change.path: change for change in (*other.files, *one.files)}
    told = [files[path] for path in sorted(files)]
    return Burst(told[:MOST_FILES], one.more + other.more + max(0, len(told) - MOST_FILES), one.head)


def _change(kinds: set[Change], *, there: bool) -> Change | None:
    """What became of a file in a burst; None for one that came and went."""
    if not there:
        return None if Change.ADDED in kinds else Change.DELETED
    return Change.ADDED if Change.DELETED not in kinds and Change.ADDED in kinds else Change.MODIFIED


def _states(root: Path, paths: Sequence[str]) -> dict[str, bool | None]:
    """Whether each is a folder; None: it is not there."""
    found: dict[str, bool | None] = {}
    for path in paths:
        try:
            found[path] = stat.S_ISDIR((root / path).lstat().st_mode)
        except (OSError, ValueError):
            found[path] = None
    return found


def _identity(root: Path) -> tuple[int, int] | None:
    try:
        state = root.stat()
    except (OSError, ValueError):
        return None
    return (state.st_dev, state.st_ino) if stat.S_ISDIR(state.st_mode) else None


def _notify(paths: Sequence[str]) -> "RustNotify":
    from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

    for _ in range(5):
        there = [path for path in paths if os.path.isdir(path) and os.access(path, os.R_OK)]  # noqa: PTH112
        try:
            # Told to ignore permissions it would ignore the system's limit, too.
            return RustNotify(there, False, False, 0, not BY_FOLDER, False)
        except (FileNotFoundError, PermissionError):
            continue  # one went between the look and the watch
        except (OSError, WatchfilesRustInternalError) as error:
            raise Unavailable(_no_more(len(there), str(error))) from None
    raise Unavailable(f"Folders below {paths[0]} come and go too fast to be watched: try again later.")


def _no_more(folders: int, said: str) -> str:
    if "watch limit" in said:
        return (
            f"The system grants no {folders:,} more watches: raise fs.inotify.max_user_watches, "
            "or go on without watching files."
        )
    if "Too many open files" in said:
        return "The system grants no more watchers: raise fs.inotify.max_user_instances, or stop other watchers."
    return f"Files cannot be watched here ({said[:200]}): go on without watching them."
