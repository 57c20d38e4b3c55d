"""The hub: the one process that owns a data directory, and serves all its shims, commands and hooks over one socket."""

import gc

if __name__ == "__main__":
    gc.disable()  # until it serves: what is imported and opened stays, and looking through it takes a tenth of the start

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from session_mgmt_mcp import election, fastmcp_internals, logs, places, spool
from session_mgmt_mcp.ports.errors import PortError, Unavailable
from session_mgmt_mcp.reception import Reception
from session_mgmt_mcp.service import Answer, Door, OnEvent, OpenDoor, OpenService, Progress, Service, Verb
from session_mgmt_mcp.settings import load
from session_mgmt_mcp.turns import short_turns
from session_mgmt_mcp.version import VERSION
from session_mgmt_mcp.warmth import settle, warm
from session_mgmt_mcp.wire import MAX_LINE, newer

DRAIN_SECONDS = 30.0  # calls in flight may take so long when a newer hub takes over,
STOP_SECONDS = 5.0  # and so long when somebody wants this one gone
SPOOL_SECONDS = 3.0
SOCKET_SECONDS = 1.0

_log = logging.getLogger("session_mgmt_mcp.hub")  # __name__ is __main__ here


class Hub:
    """Serves `open_service` on the socket of `data`; `lock` is the held lock of its election.

    `idle_exit` inf: it stays without clients. `open_door` gives another way in than the socket. For clients of a version
    up to `indulged` it does not leave: it did so before, and came back as it was.
    """

    def __init__(
        self,
        open_service: OpenService,
        data: str,
        lock: int,
        *,
        idle_exit: float = 600.0,
        on_ready: Callable[[], None] = lambda: None,
        open_door: OpenDoor | None = None,
        stop_seconds: float = STOP_SECONDS,
        indulged: str = "",
    ) -> None:
        self._open_service = open_service
        self._data = data
        self._lock = lock
        self._idle_exit = idle_exit
        self._on_ready = on_ready
        self._open_door = open_door
        self._door: Door | None = None
        self._stop_seconds = stop_seconds
        self._indulged = indulged
        self.left_for = ""
        self._socket = places.hub_socket(data)
        self._bound = (-1, -1)
        self._started = time.monotonic()
        self._leave = asyncio.Event()
        self._leave_within = stop_seconds
        self._opening: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until it is told to leave, has been idle long enough, or its data directory is gone."""
        self._opening = asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        with contextlib.suppress(asyncio.CancelledError):
            async with self._open_service() as service, fastmcp_internals.lifespan(service.server):
                self._opening = None
                await self._serve(service)

    def leave(self, within: float | None = None, for_version: str = "") -> None:
        """No new connections; what is in flight may take `within` seconds, then the process ends."""
        if not self._leave.is_set():
            self._announce("leaving", next=for_version)
            self._leave_within = self._stop_seconds if within is None else within
            self.left_for = for_version
            self._leave.set()

    def _make_way(self, version: str) -> bool:
        if not newer(version, self._indulged):
            return False
        self.leave(DRAIN_SECONDS, version)
        return True

    def _on_signal(self) -> None:
        if self._opening is not None:
            self._opening.cancel()  # not open yet: undo that, in order
        else:
            self.leave()

    async def _serve(self, service: Service) -> None:
        verbs: dict[str, Verb] = {"hub.status": self._status, "hub.stop": self._stop}
        events = _Once(service.on_event)
        self._reception = Reception(service, verbs, events, self._make_way)
        if self._open_door is not None:
            self._door = await self._open_door(service)
            await self._door.open()
        self._listening = await self._listen()
        gc.freeze()
        gc.enable()
        self._announce("serving", **({"http": self._door.url} if self._door else {}))
        self._on_ready()
        _log.info("hub %s serves %s", VERSION, self._data)
        background = [
            asyncio.create_task(_logged(work))
            for work in (
                _warmed(service),
                self._watch_spool(events),
                self._watch_socket(),
                self._watch_idleness(service),
            )
        ]
        try:
            await self._leave.wait()
        finally:
            self._listening.close()
            self._unlink()
            closing = [self._reception.close(self._leave_within)]
            if self._door is not None:
                closing.append(self._door.close(self._leave_within))
            await asyncio.gather(*closing)
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            _log.info("hub ends")

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_unix_server(self._reception.accept, sock=self._bind(), limit=MAX_LINE)

    def _bind(self) -> socket.socket:
        folder = os.path.dirname(self._socket)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if reason := places.distrust(folder):
            raise Unavailable(reason)
        self._unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listening.bind(self._socket)
        finally:
            os.umask(mask)
        listening.listen(128)
        self._bound = _identity(self._socket)
        return listening

    def _unlink(self) -> None:
        # Only the holder of the lock comes here, so a socket of that name is ours or a dead hub's.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._socket)

    def _announce(self, state: str, **facts: Any) -> None:
        election.announce(self._lock, state=state, version=VERSION, socket=self._socket, **facts)

    async def _watch_spool(self, take: OnEvent) -> None:
        trouble = ""
        while True:
            try:
                # nobody waits for what it answers
                taken, moved = spool.drain(self._data, lambda event: take({**event, "asks": False}))
            except OSError as error:  # a full disk, a folder taken away: the events stay, and are tried again
                if trouble != str(error):
                    _log.warning("the spool cannot be read: %s", trouble := str(error))
            else:
                trouble = ""
                if taken or moved:
                    _log.info("events from the spool: %d taken, %d damaged", taken, moved)
            await asyncio.sleep(SPOOL_SECONDS)
            if not election.holds(self._lock, self._data):
                _log.warning("the data directory was removed")
                self.leave()

    async def _watch_socket(self) -> None:
        """Others sweep the folders for what is temporary: who comes afterwards must get in all the same."""
        trouble = ""
        while not self._leave.is_set():
            await asyncio.sleep(SOCKET_SECONDS)
            if self._leave.is_set() or _identity(self._socket) == self._bound:
                continue
            self._listening.close()  # nobody can reach it; who is connected stays
            try:
                self._listening = await self._listen()
            except (OSError, PortError) as error:
                if trouble != str(error):
                    _log.warning("the socket was removed and cannot be made anew: %s", trouble := str(error))
            else:
                _log.warning("the socket was removed: %s is made anew", self._socket)
                trouble = ""

    async def _watch_idleness(self, service: Service) -> None:
        busy_at = time.monotonic()
        while True:
            if service.is_busy():
                busy_at = time.monotonic()
            quiet = min(self._reception.quiet_seconds(), time.monotonic() - busy_at)
            if quiet >= self._idle_exit:
                self.leave()
                return
            await asyncio.sleep(max(self._idle_exit - quiet, 0.01))

    async def _status(self, args: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "version": VERSION,
            "uptime": round(time.monotonic() - self._started, 3),
            "clients": self._reception.clients,
            "data_dir": self._data,
            "socket": self._socket,
            "idle_exit": self._idle_exit if math.isfinite(self._idle_exit) else None,
            **({"http": self._door.url} if self._door else {}),
        }

    async def _stop(self, args: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        self.leave()
        return {"pid": os.getpid(), "stopping": True}


async def _warmed(service: Service) -> None:
    await warm(service.server)
    await service.opened()
    await settle()


class _Once:
    """A hook that did not wait for a busy hub leaves its event in the spool too: the second of the two is passed over."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._recent: deque[object] = deque(maxlen=1_000)

    def __call__(self, event: Mapping[str, Any]) -> Awaitable[Answer | None] | None:
        if (name := event.get("id")) is not None and name in self._recent:
            return None
        coming = self._on_event(event)
        self._recent.append(name)
        return coming


async def _logged(work: Any) -> None:
    try:
        await work
    except Exception:
        _log.exception("background work of the hub ended")


def _identity(path: str) -> tuple[int, int]:
    """Of the file that is there, whatever its name says."""
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return found.st_dev, found.st_ino


def main(open_service: OpenService | None = None, arguments: list[str] | None = None) -> int:
    """What a shim starts, with the lock on a descriptor of ours; or a person, to watch a hub in the foreground."""
    arguments = sys.argv[1:] if arguments is None else arguments
    spawned = "--lock" in arguments
    data = places.data_dir()
    logs.configure(debug=bool(os.environ.get("SESSION_MGMT_DEBUG")))
    lock = int(arguments[arguments.index("--lock") + 1]) if spawned else election.take_patiently(data, 2.0)
    if lock is None:
        sys.stderr.write(f"Another hub already serves {data}.\n")
        return 1
    os.set_inheritable(lock, False)
    try:
        if open_service is None:
            from session_mgmt_mcp import opening

            open_service = opening.open_service
        short_turns()
        hub = Hub(open_service, data, lock, idle_exit=load().idle_exit, on_ready=lambda: _report("ready"))
        asyncio.run(hub.run())
    except Exception as error:
        _log.exception("the hub cannot start")
        sentence = _sentence(error)
        election.announce(lock, state="failed", version=VERSION, failed=sentence)
        _report(sentence)
        return 1
    return 0


def _report(said: str) -> None:
    """To whoever started this hub, and is still there; then no more."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, said.encode() + b"\n")
    os.dup2(2, 1)


def _sentence(error: Exception) -> str:
    if isinstance(error, PortError):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename:
        return f"The hub cannot start ({error.filename}: {error.strerror}): mend that and try again."
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return f"The hub cannot start ({said[:300]}): {places.log_dir()} has the details."


if __name__ == "__main__":
    sys.exit(main())
