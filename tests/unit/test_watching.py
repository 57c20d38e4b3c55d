"""One watch a root, however many listen."""

import asyncio
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.memory.file_watcher import MemoryFileWatcher
from session_mgmt_mcp.domain.watching import Listener, Watching
from session_mgmt_mcp.ports.errors import NotFound, Unavailable
from session_mgmt_mcp.ports.file_watcher import Burst
from session_mgmt_mcp.ports.git_repository import Repository

SHOP, PLAIN = Path("/code/shop"), Path("/code/plain")


class FakeGit:
    async def find(self, folder: Path) -> Repository | None:
        return Repository(SHOP, SHOP / ".git", "main") if folder == SHOP else None

    async def ignored(self, folder: Path, paths: list[str]) -> frozenset[str]:
        return frozenset(path for path in paths if path.endswith(".log"))


class Ear:
    """A listener that writes down what it hears."""

    def __init__(self, root: Path = SHOP) -> None:
        self.files: list[str] = []
        self.ends: list[str] = []
        self.listener = Listener(root, self._on_burst, self._on_end)

    async def _on_burst(self, burst: Burst) -> None:
        self.files += [change.path for change in burst.files]

    async def _on_end(self, why: str) -> None:
        self.ends.append(why)


@pytest.fixture
def watcher() -> MemoryFileWatcher:
    return MemoryFileWatcher()


@pytest.fixture
async def watching(watcher):
    watching = Watching(watcher, FakeGit())
    yield watching
    await watching.close()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_all_who_listen_hear_the_same_and_the_last_to_leave_ends_the_watch(watching, watcher):
    one, other = Ear(), Ear()
    await watching.listen(one.listener)
    watch = watcher.watches[SHOP]
    await watching.listen(other.listener)
    assert watcher.watches[SHOP] is watch
    await watch.tell("a.py", "b.log")
    await settled()
    assert one.files == other.files == ["a.py"]
    await watching.leave(one.listener)
    await watch.tell("c.py")
    await settled()
    assert one.files == ["a.py"] and other.files == ["a.py", "c.py"] and not watch.closed
    await watching.leave(other.listener)
    await watching.leave(other.listener)
    assert watch.closed and one.ends == other.ends == []


async def test_outside_of_git_what_tools_make_is_left_out(watching, watcher):
    ear = Ear(PLAIN)
    await watching.listen(ear.listener)
    await watcher.watches[PLAIN].tell("a.log", "node_modules/x/index.js", "src/__pycache__/a.pyc", "src/a.py")
    await settled()
    assert ear.files == ["a.log", "src/a.py"]


async def test_a_root_that_goes_ends_it_for_all_and_may_be_watched_again(watching, watcher):
    one, other = Ear(), Ear()
    await watching.listen(one.listener)
    await watching.listen(other.listener)
    watcher.watches[SHOP].vanish()
    await settled()
    assert one.ends == other.ends == ["The folder is gone."] and watcher.watches[SHOP].closed
    again = Ear()
    await watching.listen(again.listener)
    await watcher.watches[SHOP].tell("a.py")
    await settled()
    assert again.files == ["a.py"] and one.files == []


async def test_a_watch_that_fails_says_why(watching, watcher, monkeypatch):
    ear = Ear()
    await watching.listen(ear.listener)

    async def fail(told: Burst) -> None:
        raise Unavailable("Watching ended: start it again.")

    ear.listener.on_burst = fail
    await watcher.watches[SHOP].tell("a.py")
    await settled()
    assert ear.ends == ["Watching ended: start it again."]


async def test_what_cannot_be_watched_is_refused_and_leaves_nothing(watching, watcher):
    watcher.gone.add(SHOP)
    with pytest.raises(NotFound):
        await watching.listen(Ear().listener)
    watcher.gone.clear()
    assert await watching.listen(Ear().listener) == 1
