"""What a front door and the hub say to each other before anything else. Standard library only.

A client opens with one line, `{"hello": 1, ...}`; the hub answers with one: its version and the names of the tools that
may be called twice, or that it is leaving. Then the role decides: "mcp" carries JSON-RPC lines both ways, "control" one
verb, "hook" one event. On an "mcp" connection a line that begins with `{"hub":` is for the shim, not for its client.
"""

from __future__ import annotations

import os

from session_mgmt_mcp.version import VERSION

TYPE_CHECKING = False  # typing costs 10 ms, a third of what the shim may take
if TYPE_CHECKING:
    from typing import Any

MAX_LINE = 32 * 1024 * 1024
LEAVING = b'{"hub":"leaving"}\n'


class Unreachable(Exception):
    """No hub can be had; `str(error)` is one sentence that says why and what to do."""


class NoHub(Unreachable):
    """None is running, and none was to be started."""


def hello(role: str) -> dict[str, Any]:
    """Who is calling: never the environment, only the few things the hub needs."""
    try:
        cwd = os.getcwd()
    except OSError:
        cwd = ""
    return {
        "hello": 1,
        "role": role,
        "version": VERSION,
        "cwd": cwd,
        "project_dir": os.environ.get("CLAUDE_PROJECT_DIR", ""),
        "session_id": os.environ.get("CLAUDE_CODE_SESSION_ID", ""),
        "client_pid": os.getppid(),
    }


def newer(one: str, other: str) -> bool:
    """Whether version `one` comes after `other`, compared number by number; what is no number counts as 0."""
    return _numbers(one) > _numbers(other)


def _numbers(version: str) -> list[int]:
    numbers = [int(part) if part.isascii() and part.isdigit() and len(part) < 10 else 0 for part in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers
