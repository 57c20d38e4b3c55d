"""Real files in a real repository, watched."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.watchfiles import folders
from session_mgmt_mcp.adapters.watchfiles.watcher import WatchfilesWatcher
from session_mgmt_mcp.contracts.file_watcher import FileWatcherContract, Heard, ignore_logs
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.file_watcher import MOST_FILES, Change

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="counts the watches of inotify")


class RealPlayground:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / ".git").mkdir(parents=True)
        (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (root / "cart.py").write_text("# cart\n")

    async def write(self, *paths: str) -> None:
        for path in paths:
            with (self.root / path).open("a") as file:
                file.write("x\n")

    async def delete(self, path: str) -> None:
        (self.root / path).unlink()

    async def check_out(self) -> None:
        (self.root / ".git" / "index").write_text("x")
        (self.root / ".git" / "HEAD").write_text("ref: refs/heads/other\n")

    async def vanish(self) -> None:
        shutil.rmtree(self.root)


class TestWatchfilesWatcher(FileWatcherContract):
    @pytest.fixture
    def watcher(self) -> WatchfilesWatcher:
        return WatchfilesWatcher()

    @pytest.fixture
    def playground(self, tmp_path: Path) -> RealPlayground:
        return RealPlayground(tmp_path / "my code ü")


@pytest.fixture
async def listen(desk):
    """`await listen()`: what a watch on the desk's repository tells from now on, ignoring what git ignores."""
    opened = []

    async def listen(root: Path = desk.root) -> Heard:
        repository = SubprocessGitRepository()
        watch = await WatchfilesWatcher().watch(root, partial(repository.ignored, root))
        heard = Heard(watch)
        heard.folders = lambda: watch.folders
        opened.append((heard, watch))
        return heard

    yield listen
    for heard, watch in opened:
        await heard.stop()
        await watch.close()


async def settled(heard: Heard, desk, name: str = "über.py") -> set[str]:
    """All that was told, once what is written last has been."""
    await asyncio.sleep(0.3)
    desk.write(name, "the end\n")
    await heard.path(name)
    return set(heard.changes) - {name}


async def test_what_git_ignores_is_not_told_and_its_folders_are_not_watched(listen, desk):
    desk.write(".gitignore", "*.log\nbuild/\nnode_modules\n")
    desk.write("src/.gitignore", "*.tmp\n!keep.tmp\n")
    desk.write("src/a.py", "a\n")
    for n in range(20):
        desk.write(f"node_modules/m{n}/index.js", "x\n")
    desk.write("build/deep/er/out.js", "x\n")
    heard = await listen()
    if sys.platform == "linux":
        assert heard.folders() == 2
    for name in ("x.log", "build/deep/er/out.js", "node_modules/m3/index.js", "src/b.tmp", "src/keep.tmp", "src/a.py"):
        desk.write(name, "changed\n")
    assert await settled(heard, desk) == {"src/keep.tmp", "src/a.py"}


async def test_a_tracked_file_in_an_ignored_folder_is_told(listen, desk):
    desk.write("build/tracked.py", "x\n")
    desk.git("add", "build")
    desk.git("commit", "-qm", "second")
    desk.write(".gitignore", "build/\n")
    heard = await listen()
    desk.write("build/tracked.py", "changed\n")
    desk.write("build/untracked.py", "x\n")
    assert await settled(heard, desk) == {"build/tracked.py"}


async def test_a_folder_that_appears_is_watched_with_what_is_already_in_it(listen, desk):
    desk.write(".gitignore", "node_modules\n")
    heard = await listen()
    desk.write("new/deep/a.py", "a\n")
    desk.write("node_modules/x/index.js", "x\n")
    assert await heard.path("new/deep/a.py") is Change.ADDED
    await asyncio.sleep(0.5)
    desk.write("new/deep/a.py", "changed\n")
    desk.write("new/deep/b.py", "b\n")
    await heard.path("new/deep/b.py")
    assert not any("node_modules" in path for path in heard.changes)


async def test_a_folder_that_is_replaced_by_one_of_its_name_is_watched_again(listen, desk):
    desk.write("src/a.py", "a\n")
    heard = await listen()
    watched = heard.folders()
    shutil.rmtree(desk.root / "src")
    await heard.path("src/a.py")
    if sys.platform == "linux":
        assert heard.folders() == watched - 1
    desk.write("src/b.py", "again\n")
    await heard.path("src/b.py")
    await asyncio.sleep(1.0)
    desk.write("src/c.py", "c\n")
    await heard.path("src/c.py")


async def test_no_link_leads_out_of_the_root(listen, desk, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (desk.root / "link").symlink_to(outside)
    heard = await listen()
    (desk.root / "later").symlink_to(outside)
    await heard.path("later")
    (outside / "secret").write_text("x")
    assert await settled(heard, desk) == {"later"}


async def test_another_repository_within_is_left_out(listen, desk):
    desk.git("worktree", "add", "-q", str(desk.root / "trees" / "fix"), "-b", "fix")
    heard = await listen()
    desk.write("trees/fix/cart.py", "x\n")
    assert await settled(heard, desk) == set()


async def test_a_real_checkout_is_told_in_a_repository_and_in_a_worktree(listen, desk, tmp_path):
    desk.git("worktree", "add", "-q", str(tmp_path / "shop-fix"), "-b", "fix")
    main, tree = await listen(), await listen(tmp_path / "shop-fix")
    desk.git("switch", "-q", "-c", "other")
    await settled(main, desk)
    assert any(burst.head for burst in main.bursts) and not any(burst.head for burst in tree.bursts)
    subprocess.run(["git", "checkout", "-q", "--detach"], cwd=tmp_path / "shop-fix", check=True)
    (tmp_path / "shop-fix" / "cart.py").write_text("x\n")
    await tree.path("cart.py")
    assert any(burst.head for burst in tree.bursts)


async def test_a_commit_tells_nothing(listen, desk):
    desk.write("cart.py", "changed\n")
    await asyncio.sleep(0.2)
    heard = await listen()
    desk.git("commit", "-qam", "second")
    assert await settled(heard, desk) == set() and not any(burst.head for burst in heard.bursts)


async def test_what_comes_and_goes_within_a_burst_is_not_told_and_what_is_replaced_is_one_change(listen, desk):
    heard = await listen()
    for n in range(3):
        desk.write(f"cart.py.{n}", f"{n}\n").replace(desk.root / "cart.py")
    assert await settled(heard, desk) == {"cart.py"}


async def test_a_root_that_is_put_in_the_place_of_another_one_is_another_one(listen, desk, tmp_path):
    heard = await listen()
    desk.root.rename(tmp_path / "moved")
    desk.root.mkdir()
    await asyncio.wait_for(heard.over.wait(), 10)


async def test_of_too_many_files_the_rest_is_counted(listen, desk):
    (desk.root / "many").mkdir()
    heard = await listen()
    for n in range(MOST_FILES + 300):
        (desk.root / "many" / f"{n}.txt").touch()
    seen: set[str] = set()
    async with asyncio.timeout(20):
        while sum(len(burst.files) + burst.more for burst in heard.bursts) < MOST_FILES + 300:
            await asyncio.sleep(0.1)
    seen = set(heard.changes)
    assert all(len(burst.files) <= MOST_FILES for burst in heard.bursts) and seen


async def test_more_folders_than_can_be_meant_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MOST_FOLDERS", 5)
    for n in range(6):
        (tmp_path / "root" / str(n)).mkdir(parents=True)
    with pytest.raises(Unavailable, match="more than 5 folders"):
        await WatchfilesWatcher().watch(tmp_path / "root", ignore_logs)


async def test_a_folder_that_may_not_be_read_stands_in_nobodys_way(tmp_path):
    playground = RealPlayground(tmp_path / "root")
    (playground.root / "closed").mkdir(mode=0o000)
    watch = await WatchfilesWatcher().watch(playground.root, ignore_logs)
    await watch.close()


LIMITED = """
import asyncio, sys
from pathlib import Path
from session_mgmt_mcp.adapters.watchfiles.watcher import WatchfilesWatcher
from session_mgmt_mcp.ports.errors import Unavailable
async def none(paths): return ()
async def main():
    try:
        await WatchfilesWatcher().watch(Path(sys.argv[1]), none)
    except Unavailable as error:
        print(error)
asyncio.run(main())
"""


@LINUX
@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("max_inotify_watches", "fs.inotify.max_user_watches"),
        ("max_inotify_instances", "fs.inotify.max_user_instances"),
    ],
)
def test_where_the_system_grants_no_more_it_is_said_what_to_do(tmp_path, limit, said):
    """In a user namespace of its own, so that nobody else's limit is touched."""
    for n in range(10):
        (tmp_path / "root" / str(n)).mkdir(parents=True)
    limited = f'echo 0 > /proc/sys/user/{limit} && exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", limited, "sh", sys.executable, "-c", LIMITED, str(tmp_path / "root")]
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-Ur", "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ, timeout=60)
    assert said in done.stdout and done.stdout.count("\n") == 1, done.stderr


async def test_a_closed_watch_leaves_no_thread_and_no_descriptor(tmp_path):
    playground = RealPlayground(tmp_path / "root")
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("counts descriptors in /proc")

    async def once() -> None:
        watch = await WatchfilesWatcher().watch(playground.root, ignore_logs)
        heard = Heard(watch)
        await playground.write("cart.py")
        await heard.path("cart.py")
        await heard.stop()
        await watch.close()

    def opened(link: Path) -> str:
        try:
            return str(link.readlink())
        except FileNotFoundError:
            return ""  # it was this very look

    def held() -> tuple[int, int]:
        return sum("inotify" in opened(link) for link in descriptors.iterdir()), sum(
            thread.name.startswith("watching") for thread in threading.enumerate()
        )

    before = held()
    for _ in range(3):
        await once()
    async with asyncio.timeout(5):
        while held() != before:
            await asyncio.sleep(0.05)
