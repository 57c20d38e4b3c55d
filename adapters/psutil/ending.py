"""Ends all that a run has started: it carries the tag of the run, or lives in its session, or is a child of such.

A tag stands in the environment, which children inherit whatever becomes of their parents, groups and sessions. It names the
process that started the run, so that a later one can tell what nobody will end any more.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

if TYPE_CHECKING:
    import psutil

Processes: TypeAlias = "set[psutil.Process]"

TAG = "SESSION_MGMT_RUN"
GUARD = {"SESSION_MGMT_GUARD": "1"}  # hooks of ours below such a process do nothing
GRACE = 2.0  # seconds from SIGTERM to SIGKILL
LINGER = 0.2  # seconds in which what outlives its program may end by itself
KILLING = 5.0  # seconds; what is still there then cannot be killed
LOOKS = 0.05  # seconds between two of them


def new_tag(birth: Callable[[int], str]) -> str:
    return f"{os.getpid()}:{birth(os.getpid())}:{uuid4().hex}"


def tagged(environment: Mapping[str, str], tag: str) -> dict[str, str]:
    """The tag goes after those of the runs that we are in ourselves, which shall find it, too."""
    return {**GUARD, TAG: f"{environment.get(TAG, '')} {tag}".strip()}


async def end(tag: str, leader: int | None, *, exited: bool = False) -> int:
    """Returns when nothing of the run is left; how many processes had left its session, or outlived its `leader`."""

    def look() -> tuple[Processes, int]:
        found = _with_children(_of_run(tag, leader))
        return found, sum(1 for one in found if one.pid != leader and (exited or _session(one.pid) != leader))

    if exited:
        await _until_none(look, LINGER)
    return await _end(look, grace=0 if exited else GRACE)


async def end_orphans(birth: Callable[[int], str]) -> int:
    """Ends what carries a tag whose process is gone; how many there were."""

    def look() -> tuple[Processes, int]:
        found = _with_children(_orphans(birth))
        return found, len(found)

    return await _end(look, grace=GRACE)


Look: TypeAlias = "Callable[[], tuple[Processes, int]]"


async def _end(look: Look, grace: float) -> int:
    found, counted = await asyncio.to_thread(look)
    if found and grace:
        _signal(found, signal.SIGTERM)
        found, _ = await _until_none(look, grace)
    until = time.monotonic() + KILLING
    while found and time.monotonic() < until:
        _signal(found, signal.SIGKILL)
        found, _ = await _until_none(look, LOOKS)
    return counted


async def _until_none(look: Look, seconds: float) -> tuple[Processes, int]:
    until = time.monotonic() + seconds
    while True:
        seen = await asyncio.to_thread(look)
        left = until - time.monotonic()
        if not seen[0] or left <= 0:
            return seen
        await asyncio.sleep(min(LOOKS, left))


def _signal(processes: Iterable["psutil.Process"], number: signal.Signals) -> None:
    import psutil

    for one in processes:
        with suppress(psutil.Error, OSError):
            one.send_signal(number)  # not if another process has that id by now


def _of_run(tag: str, leader: int | None) -> Processes:
    return {one for one in _living() if tag in _tags(one) or (leader and _session(one.pid) == leader)}


def _orphans(birth: Callable[[int], str]) -> Processes:
    gone: dict[str, bool] = {}
    found = set()
    for one in _living():
        for tag in _tags(one):
            if tag not in gone:
                gone[tag] = _is_gone(tag, birth)
            if gone[tag] and _sees_our_processes(one.pid):
                found.add(one)
    return found


def _is_gone(tag: str, birth: Callable[[int], str]) -> bool:
    pid, _, rest = tag.partition(":")
    born = rest.rpartition(":")[0]
    return pid.isdecimal() and bool(born) and birth(int(pid)) != born


def _sees_our_processes(pid: int) -> bool:
    """Not so in another container, where the same ids are other processes."""
    ours = Path("/proc/self/ns/pid")
    try:
        return not ours.exists() or Path(f"/proc/{pid}/ns/pid").readlink() == ours.readlink()
    except OSError:
        return False


def _living() -> Iterable["psutil.Process"]:
    import psutil

    mine = os.getpid()
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            if pid != mine and (one := psutil.Process(pid)).status() != psutil.STATUS_ZOMBIE:
                yield one


def _with_children(found: Processes) -> Processes:
    import psutil

    whole, mine = set(found), os.getuid()
    for one in found:
        with suppress(psutil.Error, OSError):
            whole.update(child for child in one.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE)
    return {one for one in whole if one.pid != os.getpid() and _owner(one) == mine}


def _tags(process: "psutil.Process") -> list[str]:
    import psutil

    try:
        return str(process.environ().get(TAG, "")).split()
    except (psutil.Error, OSError):
        return []


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _owner(process: "psutil.Process") -> int:
    import psutil

    try:
        return int(process.uids().real)
    except (psutil.Error, OSError):
        return -1
