"""Receives whoever connects to the hub's socket: shims, commands and hooks, told apart by their hello line."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from session_mgmt_mcp import connection
from session_mgmt_mcp.conversation import Conversation, LineTooLong, read_line
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.service import OnEvent, Service, Verb
from session_mgmt_mcp.version import VERSION
from session_mgmt_mcp.wire import newer

HELLO_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Reception:
    """All connections of one hub. `on_newer`, called with the version of a client that is ahead, says whether the hub leaves."""

    def __init__(
        self,
        service: Service,
        verbs: Mapping[str, Verb],
        on_event: OnEvent,
        on_newer: Callable[[str], bool],
    ) -> None:
        self._service = service
        self._on_event = on_event
        self._verbs = {**service.verbs, **verbs}
        self._on_newer = on_newer
        self._closing = False
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._conversations: set[Conversation] = set()
        self._quiet_since = time.monotonic()

    @property
    def clients(self) -> int:
        return len(self._conversations)

    def quiet_seconds(self) -> float:
        """How long nobody has been connected."""
        return 0.0 if self._writers else time.monotonic() - self._quiet_since

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._attend(reader, writer))
        self._writers[task] = writer
        task.add_done_callback(self._attended)

    async def close(self, within: float) -> None:
        """Everybody gets their answers; whoever is there `within` seconds later is cut off.

        Cut off first, cancelled then: what a cancelled call would still answer must not pass for its result.
        """
        self._closing = True
        for conversation in list(self._conversations):
            await conversation.leave()
        if self._writers:
            await asyncio.wait(list(self._writers), timeout=within)
        for task, writer in self._writers.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)

    def _attended(self, task: asyncio.Task[None]) -> None:
        self._writers.pop(task).close()
        self._quiet_since = time.monotonic()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ConnectionError):
            _log.debug("somebody went before the answer")  # as a hook does whose client must not wait
        elif error is not None:
            _log.error("a connection broke", exc_info=error)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await _heard(reader)
        if hello.get("hello") != 1:
            return
        caller, role = connection.of_hello(hello), hello.get("role")
        if role != "hook" and newer(caller.version, VERSION) and self._on_newer(caller.version):
            self._closing = True
        if self._closing:
            await _say(writer, {"hello": 1, "version": VERSION, "leaving": True})
            return
        repeatable = list(self._service.repeatable)
        await _say(writer, {"hello": 1, "version": VERSION, "pid": os.getpid(), "repeatable": repeatable})
        with connection.entered(caller):
            match role:
                case "mcp":
                    await self._converse(caller, reader, writer)
                case "control":
                    await self._command(reader, writer)
                case "hook":
                    await self._take(reader, writer)

    async def _converse(
        self, caller: connection.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        conversation = Conversation(self._service.server, reader, writer)
        self._conversations.add(conversation)
        self._service.on_arrival(caller)
        try:
            await conversation.run()
        finally:
            self._conversations.discard(conversation)
            self._service.on_departure(caller)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        event = await _heard(reader)
        coming = self._on_event(event)
        answer = await asyncio.shield(coming) if coming and event.get("asks") else None  # dealt with, whoever hears it
        await _say(writer, {"taken": True, "context": answer.context} if answer else {"taken": True})
        if answer and (await _heard(reader)).get("handed"):
            await answer.handed()

    async def _command(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await _heard(reader)
        running = asyncio.create_task(self._result(asked, writer))
        gone = asyncio.create_task(reader.read(1))  # a client that is interrupted wants its command interrupted
        try:
            await asyncio.wait((running, gone), return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await _say(writer, running.result())
        finally:
            running.cancel()
            gone.cancel()
            await asyncio.gather(running, gone, return_exceptions=True)

    async def _result(self, asked: Mapping[str, Any], writer: asyncio.StreamWriter) -> dict[str, Any]:
        name, args = str(asked.get("verb")), asked.get("args")
        verb = self._verbs.get(name)
        if verb is None or not isinstance(args, dict):
            return _error("Invalid", f"This hub knows no verb {name}: it may be older than the command.")
        try:
            return {"result": await verb(args, lambda facts: writer.write(_line({"progress": facts})))}
        except PortError as error:
            return _error(type(error).__name__, str(error))
        except Exception as error:
            _log.exception("the verb %s failed", name)
            return _error("Failed", f"{name} failed ({type(error).__name__}: {error}); the hub's log has the details.")


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message}}


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, default=str, separators=(",", ":")).encode() + b"\n"


async def _say(writer: asyncio.StreamWriter, said: Mapping[str, Any]) -> None:
    writer.write(_line(said))
    await writer.drain()


async def _heard(reader: asyncio.StreamReader) -> dict[str, Any]:
    """One JSON object; an empty one when nothing of the kind arrives."""
    try:
        async with asyncio.timeout(HELLO_SECONDS):
            said = json.loads(await read_line(reader) or b"{}")
    except (TimeoutError, ValueError, RecursionError, LineTooLong, ConnectionError):
        return {}
    return said if isinstance(said, dict) else {}
