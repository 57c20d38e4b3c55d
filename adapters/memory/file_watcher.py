"""FileWatcher over changes that somebody calls out, for tests."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.file_watcher import Burst, Change, FileChange, Ignored


class MemoryWatch:
    """Watch. `tell` and `vanish` play the file system."""

    def __init__(self, ignored: Ignored) -> None:
        self._ignored = ignored
        self._told: asyncio.Queue[Burst | None] = asyncio.Queue()
        self.closed = False

    @property
    def folders(self) -> int:
        return 1

    async def tell(self, *paths: str, change: Change = Change.MODIFIED, head: bool = False) -> None:
        unwanted = await self._ignored(paths)
        files = [FileChange(path, change) for path in sorted(set(paths)) if path not in unwanted]
        if files or head:
            self._told.put_nowait(Burst(files, 0, head))

    def vanish(self) -> None:
        self._told.put_nowait(None)

    async def bursts(self) -> AsyncGenerator[Burst, None]:
        while not self.closed:
            told = await self._told.get()
            if told is None:
                return
            yield told

    async def close(self) -> None:
        self.closed = True
        self._told.put_nowait(None)


class MemoryFileWatcher:
    """FileWatcher. `watches` has one for each root that is or was watched; `gone` are roots that are not there."""

    def __init__(self) -> None:
        self.watches: dict[Path, MemoryWatch] = {}
        self.gone: set[Path] = set()

    async def watch(self, root: Path, ignored: Ignored) -> MemoryWatch:
        if root in self.gone:
            raise NotFound(f"There is no folder {root} to watch: name one that exists.")
        self.watches[root] = MemoryWatch(ignored)
        return self.watches[root]
