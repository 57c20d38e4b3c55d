"""What every FileWatcher does."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

import pytest
from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.file_watcher import Burst, Change, FileWatcher, Watch

SECONDS = 10.0
QUIET = 0.5


class Playground(Protocol):
    """A folder that is watched; it holds `cart.py`, and `.git/HEAD`."""

    root: Path

    async def write(self, *paths: str) -> None: ...
    async def delete(self, path: str) -> None: ...
    async def check_out(self) -> None: ...
    async def vanish(self) -> None: ...


async def ignore_logs(paths: Sequence[str]) -> set[str]:
    return {path for path in paths if path.endswith(".log") or "node_modules" in path}


class Heard:
    """Everything that a watch told so far."""

    def __init__(self, watch: Watch) -> None:
        self.bursts: list[Burst] = []
        self.over = asyncio.Event()
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._listen(watch))

    async def _listen(self, watch: Watch) -> None:
        async with aclosing(watch.bursts()) as bursts:
            async for burst in bursts:
                self.bursts.append(burst)
                self._news.set()
        self.over.set()

    @property
    def changes(self) -> dict[str, Change]:
        return {change.path: change.change for burst in self.bursts for change in burst.files}

    async def path(self, path: str) -> Change:
        async with asyncio.timeout(SECONDS):
            while path not in self.changes:
                self._news.clear()
                await self._news.wait()
        return self.changes[path]

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


class FileWatcherContract:
    """Subclass it and give `watcher` and `playground`."""

    @pytest.fixture
    async def heard(self, watcher: FileWatcher, playground: Playground) -> AsyncGenerator[Heard, None]:
        watch = await watcher.watch(playground.root, ignore_logs)
        heard = Heard(watch)
        yield heard
        await heard.stop()
        await watch.close()

    async def test_what_is_written_and_deleted_is_told(self, heard: Heard, playground: Playground) -> None:
        await playground.write("cart.py")
        assert await heard.path("cart.py") is Change.MODIFIED
        await playground.delete("cart.py")
        await playground.write("preis ü.py")
        await heard.path("preis ü.py")
        assert heard.changes["cart.py"] is Change.DELETED

    async def test_what_is_ignored_is_never_told(self, heard: Heard, playground: Playground) -> None:
        await playground.write("build.log", "cart.py")
        await heard.path("cart.py")
        await asyncio.sleep(QUIET)
        assert set(heard.changes) == {"cart.py"}

    async def test_many_writes_at_once_are_few_bursts(self, heard: Heard, playground: Playground) -> None:
        await playground.write(*["cart.py"] * 50)
        await heard.path("cart.py")
        await asyncio.sleep(QUIET)
        assert len(heard.bursts) <= 3 and not any(burst.head for burst in heard.bursts)

    async def test_a_checkout_is_told_as_that(self, heard: Heard, playground: Playground) -> None:
        await playground.check_out()
        await playground.write("cart.py")
        await heard.path("cart.py")
        assert [burst.head for burst in heard.bursts].count(True) == 1
        assert set(heard.changes) == {"cart.py"}

    async def test_when_the_root_is_gone_the_bursts_end(self, heard: Heard, playground: Playground) -> None:
        await playground.vanish()
        await asyncio.wait_for(heard.over.wait(), SECONDS)

    async def test_what_changed_before_anybody_listened_is_told(
        self, watcher: FileWatcher, playground: Playground
    ) -> None:
        watch = await watcher.watch(playground.root, ignore_logs)
        await playground.write("cart.py")
        heard = Heard(watch)
        await heard.path("cart.py")
        await heard.stop()
        await watch.close()

    async def test_a_watch_that_is_closed_tells_nothing_more(
        self, watcher: FileWatcher, playground: Playground
    ) -> None:
        watch = await watcher.watch(playground.root, ignore_logs)
        heard = Heard(watch)
        await watch.close()
        await watch.close()
        await asyncio.wait_for(heard.over.wait(), SECONDS)
        assert not heard.bursts

    async def test_a_root_that_is_not_there_is_refused(self, watcher: FileWatcher, playground: Playground) -> None:
        await playground.vanish()
        with pytest.raises(NotFound, match="no folder"):
            await watcher.watch(playground.root, ignore_logs)
