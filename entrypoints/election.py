"""Who is the hub of a data directory: whoever holds the kernel's lock on one file in it. Standard library only.

Nothing stale is ever left: the kernel drops the lock with its last holder. Whoever starts a hub takes the lock and hands
it on, so that it is held without a gap from the decision to the hub's last breath. What stands in the file is information.
"""

from __future__ import annotations

import json
import os
import time

from session_mgmt_mcp import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def take(data: str) -> int | None:
    """A descriptor that holds the lock, or None when somebody else does. Raises OSError when it cannot be tried."""
    import fcntl

    os.makedirs(data, mode=0o700, exist_ok=True)
    lock = os.open(places.hub_lock(data), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    if _still_there(lock, data):
        return lock
    os.close(lock)  # the file was removed between opening and locking: that lock is nobody's any more
    return None


def take_patiently(data: str, seconds: float) -> int | None:
    """Like `take`, but outlasts those who hold the lock for a moment only."""
    until = time.monotonic() + seconds
    while (lock := take(data)) is None and time.monotonic() < until:
        time.sleep(0.02)
    return lock


def holds(lock: int, data: str) -> bool:
    """Whether the lock still stands for `data`: the file may have been removed under its holder."""
    return _still_there(lock, data)


def announce(lock: int, **facts: Any) -> None:
    """Says who holds the lock and what they are about; only for its holder. A disk that is full leaves it unsaid."""
    line = json.dumps({**_here(), **facts}).encode() + b"\n"
    try:
        os.pwrite(lock, line.ljust(os.fstat(lock).st_size), 0)  # over what stood there: that needs no room
        os.ftruncate(lock, len(line))
    except OSError:
        return


def announced(data: str) -> dict[str, Any]:
    """What the last holder said; empty when nobody did."""
    try:
        with open(places.hub_lock(data), "rb") as file:
            said = json.loads(file.read(10_000) or b"{}")
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def is_elsewhere(holder: dict[str, Any]) -> bool:
    """Whether the holder runs on another machine or in another container, where its socket cannot be reached."""
    here = _here()
    if not holder.get("host"):
        return False
    if holder.get("boot") and here["boot"]:
        return bool(holder["boot"] != here["boot"] or holder.get("pid_namespace") != here["pid_namespace"])
    return bool(holder["host"] != here["host"])


def _here() -> dict[str, Any]:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        boot = namespace = ""
    return {
        "pid": os.getpid(),
        "host": os.uname().nodename,
        "boot": boot,
        "pid_namespace": namespace,
        "at": time.time(),
    }


def _still_there(lock: int, data: str) -> bool:
    try:
        there = os.stat(places.hub_lock(data))
    except OSError:
        return False
    mine = os.fstat(lock)
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)
