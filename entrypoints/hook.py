"""`session-mgmt-mcp hook EVENT`: tells the hub that something happened, and hands its client what the hub has to say.

Quick, never an error, exit code 0 whatever happens.
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
ASKING = {"SessionStart": 8.0, "UserPromptSubmit": 0.5, "PreCompact": 2.0}  # seconds, at most, to wait for an answer
IN_PROCESS = "in-process"  # nobody answers hooks then
SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash", "busybox", "fish", "env", "timeout")
OFF = ("0", "false", "no", "off")
MOST_CONTEXT = 10_000  # characters; the client takes no more
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
    said = _input()
    asks = name in ASKING and not _is_notification(said)
    event = {"id": f"{now:.6f}-{os.getpid()}", "event": name[:64], "at": now, "asks": asks, **_kept(said)}
    if project := os.environ.get("CLAUDE_PROJECT_DIR", "")[:LONGEST_VALUE]:
        event["project_dir"] = project
    if name == "SessionStart":
        event["client_pid"] = _client()
    if os.environ.get("SESSION_MGMT_BRIEFING", "").lower() in OFF:
        event["briefing"] = False
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


def _client() -> int:
    """The process whose hook this is, beyond the shell that it runs its hooks in; 0 where that cannot be told."""
    pid = os.getppid()
    for _ in range(4):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            return 0
        if name not in SHELLS:
            return pid
        pid = int(rest.split()[1])
    return 0


def _kept(said: dict[str, Any]) -> dict[str, str]:
    return {key: said[key] for key in KEPT if isinstance(said.get(key), str) and len(said[key]) <= LONGEST_VALUE}


def _is_notification(said: dict[str, Any]) -> bool:
    """The client reports a background task through the event of a prompt."""
    return str(said.get("prompt", "")).startswith("<task-notification>")


def _deliver(data: str, event: dict[str, Any]) -> bool:
    """Whether the hub said it has the event; anything else leaves it to the spool."""
    import json
    import time

    wait = ASKING[event["event"]] if event["asks"] else ANSWER_SECONDS
    until = time.monotonic() + wait
    try:
        hub = (
            _started(data, until)
            if event["event"] == "SessionStart" and event.get("briefing", True)
            else _running(data)
        )
        if hub is None:
            return False
        with hub:
            hub.sendall(json.dumps(event).encode() + b"\n")
            hub.settimeout(max(until - time.monotonic(), ANSWER_SECONDS))
            said = _object(_line(hub))
            if said.get("taken") is not True:
                return False
            if isinstance(said.get("context"), str):
                _hand_over(event["event"], said["context"][:MOST_CONTEXT])
                hub.sendall(b'{"handed":true}\n')
            return True
    except (OSError, ValueError, RecursionError):
        return False


def _object(line: bytes) -> dict[str, Any]:
    """Raises ValueError for what is no JSON object."""
    import json

    said = json.loads(line)
    if not isinstance(said, dict):
        raise ValueError("a hub answers with an object")
    return said


def _running(data: str) -> socket.socket | None:
    """Connected to the hub that runs, and greeted."""
    import json
    import socket

    from session_mgmt_mcp import places
    from session_mgmt_mcp.wire import hello

    path = places.hub_socket(data)
    if places.distrust(os.path.dirname(path)):
        return None
    hub = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    hub.settimeout(CONNECT_SECONDS)
    try:
        hub.connect(path)
        hub.sendall(json.dumps(hello("hook")).encode() + b"\n")
        hub.settimeout(ANSWER_SECONDS)
        greeted = not _object(_line(hub)).get("leaving")
    except BaseException:
        hub.close()
        raise
    if not greeted:
        hub.close()
        return None
    return hub


def _started(data: str, until: float) -> socket.socket | None:
    """The same, starting a hub when there is none: a session that begins wants to know where the last one stopped."""
    import select
    import time

    from session_mgmt_mcp import election
    from session_mgmt_mcp.dial import Dial
    from session_mgmt_mcp.wire import Unreachable

    if (
        os.environ.get("SESSION_MGMT_BRIEFING", "").lower() in OFF
        or election.announced(data).get("state") == IN_PROCESS
    ):
        return _running(data)
    dial = Dial("hook", data)
    try:
        while (link := dial.step()) is None:
            if time.monotonic() > until:
                return None
            select.select([dial.fileno()] if dial.fileno() >= 0 else [], [], [], dial.pause())
    except Unreachable:
        return None
    finally:
        dial.close()
    link.socket.setblocking(True)
    return link.socket


def _line(hub: socket.socket) -> bytes:
    """The next line. One byte at a time would be slow: what comes is one line, since the hub waits for us after each."""
    heard = b""
    while not heard.endswith(b"\n"):
        chunk = hub.recv(65_536)
        if not chunk:
            return b"{}"
        heard += chunk
    return heard


def _hand_over(event: str, context: str) -> None:
    """As the client takes it in: the text itself for a compaction, else as JSON."""
    import json

    if event != "PreCompact":
        said = {"hookSpecificOutput": {"hookEventName": event, "additionalContext": context}}
        context = json.dumps(said)
    os.write(1, context.encode() + b"\n")
