"""`session-mgmt-mcp hook EVENT`: tells the hub that something happened. Silent, quick, exit code 0 whatever happens.

Standard library only, and little of it: this runs several times a minute, between a user and their work.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

GUARD = "SESSION_MGMT_GUARD"  # set for our own subprocesses, so that what they do is not taken for the user's work
MAX_INPUT = 16 * 1024 * 1024
CONNECT_SECONDS = 0.1
ANSWER_SECONDS = 0.25
# Never prompts, tool input or tool output: they may hold secrets, and the transcript has them anyway.
KEPT = (
    "session_id",
    "transcript_path",
    "agent_transcript_path",
    "agent_id",
    "cwd",
    "source",
    "reason",
    "trigger",
    "tool_use_id",
)
LONGEST_VALUE = 4_096


def main(event: str) -> int:
    if os.environ.get(GUARD):
        return 0
    try:
        _tell(event)
    except Exception:  # a hook that fails would stop the user's turn
        return 0
    return 0


def _tell(name: str) -> None:
    import time

    from session_mgmt_mcp import places, spool

    now = time.time()
    event = {"id": f"{now:.6f}-{os.getpid()}", "event": name[:64], "at": now, **_kept(_input())}
    data = places.data_dir()
    if not _deliver(data, event):
        spool.leave(data, event)


def _input() -> dict[str, Any]:
    import json

    if os.isatty(0):
        return {}
    raw = bytearray()
    while len(raw) <= MAX_INPUT and (chunk := os.read(0, 65_536)):
        raw += chunk
    said = json.loads(raw) if raw and len(raw) <= MAX_INPUT else {}
    return said if isinstance(said, dict) else {}


def _kept(said: dict[str, Any]) -> dict[str, str]:
    return {key: said[key] for key in KEPT if isinstance(said.get(key), str) and len(said[key]) <= LONGEST_VALUE}


def _deliver(data: str, event: dict[str, Any]) -> bool:
    """Whether the hub said it has the event; anything else leaves it to the spool."""
    import json
    import socket

    from session_mgmt_mcp import places
    from session_mgmt_mcp.wire import hello

    path = places.hub_socket(data)
    try:
        if places.distrust(os.path.dirname(path)):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as hub:
            hub.settimeout(CONNECT_SECONDS)
            hub.connect(path)
            hub.sendall(json.dumps(hello("hook")).encode() + b"\n" + json.dumps(event).encode() + b"\n")
            hub.settimeout(ANSWER_SECONDS)
            return _acknowledged(hub)
    except OSError:
        return False


def _acknowledged(hub: socket.socket) -> bool:
    heard = b""
    while heard.count(b"\n") < 2:
        chunk = hub.recv(4_096)
        if not chunk:
            return False
        heard += chunk
    return heard.split(b"\n")[1] == b'{"taken":true}'
