"""Hook events that no hub could take: one small file each, until a hub picks them up. Standard library only."""

from __future__ import annotations

import json
import os
import time

from session_mgmt_mcp import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CAPACITY = 5_000  # beyond it events are dropped: the transcripts are the truth, an event only says where to look
MOST_AT_ONCE = 500
UNFINISHED_SECONDS = 60
BAD = "bad"


def leave(data: str, event: dict[str, Any]) -> bool:
    """Writes one event, whole or not at all; False when the spool is full. Raises OSError."""
    folder = places.spool(data)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if len(os.listdir(folder)) >= CAPACITY:
        return False
    name = f"{time.time_ns():020d}-{os.getpid()}"
    unfinished = os.path.join(folder, f".{name}.tmp")
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            rest = json.dumps(event).encode() + b"\n"
            while rest:
                rest = rest[os.write(file, rest) :]
        finally:
            os.close(file)
        os.rename(unfinished, os.path.join(folder, f"{name}.json"))
    except BaseException:
        os.unlink(unfinished)
        raise
    return True


def waiting(data: str) -> int:
    """Events that no hub has taken yet."""
    return sum(name.endswith(".json") for name in _names(places.spool(data)))


def damaged(data: str) -> str:
    """What is to be said about events that could not be used; empty when there are none."""
    folder = os.path.join(places.spool(data), BAD)
    count = len(_names(folder))
    return f"Hook events that could not be used are in {folder} ({count}): look and remove." if count else ""


def drain(data: str, take: Callable[[dict[str, Any]], object]) -> tuple[int, int]:
    """Hands every event to `take`, oldest first, and removes it; what cannot be used moves to `bad/`. Taken, moved."""
    folder = places.spool(data)
    there = _names(folder)
    _forget_unfinished(folder, there)
    names = sorted(name for name in there if name.endswith(".json"))
    taken = 0
    names = names[:MOST_AT_ONCE]
    for name in names:
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as file:
                event = json.loads(file.read())
            if not isinstance(event, dict):
                raise ValueError("an event is an object")
            take(event)
        except Exception:  # whatever is wrong with one event must not keep the others waiting
            _set_aside(folder, name)
        else:
            os.unlink(path)
            taken += 1
    return taken, len(names) - taken


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _forget_unfinished(folder: str, names: list[str]) -> None:
    """Of hooks that were killed while they wrote: they take milliseconds."""
    for name in names:
        if name.endswith(".tmp"):
            path = os.path.join(folder, name)
            try:
                if time.time() - os.stat(path).st_mtime > UNFINISHED_SECONDS:
                    os.unlink(path)
            except OSError:
                continue


def _set_aside(folder: str, name: str) -> None:
    bad = os.path.join(folder, BAD)
    os.makedirs(bad, mode=0o700, exist_ok=True)
    os.replace(os.path.join(folder, name), os.path.join(bad, name))
