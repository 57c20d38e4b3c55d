"""What the command line says to the hub: one verb, some progress, one result. Standard library only."""

from __future__ import annotations

import json
import time

from session_mgmt_mcp import places
from session_mgmt_mcp.dial import HUB_COMMAND, PATIENCE, reach
from session_mgmt_mcp.wire import NoHub, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from session_mgmt_mcp.dial import Link


class ControlError(Exception):
    """`kind` is the name of a port's error, "NoHub", "Unavailable" or "Failed"; `message` is one sentence."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def call(
    verb: str,
    args: dict[str, Any] | None = None,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
    spawn: bool = True,
    timeout: float | None = None,
    *,
    data: str = "",
    command: tuple[str, ...] = HUB_COMMAND,
) -> dict[str, Any]:
    """The verb's result. `timeout` counts from the last word of the hub. Raises ControlError."""
    try:
        link = reach("control", data or places.data_dir(), spawn=spawn, command=command)
    except NoHub as error:
        raise ControlError("NoHub", str(error)) from None
    except Unreachable as error:
        raise ControlError("Unavailable", str(error)) from None
    with link.socket:
        link.socket.settimeout(PATIENCE if timeout is None else timeout)
        try:
            link.socket.sendall(json.dumps({"verb": verb, "args": args or {}}).encode() + b"\n")
            for line in _lines(link, data or places.data_dir(), patient=timeout is None):
                said = json.loads(line)
                if "result" in said:
                    return dict(said["result"])
                if "error" in said:
                    raise ControlError(said["error"]["kind"], said["error"]["message"])
                if on_progress is not None and "progress" in said:
                    on_progress(said["progress"])
        except Unreachable as error:
            raise ControlError("Unavailable", str(error)) from None
        except TimeoutError:
            raise ControlError("Unavailable", f"The hub said nothing for {timeout:g} seconds: try again.") from None
        except OSError:
            pass
    raise ControlError("Unavailable", f"The hub ended before {verb} was done: run it again.")


def wait_gone(data: str = "", timeout: float = 30.0) -> bool:
    """Whether the hub that was told to stop is gone, its database closed, within `timeout` seconds."""
    import os

    from session_mgmt_mcp import election

    until = time.monotonic() + timeout
    while time.monotonic() < until:
        lock = election.take(data or places.data_dir())
        if lock is not None:
            os.close(lock)
            return True
        time.sleep(0.02)
    return False


def _lines(link: Link, data: str, *, patient: bool) -> Iterator[bytes]:
    """Until the hub ends. `patient`: a verb may take as long as it likes, if only the hub still greets others."""
    pending = link.rest
    while True:
        *whole, pending = pending.split(b"\n")
        yield from whole
        try:
            chunk = link.socket.recv(1_048_576)
        except TimeoutError:
            if not patient:
                raise
            try:
                reach("probe", data, spawn=False).socket.close()
            except NoHub:
                return
            continue
        if not chunk:
            return
        pending += chunk
