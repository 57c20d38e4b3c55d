"""What a document costs on this machine's disk: `python -m benchmarks.documents`, figures as JSON."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from session_mgmt_mcp.adapters.local import session_storage
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage

from benchmarks.figures import p99

BODY = {"state": "open", "text": "x" * 2_000}
DOCUMENTS = 10_000
WRITES = 300
AT_ONCE = 4


async def fill(storage: LocalSessionStorage, count: int, prefix: str = "d") -> None:
    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(storage.put("s", f"{prefix}{n:06}", BODY) for n in range(start, start + AT_ONCE)))


async def milliseconds(times: int, **steps: Callable[[int], Awaitable[object]]) -> dict[str, dict[str, float]]:
    """Of each step, taking turns: what else the disk does strikes all of them."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for n in range(times):
        for name, step in steps.items():
            began = time.perf_counter()
            await step(n)
            taken[name].append(1_000 * (time.perf_counter() - began))
    return {name: {"p50": round(median(some), 2), "p99": round(p99(some), 2)} for name, some in taken.items()}


def bare_replacement(folder: Path, n: int) -> None:
    """The floor: a file written beside another, synchronised, put in its place, and the folder synchronised."""
    with (folder / "new").open("wb") as stream:
        stream.write(b"x" * 2_200)
        stream.flush()
        os.fsync(stream.fileno())
    (folder / "new").replace(folder / f"f{n % 50}")
    opened = os.open(folder, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)


def two_processes(folder: Path, locks: int) -> int:
    """Writes a second of two processes with four writers each."""
    code = "import asyncio, sys; from benchmarks.documents import child; asyncio.run(child(*sys.argv[1:]))"
    began = time.perf_counter()
    writers = [subprocess.Popen([sys.executable, "-c", code, str(folder), str(locks), name]) for name in "ab"]
    for writer in writers:
        writer.wait()
    return round(2 * WRITES * AT_ONCE / (time.perf_counter() - began - starting()))


def starting() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import benchmarks.documents"], check=True)
    return time.perf_counter() - began


async def child(folder: str, locks: str, name: str) -> None:
    session_storage.LOCKS = int(locks)
    await fill(LocalSessionStorage(Path(folder)), WRITES * AT_ONCE, name)


async def figures(folder: Path) -> dict[str, object]:
    storage = LocalSessionStorage(folder / "one")
    await fill(storage, DOCUMENTS)
    (folder / "bare").mkdir()

    async def bare(n: int) -> None:
        await asyncio.to_thread(bare_replacement, folder / "bare", n)

    return {
        "ms": await milliseconds(
            WRITES,
            bare_replacement=bare,
            put=lambda n: storage.put("s", f"d{n:06}", BODY),
            get=lambda n: storage.get("s", f"d{n:06}"),
        ),
        f"ms, of {DOCUMENTS:,}": await milliseconds(
            5,
            hundred_by_prefix=lambda n: storage.list("s", f"d{n:04}"),
            none_by_field=lambda n: storage.list("s", "", {"state": n}),
        ),
        "writes a second, two processes, by locks": {
            n: await asyncio.to_thread(two_processes, folder / f"locks{n}", n) for n in (1, 2, 4, 8, 16)
        },
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(figures(Path(folder))), indent=2))


if __name__ == "__main__":
    main()
