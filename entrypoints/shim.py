"""The stdio server that clients start: it copies lines between its client and the hub. Standard library only.

The hub may go at any moment, and the client must not notice: requests that may be repeated are sent again to the next
hub, after the `initialize` that this client had sent; the others fail with one sentence. A line that no hub has taken
whole is simply sent later.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import time
from collections import deque

from session_mgmt_mcp import places
from session_mgmt_mcp.dial import HUB_COMMAND, Dial
from session_mgmt_mcp.lines import CHUNK, Lines, Outbox
from session_mgmt_mcp.wire import LEAVING, MAX_LINE, NoHub, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from session_mgmt_mcp.dial import Link

ERROR = -32010  # of the range that MCP leaves to implementations
REPLAY = "session-mgmt-replay"
MAX_SENDS = 12  # a request that has seen so many hubs die may be what kills them
BACKLOG = 8 * 1024 * 1024
REFUSAL_SECONDS = 2.0
LINGER_SECONDS = 30.0
QUIET_SECONDS = 10.0  # without a byte from a hub that owes an answer, before it is asked whether it is there at all
RESPONSE = re.compile(rb'\{"jsonrpc":"2\.0","id":(\d+|"[^"\\]*"),"(?:result|error)":')
FIRST_ID = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d+|"[^"\\]*")')
LAST_ID = re.compile(rb'[\]}"\d]\s*,\s*"id"\s*:\s*(\d+|"[^"\\]*")\s*\}\s*$')
HUNG = "{} What was under way may still take effect."
LOST = "The memory hub ended during this call, which may or may not have taken effect: look, then call again."


class Request:
    """One request of the client that has no answer yet."""

    __slots__ = ("line", "method", "sends", "tool")

    def __init__(self, line: bytes, method: str, tool: str) -> None:
        self.line = line
        self.method = method
        self.tool = tool
        self.sends = 0


class Shim:
    """One client on two descriptors, and whichever hub there is."""

    def __init__(self, command: tuple[str, ...] = HUB_COMMAND, stdin: int = 0, stdout: int = 1) -> None:
        self._command = command
        self._stdin = stdin
        self._stdout = stdout
        self._client = Lines(MAX_LINE)
        self._answers = Outbox(stdout)
        self._ended_at: float | None = None
        self._data = places.data_dir()
        self._dial: Dial | None = None
        self._refused = ("", 0.0)
        self._hub: socket.socket | None = None
        self._hub_lines = Lines()
        self._hub_leaves = False
        self._heard_at = 0.0  # from the hub; or since when it owes anything
        self._probe: Dial | None = None
        self._repeatable: frozenset[str] = frozenset()
        self._waiting: deque[bytes] = deque()  # for the hub; whole lines, the first may be sent up to _sent
        self._sent = 0
        self._flight: dict[int | str, Request] = {}
        self._initialize: tuple[int | str | None, bytes] = (None, b"")  # its id; and the line to replay, once answered
        self._handshaken = False
        self._initialized: bytes = b""
        self._asked: set[int | str] = set()  # requests of the hub that the client has not answered
        self._orphans: set[int | str] = set()  # the same, of hubs that are gone

    def run(self) -> int:
        """Until the client is gone."""
        self._dial = Dial("mcp", self._data, command=self._command)  # at once: a cold start takes seconds
        while not self._done():
            self._advance()
            self._move(self._wait())
        return 0

    def _done(self) -> bool:
        if self._ended_at is None:
            return False
        owed = self._flight or self._answers.size
        return not owed or time.monotonic() - self._ended_at > LINGER_SECONDS

    def _advance(self) -> None:
        if self._hub is not None and self._flight:
            self._doubt(self._hub)
        if self._hub is None and self._dial is None and self._waiting:
            self._dial = Dial("mcp", self._data, command=self._command)
        if self._dial is None:
            return
        try:
            link = self._dial.step()
        except Unreachable as error:
            self._dial.close()
            self._dial = None
            self._refuse(str(error))
            return
        if link is not None:
            self._dial = None
            self._greet(link)

    def _doubt(self, hub: socket.socket) -> None:
        """A call may take long; a hub that greets nobody meanwhile is stuck."""
        if self._probe is None and time.monotonic() - self._heard_at < QUIET_SECONDS:
            return
        self._probe = self._probe or Dial("probe", self._data, spawn=False)
        try:
            link = self._probe.step()
        except NoHub:
            self._stop_doubting()  # it ended: its end of the line says so
            return
        except Unreachable as error:
            self._stop_doubting()
            hub.close()
            self._hub = None
            self._forget_questions()
            self._refuse(HUNG.format(error))
            return
        if link is not None:
            link.socket.close()
            self._stop_doubting()

    def _stop_doubting(self) -> None:
        self._heard_at = time.monotonic()
        if self._probe is not None:
            self._probe.close()
            self._probe = None

    def _wait(self) -> dict[int, int]:
        poller = select.poll()
        wanted = {self._stdout: select.POLLOUT if self._answers.size else 0}
        if self._ended_at is None and sum(map(len, self._waiting)) < BACKLOG:
            wanted[self._stdin] = select.POLLIN
        if self._hub is not None:
            send = select.POLLOUT if self._waiting and not self._hub_leaves else 0
            wanted[self._hub.fileno()] = send | (select.POLLIN if self._answers.size < BACKLOG else 0)
        dial = self._dial or self._probe
        if dial is not None and dial.fileno() >= 0:
            wanted[dial.fileno()] = select.POLLIN
        for fd, events in wanted.items():
            poller.register(fd, events)
        pause = dial.pause() * 1000 if dial is not None else None
        if pause is None and self._hub is not None and self._flight:
            pause = max(self._heard_at + QUIET_SECONDS - time.monotonic(), 0.0) * 1000 + 1
        if pause is None and self._ended_at is not None:
            pause = 500
        return dict(poller.poll(pause))

    def _move(self, events: dict[int, int]) -> None:
        gone = select.POLLERR | select.POLLHUP | select.POLLNVAL
        if events.get(self._stdout, 0) & gone:
            raise SystemExit(0)  # nobody reads our answers any more
        if events.get(self._stdin):
            self._hear_client()
        hub = self._hub
        if hub is not None and (event := events.get(hub.fileno(), 0)):
            if event & (select.POLLIN | gone):
                self._hear_hub(hub)
            if event & select.POLLOUT and self._hub is hub:
                self._tell_hub(hub)
        if self._answers.size:
            self._answers.write()

    # The client's side

    def _hear_client(self) -> None:
        chunk = os.read(self._stdin, CHUNK)
        if not chunk:
            self._ended_at = time.monotonic()
            return
        for line in self._client.feed(chunk):
            if not line.isspace():
                self._take(line)
        for head, tail in self._client.too_long:
            found = FIRST_ID.match(head) or LAST_ID.search(tail)
            self._fail(
                _id_in(found), f"The message is longer than {MAX_LINE >> 20} MB: send less at once.", retryable=False
            )
        self._client.too_long.clear()
        if self._hub is not None and not self._hub_leaves:
            self._tell_hub(self._hub)

    def _take(self, line: bytes) -> None:
        message = _parsed(line)
        method, whom = message.get("method"), message.get("id")
        if self._refused[0] and time.monotonic() < self._refused[1]:
            if method is not None and isinstance(whom, int | str):
                self._fail(whom, self._refused[0])
            return
        if isinstance(method, str) and isinstance(whom, int | str):
            params = message.get("params")
            tool = str(params.get("name")) if isinstance(params, dict) else ""
            if not self._flight:
                self._heard_at = time.monotonic()
            self._flight[whom] = Request(line, method, tool)
            if method == "initialize":
                self._initialize = whom, json.dumps({**message, "id": REPLAY}).encode() + b"\n"
                self._handshaken = False
        elif method == "notifications/initialized":
            self._initialized = line
        elif method == "notifications/cancelled" and isinstance(params := message.get("params"), dict):
            if isinstance(cancelled := params.get("requestId"), int | str):
                self._flight.pop(cancelled, None)  # the hub owes it no answer
        elif method is None and isinstance(whom, int | str):
            if whom in self._orphans:
                self._orphans.discard(whom)
                return
            self._asked.discard(whom)
        self._waiting.append(line)

    def _fail(self, whom: int | str | None, sentence: str, *, retryable: bool = True) -> None:
        error = {"code": ERROR, "message": sentence, "data": {"retryable": retryable}}
        self._answers.add(json.dumps({"jsonrpc": "2.0", "id": whom, "error": error}).encode() + b"\n")

    # The hub's side

    def _greet(self, link: Link) -> None:
        self._hub, self._hub_lines, self._hub_leaves = link.socket, Lines(), False
        self._stop_doubting()
        self._repeatable = frozenset(link.answer.get("repeatable") or ())
        for line in self._hub_lines.feed(link.rest):
            self._hear(line)
        self._refused = ("", 0.0)
        if self._handshaken:
            replay = [line for line in (self._initialize[1], self._initialized) if line]
            self._waiting = deque(replay + [line for line in self._waiting if line not in replay])
        self._tell_hub(self._hub)

    def _tell_hub(self, hub: socket.socket) -> None:
        try:
            while self._waiting:
                line = self._waiting[0]
                self._sent += hub.send(memoryview(line)[self._sent :] if self._sent else line)
                if self._sent == len(line):
                    self._waiting.popleft()
                    self._sent = 0
        except BlockingIOError:
            return
        except OSError:
            self._lose()

    def _hear_hub(self, hub: socket.socket) -> None:
        try:
            chunk = hub.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self._stop_doubting()
        for line in self._hub_lines.feed(chunk):
            self._hear(line)
        if not chunk:
            self._lose()

    def _hear(self, line: bytes) -> None:
        if line == LEAVING:
            self._hub_leaves = True
            self._part()
            return
        response = RESPONSE.match(line)
        message = {"id": _id_in(response)} if response else _parsed(line)
        whom = message.get("id")
        if isinstance(whom, int | str):
            if "method" in message:
                self._asked.add(whom)
            elif whom == REPLAY:
                return
            else:
                self._flight.pop(whom, None)
                self._handshaken = self._handshaken or whom == self._initialize[0]
        self._answers.add(line)

    def _part(self) -> None:
        """Says that no more comes; what the hub has, it still answers. A line half sent is for the next hub."""
        try:
            if self._hub is not None:
                self._hub.shutdown(socket.SHUT_WR)
        except OSError:
            self._lose()

    def _lose(self) -> None:
        if self._hub is not None:
            self._hub.close()
        self._hub, self._sent = None, 0
        unsent = set(self._waiting)
        again: list[bytes] = []
        for whom, request in list(self._flight.items()):
            if request.line in unsent:
                continue
            request.sends += 1
            if (request.method == "tools/call" and request.tool not in self._repeatable) or request.sends >= MAX_SENDS:
                del self._flight[whom]
                self._fail(whom, LOST)
            else:
                again.append(request.line)
        self._waiting = deque([*again, *self._waiting])
        self._forget_questions()

    def _forget_questions(self) -> None:
        """Nobody waits any more for what the client would answer to them."""
        for whom in self._asked:
            self._answers.add(_withdrawal(whom))
        self._orphans, self._asked = self._orphans | self._asked, set()

    def _refuse(self, sentence: str) -> None:
        """No hub can be had: whoever waits is told so, and for a moment nobody asks again."""
        self._refused = (sentence, time.monotonic() + REFUSAL_SECONDS)
        for whom in self._flight:
            self._fail(whom, sentence)
        self._flight.clear()
        self._waiting.clear()
        self._sent = 0


def run(command: tuple[str, ...] = HUB_COMMAND) -> int:
    """Serves the client on stdin and stdout until it goes, or a signal says so."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: os._exit(0))
    try:
        return Shim(command).run()
    except BrokenPipeError:
        return 0


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}  # the hub says what is wrong with it
    return message if isinstance(message, dict) else {}


def _id_in(found: re.Match[bytes] | None) -> Any:
    """The id that a pattern found; None for one that is no JSON."""
    try:
        return json.loads(found[1]) if found else None
    except ValueError:
        return None


def _withdrawal(whom: int | str) -> bytes:
    params = {"requestId": whom, "reason": "the hub that asked is gone"}
    return json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}).encode() + b"\n"
