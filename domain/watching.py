"""Who listens to which folder: one watch a root, however many listen."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.file_watcher import Burst, FileWatcher, Ignored, Watch
from session_mgmt_mcp.ports.git_repository import GitRepository

GONE = "The folder is gone."
MADE_BY_TOOLS = frozenset((
    "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ".idea", ".gradle", "target", "dist", "build", ".next", ".cache",
))  # fmt: skip
"""Folders that are ignored where no git says what is."""

OnBurst: TypeAlias = Callable[[Burst], Awaitable[None]]
OnEnd: TypeAlias = Callable[[str], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Listener:
    """`on_end` gets one sentence when the watch ends by itself."""

    root: Path
    on_burst: OnBurst
    on_end: OnEnd


@dataclass(eq=False, slots=True)
class _Watched:
    watch: Watch
    listeners: list[Listener] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class Watching:
    """Passes bursts on to listeners, in order."""

    def __init__(self, watcher: FileWatcher, git: GitRepository) -> None:
        self._watcher = watcher
        self._git = git
        self._watched: dict[Path, _Watched] = {}
        self._opening = asyncio.Lock()

    async def listen(self, listener: Listener) -> int:
        """How many folders are watched for it. Raises NotFound, Unavailable."""
        async with self._opening:
            watched = self._watched.get(listener.root)
            if watched is None:
                watch = await self._watcher.watch(listener.root, await self._ignored(listener.root))
                watched = self._watched[listener.root] = _Watched(watch)
                watched.task = asyncio.create_task(self._run(listener.root, watched))
            watched.listeners.append(listener)
            return watched.watch.folders

    async def leave(self, listener: Listener) -> None:
        """The last one to leave ends the watch."""
        async with self._opening:
            watched = self._watched.get(listener.root)
            if watched is None or listener not in watched.listeners:
                return
            watched.listeners.remove(listener)
            if not watched.listeners:
                await self._end(listener.root)

    async def close(self) -> None:
        async with self._opening:
            for root in list(self._watched):
                await self._end(root)

    async def _end(self, root: Path) -> None:
        watched = self._watched.pop(root)
        if watched.task is not None and watched.task is not asyncio.current_task():
            watched.task.cancel()
            await asyncio.wait([watched.task])
        await watched.watch.close()

    async def _run(self, root: Path, watched: _Watched) -> None:
        why = GONE
        try:
            async with aclosing(watched.watch.bursts()) as bursts:
                async for burst in bursts:
                    for listener in list(watched.listeners):
                        await listener.on_burst(burst)
        except PortError as error:
            why = str(error)
        async with self._opening:
            if self._watched.get(root) is watched:
                del self._watched[root]
            await watched.watch.close()
        for listener in watched.listeners:
            await listener.on_end(why)

    async def _ignored(self, root: Path) -> Ignored:
        return partial(self._git.ignored, root) if await self._git.find(root) else _made_by_tools


async def _made_by_tools(paths: Sequence[str]) -> Collection[str]:
    return {path for path in paths if not MADE_BY_TOOLS.isdisjoint(path.split("/"))}
