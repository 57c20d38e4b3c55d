"""What it costs to watch a large repository, and to keep a context of it: `python -m benchmarks.watching [--files N]`.

Each way of watching runs in a process of its own. Nothing outside a temporary folder is read or written.
"""

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.local.file_digests import LocalFileDigests
from session_mgmt_mcp.adapters.watchfiles import folders
from session_mgmt_mcp.adapters.watchfiles.watcher import WatchfilesWatcher
from session_mgmt_mcp.ports.file_watcher import Burst

IN_A_FOLDER = 10
IGNORED = 20_000  # files below node_modules, beside those that are counted
CHANGES = 200
REPETITIONS = 10
REST = 5.0  # seconds in which nothing changes


def make(root: Path, files: int) -> Path:
    """A repository of that many tracked files, ten in a folder, and as much that git ignores."""
    for number in range(files):
        folder = number // IN_A_FOLDER
        place = root / f"p{folder // 1000}" / f"q{folder // 100 % 10}" / f"r{folder // 10 % 10}" / f"s{folder % 10}"
        if number % IN_A_FOLDER == 0:
            place.mkdir(parents=True, exist_ok=True)
        (place / f"f{number % IN_A_FOLDER}.py").write_text(f"# {number}\n")
    for number in range(IGNORED):
        place = root / "node_modules" / f"m{number // IN_A_FOLDER}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number % IN_A_FOLDER}.js").write_text("x\n")
    (root / ".gitignore").write_text("node_modules/\n*.log\n")
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    return root


def resident() -> float:
    """MB of this process (Linux)."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return 0.0


def watches() -> int:
    """Of inotify, that this process holds (Linux)."""
    count = 0
    with suppress(OSError):
        for link in Path("/proc/self/fdinfo").iterdir():
            with suppress(OSError):
                count += link.read_text().count("inotify wd:")
    return count


async def of_ours(root: Path) -> dict[str, Any]:
    """The adapter: every folder that git does not ignore."""
    repository = SubprocessGitRepository()
    await WatchfilesWatcher().watch(root / "p0" / "q0" / "r0" / "s0", _nothing)  # imports are not what is asked for
    memory, cpu, start = resident(), time.process_time(), time.perf_counter()
    watch = await WatchfilesWatcher().watch(root, partial(repository.ignored, root))
    figures = {
        "start_s": round(time.perf_counter() - start, 3),
        "start_cpu_s": round(time.process_time() - cpu, 3),
        "folders": watch.folders,
        "watches": watches(),
        "resident_mb": round(resident() - memory, 1),
    }
    bursts: list[Burst] = []

    async def listen() -> None:
        async for burst in watch.bursts():
            bursts.append(burst)

    listening = asyncio.create_task(listen())
    cpu = time.process_time()
    await asyncio.sleep(REST)
    figures["rest_cpu_percent"] = round((time.process_time() - cpu) / REST * 100, 3)
    figures["one_change_ms"] = await _until(bursts, lambda: (root / "p0/q0/r0/s0/f0.py").write_text("changed\n"))
    cpu = time.process_time()
    figures["many_changes_ms"] = await _until(bursts, partial(_many, root), CHANGES)
    figures["many_changes_cpu_ms"] = round((time.process_time() - cpu) * 1_000, 1)
    figures["bursts"] = len(bursts)
    await watch.close()
    listening.cancel()
    return figures


async def of_the_tree(root: Path) -> dict[str, Any]:
    """watchfiles as it comes: one recursive watch, what git ignores included."""
    from watchfiles._rust_notify import RustNotify

    memory, cpu, start = resident(), time.process_time(), time.perf_counter()
    notify = await asyncio.to_thread(RustNotify, [str(root)], False, False, 0, True, False)
    figures = {
        "start_s": round(time.perf_counter() - start, 3),
        "start_cpu_s": round(time.process_time() - cpu, 3),
        "watches": watches(),
        "resident_mb": round(resident() - memory, 1),
    }
    notify.close()
    return figures


async def of_polling(root: Path) -> dict[str, Any]:
    """watchfiles looking at every file again and again, once a second."""
    from watchfiles._rust_notify import RustNotify

    start, memory = time.perf_counter(), resident()
    notify = await asyncio.to_thread(RustNotify, [str(root)], False, True, 1_000, True, False)
    started = time.perf_counter() - start
    cpu = time.process_time()
    await asyncio.sleep(REST)
    rest = (time.process_time() - cpu) / REST * 100
    notify.close()
    return {
        "start_s": round(started, 3),
        "resident_mb": round(resident() - memory, 1),
        "rest_cpu_percent": round(rest, 1),
    }


async def of_ignoring(root: Path) -> dict[str, Any]:
    """Which of 1, 50 and 1,000 paths are ignored: asked of git, and computed by pathspec from the root's file alone."""
    from pathspec import GitIgnoreSpec

    repository = SubprocessGitRepository()
    figures: dict[str, Any] = {}
    for count in (1, 50, 1_000):
        paths = [f"p0/q{n % 10}/r{n // 10 % 10}/s0/f{n}.{'log' if n % 2 else 'py'}" for n in range(count)]
        figures[f"git_{count}_cpu_ms"] = await _cost(lambda paths=paths: repository.ignored(root, paths))
        spec = GitIgnoreSpec.from_lines((root / ".gitignore").read_text().splitlines())
        start = time.process_time()
        for _ in range(REPETITIONS):
            set(spec.match_files(paths))
        figures[f"pathspec_{count}_cpu_ms"] = round((time.process_time() - start) / REPETITIONS * 1_000, 3)
    start = time.process_time()
    found = [Path(place) / name for place, _, names in os.walk(root) for name in names if name == ".gitignore"]
    figures["pathspec_finding_files_cpu_ms"] = round((time.process_time() - start) * 1_000, 1)
    figures["ignore_files"] = len(found)
    start = _spent()
    inner, _ = await folders.below(root, [""], partial(repository.ignored, root))
    figures["folders_below_cpu_ms"] = round((_spent() - start) * 1_000, 1)
    figures["folders"] = len(inner)
    return figures


async def of_a_context(root: Path) -> dict[str, Any]:
    """The parts of one context, with 50 changed files."""
    for number in range(50):
        (root / f"p0/q0/r{number % 10}/s{number // 10}/f1.py").write_text("changed\n" * 20)
    repository, digests = SubprocessGitRepository(), LocalFileDigests()
    state = await repository.state(root)
    assert state is not None
    paths = [one.path for one in state.changed]
    return {
        "changed": len(paths),
        "state_cpu_ms": await _cost(lambda: repository.state(root)),
        "diff_cpu_ms": await _cost(lambda: repository.diff(root)),
        "digests_cpu_ms": await _cost(lambda: digests.read(root, paths)),
    }


WAYS: dict[str, Callable[[Path], Awaitable[dict[str, Any]]]] = {
    "ours": of_ours,
    "whole tree": of_the_tree,
    "polling": of_polling,
    "ignoring": of_ignoring,
    "context": of_a_context,
}


async def _nothing(paths: Sequence[str]) -> set[str]:
    return set()


async def _until(bursts: list[Burst], change: Callable[[], object], files: int = 1) -> float:
    """Milliseconds from a change until all of its files have been told."""
    await asyncio.sleep(1.0)
    before, start = len(bursts), time.perf_counter()
    change()
    async with asyncio.timeout(30):
        while sum(len(burst.files) + burst.more for burst in bursts[before:]) < files:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return round((time.perf_counter() - start) * 1_000, 1)


def _many(root: Path) -> None:
    for number in range(CHANGES):
        (root / f"p0/q{number % 10}/r{number // 10 % 10}/s{number // 100}/f2.py").write_text("changed\n")


async def _cost(ask: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds of CPU that one question takes, git's own included: a busy machine does not change them much."""
    before = _spent()
    for _ in range(REPETITIONS):
        await ask()
    return round((_spent() - before) / REPETITIONS * 1_000, 1)


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000, help="tracked files of the repository")
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(asyncio.run(_of(asked.way, asked.root))))
        return
    home = Path(tempfile.mkdtemp(prefix="watching-"))
    try:
        root = make(home / "repository", asked.files)
        figures: dict[str, Any] = {"files": asked.files, "ignored_files": IGNORED}
        for way in WAYS:
            command = [sys.executable, "-m", "benchmarks.watching", "--way", way, "--root", str(root)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            figures[way] = json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip().splitlines()[-1]
        print(json.dumps(figures, indent=2))
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _of(way: str, root: Path) -> dict[str, Any]:
    return await WAYS[way](root)


if __name__ == "__main__":
    main()
