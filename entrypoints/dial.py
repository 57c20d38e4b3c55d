"""Reaching the hub of a data directory, and starting it when there is none. Standard library only."""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time

from session_mgmt_mcp import election, places
from session_mgmt_mcp.version import VERSION
from session_mgmt_mcp.wire import NoHub, Unreachable, hello, newer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HUB_COMMAND = (sys.executable, "-P", "-m", "session_mgmt_mcp.hub")  # -P: a client's folder must not shadow modules
PATIENCE = 20.0  # seconds without a sign of life
LONG_PATIENCE = 60.0  # while a hub is known to be starting or leaving
WORDLESS_DEATHS = 6  # starts that may end without a reason (a kill -9, mostly) before that is said
ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "DBUS_SESSION_BUS_ADDRESS")
ENVIRONMENT_PREFIXES = ("LC_", "XDG_", "SESSION_MGMT_", "PYTHON")


class Link:
    """A greeted connection: the socket, what the hub answered, and bytes that came after that."""

    __slots__ = ("answer", "rest", "socket")

    def __init__(self, connected: socket.socket, answer: dict[str, Any], rest: bytes) -> None:
        self.socket = connected
        self.answer = answer
        self.rest = rest


class Dial:
    """One search for the hub. Call `step` until it gives a link; between two calls wait `pause` seconds, or for `fileno`."""

    def __init__(
        self,
        role: str,
        data: str,
        *,
        spawn: bool = True,
        command: tuple[str, ...] = HUB_COMMAND,
        patience: float = PATIENCE,
    ) -> None:
        self._role = role
        self._data = data
        self._spawn = spawn
        self._command = command
        self._patience = patience
        self._began = self._alive_at = time.monotonic()
        self._rounds = 0
        self._socket: socket.socket | None = None
        self._answer = b""
        self._report = -1
        self._reported = b""
        self._deaths = 0
        self._announced: dict[str, Any] = {}

    def step(self) -> Link | None:
        """Goes as far as it can without waiting. Raises Unreachable with one sentence when there is no hope."""
        self._rounds += 1
        if self._report >= 0:
            self._read_report()
        if self._socket is None:
            self._connect()
        if self._socket is not None:
            link = self._greeted()
            if link is not None:
                self.close()
                return link
        elif self._report < 0:
            self._elect()
        now = time.monotonic()
        if (said := election.announced(self._data)) != self._announced:
            self._announced, self._alive_at = said, now  # a hub that took long to start may be there this very moment
        if now - self._alive_at > self._limit() or now - self._began > LONG_PATIENCE + self._patience:
            reason = self._why_not()
            self.close()
            raise Unreachable(reason)
        return None

    def fileno(self) -> int:
        """What becomes readable when there is news; -1 when only time helps."""
        return self._socket.fileno() if self._socket is not None else self._report

    def pause(self) -> float:
        return min(0.005 * self._rounds, 0.05)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._report >= 0:
            os.close(self._report)
            self._report = -1

    def _connect(self) -> None:
        path = places.hub_socket(self._data)
        for candidate in (path, election.announced(self._data).get("socket")):
            # A hub started under another XDG_RUNTIME_DIR or TMPDIR says in its lock file where it listens.
            if not isinstance(candidate, str) or not candidate or not os.path.lexists(candidate):
                continue
            if reason := places.distrust(os.path.dirname(candidate)):
                raise Unreachable(reason)
            connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connected.setblocking(False)
            try:
                connected.connect(candidate)
                connected.sendall(json.dumps(hello(self._role)).encode() + b"\n")
            except OSError:
                connected.close()
                continue
            self._socket, self._answer = connected, b""
            return

    def _greeted(self) -> Link | None:
        assert self._socket is not None
        try:
            chunk = self._socket.recv(65_536)
        except BlockingIOError:
            return None
        except OSError:
            chunk = b""
        self._answer += chunk
        line, newline, rest = self._answer.partition(b"\n")
        if newline:
            answer = json.loads(line)
            if not answer.get("leaving"):
                link, self._socket = Link(self._socket, answer, rest), None
                return link
        if not chunk or newline:  # it went, or goes: the next one will have to do
            self._socket.close()
            self._socket = None
        return None

    def _elect(self) -> None:
        try:
            lock = election.take(self._data)
        except OSError as error:
            raise Unreachable(_unusable(self._data, error)) from None
        if lock is None:
            holder = election.announced(self._data)
            if election.is_elsewhere(holder) and time.monotonic() - self._began > 1:
                raise Unreachable(_held_elsewhere(self._data, holder))
            return
        try:
            if not self._spawn:
                raise NoHub("No hub is running; the next client or command that needs one starts it.")
            before = election.announced(self._data)
            age = time.time() - float(before.get("at") or 0)
            if before.get("failed") and 0 <= age < 2:
                raise Unreachable(str(before["failed"]))  # somebody just tried: no need to fail again
            if newer(str(before.get("next") or ""), VERSION) and 0 <= age < self._patience / 2:
                return  # a newer shim asked the last hub to leave: let it start its own
            election.announce(lock, state="starting", version=VERSION)
            self._report, self._reported = start_hub(self._command, self._data, lock), b""
        except OSError as error:
            raise Unreachable(_unusable(self._data, error)) from None
        finally:
            os.close(lock)

    def _read_report(self) -> None:
        try:
            chunk = os.read(self._report, 65_536)
        except BlockingIOError:
            return
        self._reported += chunk
        if chunk and b"\n" not in self._reported:
            return
        os.close(self._report)
        self._report = -1
        self._alive_at = time.monotonic()
        said = self._reported.decode(errors="replace").strip()
        if said == "ready":
            return
        self._deaths += 1
        if said or self._deaths >= WORDLESS_DEATHS:
            raise Unreachable(said or f"The hub ends while it starts; {places.log_dir()} has its logs.")

    def _limit(self) -> float:
        if self._report >= 0 or self._announced.get("state") in ("starting", "leaving"):
            return max(self._patience, LONG_PATIENCE)
        return self._patience

    def _why_not(self) -> str:
        holder = election.announced(self._data)
        if election.is_elsewhere(holder):
            return _held_elsewhere(self._data, holder)
        who = f"process {holder['pid']}" if holder.get("pid") else "another process"
        if holder.get("state") == "in-process":
            return f"{self._data} is in use by a server that runs in process ({who}): end it, or use another directory."
        return f"The hub ({who}) holds {self._data} but does not answer: end that process and try again."


def reach(
    role: str, data: str, *, spawn: bool = True, command: tuple[str, ...] = HUB_COMMAND, patience: float = PATIENCE
) -> Link:
    """Waits until there is a link, for those who have nothing else to do. Raises Unreachable."""
    import select

    dial = Dial(role, data, spawn=spawn, command=command, patience=patience)
    try:
        while (link := dial.step()) is None:
            select.select([dial.fileno()] if dial.fileno() >= 0 else [], [], [], dial.pause())
    finally:
        dial.close()
    return link


def start_hub(command: tuple[str, ...], data: str, lock: int) -> int:
    """Starts the hub as nobody's child, holding `lock`. Gives the pipe on which it says "ready", or one sentence."""
    import fcntl
    import signal

    logs = places.log_dir()
    wanted = (*ENVIRONMENT, *os.environ.get("SESSION_MGMT_QUALITY_ENVIRONMENT", "").split(","))
    env = {name: value for name, value in os.environ.items() if name in wanted or name.startswith(ENVIRONMENT_PREFIXES)}
    env.update(SESSION_MGMT_DATA_DIR=data, SESSION_MGMT_LOG_DIR=logs)
    errors = _error_log(logs)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            if os.fork():
                os._exit(0)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.umask(0o077)
            os.chdir("/")
            nothing = os.open(os.devnull, os.O_RDONLY)
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (nothing, writing, errors, lock)]
            for target, source in enumerate(high):
                os.dup2(source, target)
            os.closerange(4, min(os.sysconf("SC_OPEN_MAX"), 65_536))
            os.execve(command[0], [*command, "--lock", "3"], env)
        finally:
            os._exit(127)
    os.close(writing)
    os.close(errors)
    os.waitpid(child, 0)
    os.set_blocking(reading, False)
    return reading


def _error_log(logs: str) -> int:
    try:
        os.makedirs(logs, mode=0o700, exist_ok=True)
        return os.open(os.path.join(logs, "hub.stderr.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)  # no logs is no reason to have no memory


def _unusable(data: str, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk that holds {data} is full: free some space and try again."
    what = os.strerror(error.errno or errno.EIO)
    where = error.filename or data
    return (
        f"The data directory {data} cannot be used ({where}: {what}): make it writable, or set SESSION_MGMT_DATA_DIR."
    )


def _held_elsewhere(data: str, holder: dict[str, Any]) -> str:
    return (
        f"{data} is in use by a hub on another machine or in another container ({holder.get('host')}): "
        "end that one, or give this one its own directory with SESSION_MGMT_DATA_DIR."
    )
