"""One MCP session over a pair of asyncio streams: JSON lines on the outside, FastMCP on the inside."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from fastmcp import FastMCP
from mcp.shared.message import SessionMessage
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError
from session_mgmt_mcp import fastmcp_internals
from session_mgmt_mcp.delivery import Awaited, awaiting
from session_mgmt_mcp.wire import LEAVING, MAX_LINE

_log = logging.getLogger(__name__)


class LineTooLong(Exception):
    """A line beyond MAX_LINE; it was skipped, the next one can be read."""


async def read_line(reader: asyncio.StreamReader) -> bytes | None:
    """The next whole line; None at the end, where half a line counts for nothing. Raises LineTooLong."""
    skipped = False
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError as error:
            await reader.readexactly(error.consumed)
            skipped = True
            continue
        if skipped:
            raise LineTooLong
        return line


class Conversation:
    """Serves one client until it goes, or until `leave` was said and everything it asked is answered."""

    def __init__(self, server: FastMCP, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._leaving = False
        self._in_flight: set[RequestId] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def run(self) -> None:
        to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](0)
        with awaiting() as awaited:
            async with anyio.create_task_group() as group:
                group.start_soon(self._read, to_server)
                group.start_soon(self._write, from_server, awaited)
                await fastmcp_internals.serve(self._server, incoming, outgoing)

    async def leave(self) -> None:
        """Asks the shim to send no more; `run` ends when what it has sent is answered."""
        self._leaving = True
        await self._send(LEAVING)

    async def _read(self, to_server: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        async with to_server:
            async for message in self._messages():
                match message:
                    case JSONRPCRequest():
                        self._in_flight.add(message.id)
                        self._quiet.clear()
                    case JSONRPCNotification(method="notifications/cancelled"):
                        self._settle((message.params or {}).get("requestId"))
                try:
                    await to_server.send(SessionMessage(message))
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return
            if self._leaving:
                await self._quiet.wait()

    async def _messages(self) -> AsyncIterator[JSONRPCMessage]:
        while True:
            try:
                line = await read_line(self._reader)
            except LineTooLong:
                await self._refuse(None, INVALID_REQUEST, f"A message may have at most {MAX_LINE >> 20} MB: send less.")
                continue
            except ConnectionError:
                return
            if line is None:
                return
            if line.isspace():
                continue
            try:
                message = jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValidationError:
                await self._refuse(*_what_is_wrong(line))
                continue
            yield message

    async def _write(self, from_server: MemoryObjectReceiveStream[SessionMessage], awaited: Awaited) -> None:
        async with from_server:
            async for item in from_server:
                message = item.message
                written = await self._send(_as_line(message))
                if isinstance(message, JSONRPCResponse | JSONRPCError):
                    self._settle(message.id)
                    await awaited.answered(message.id, written)

    async def _send(self, line: bytes) -> bool:
        """Whether somebody was there to take it."""
        try:
            self._writer.write(line)
            await self._writer.drain()
        except ConnectionError:
            _log.debug("a client went before its answer")
            return False
        return True

    async def _refuse(self, whom: RequestId | None, code: int, sentence: str) -> None:
        await self._send(_as_line(JSONRPCError(jsonrpc="2.0", id=whom, error=ErrorData(code=code, message=sentence))))

    def _settle(self, whom: Any) -> None:
        if isinstance(whom, int | str):
            self._in_flight.discard(whom)
        if not self._in_flight:
            self._quiet.set()


def _what_is_wrong(line: bytes) -> tuple[RequestId | None, int, str]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None, PARSE_ERROR, "The line is not valid JSON: send one JSON-RPC message a line, in UTF-8."
    whom = said.get("id") if isinstance(said, dict) else None
    known = isinstance(whom, int | str) and not isinstance(whom, bool)
    return whom if known else None, INVALID_REQUEST, "The line is not a JSON-RPC 2.0 message: mind jsonrpc, id, method."


def _as_line(message: JSONRPCMessage) -> bytes:
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
    except PydanticSerializationError:
        _log.exception("an answer cannot be written as JSON")
    whom = getattr(message, "id", None)
    if isinstance(whom, str) and not whom.isascii():
        whom = whom.encode("utf-8", "replace").decode()  # of half a character no JSON can be made either
    error = ErrorData(code=INTERNAL_ERROR, message="The answer holds characters that no JSON can carry.")
    return _as_line(JSONRPCError(jsonrpc="2.0", id=whom, error=error))
