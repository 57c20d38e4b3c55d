"""A Vendor over HTTP on this machine: whatever format it speaks, as a client's SDK meets it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from session_mgmt_mcp.contracts.llm_vendor import (
    Cuts,
    Fails,
    FailsMidway,
    Failure,
    Garbles,
    Redirects,
    Says,
    Scene,
    Stalls,
    TakesNoTemperature,
)
from session_mgmt_mcp.ports.llm_provider import Prompt


@dataclass(frozen=True, slots=True)
class Request:
    """Names of `headers` are in lower case; `path` is without what follows a question mark, which is `query`."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> "Answer":
        """Names of headers with _ for -."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(json.dumps(value).encode(), status, {"content-type": "application/json", **named})


@dataclass(frozen=True, slots=True)
class Stream:
    """What goes over the wire before the first piece, for each piece, and after the last."""

    head: bytes
    pieces: tuple[bytes, ...]
    tail: bytes


class Format(Protocol):
    """One vendor's, as recorded."""

    stream_type: str  # content-type of its streams

    def prompt(self, request: Request) -> Prompt | None:
        """What was asked; None: the request is not one to generate."""

    def key(self, request: Request) -> str:
        """That came with it; empty: none."""

    def streams(self, request: Request) -> bool: ...

    def whole(self, says: Says) -> Answer: ...

    def stream(self, says: Says) -> Stream: ...

    def failure(self, fails: Fails) -> Answer: ...

    def failure_midway(self, failure: Failure) -> bytes: ...

    def no_temperature(self) -> Answer:
        """How it says that this model takes no temperature."""

    def listing(self, request: Request, models: Sequence[str]) -> Answer | None:
        """None: the request does not ask for models."""


class Wire:
    """Vendor. `url` is where it listens; `requests` everything that came."""

    def __init__(self, spoken: Format) -> None:
        self.prompts: list[Prompt] = []
        self.keys: list[str] = []
        self.requests: list[Request] = []
        self.url = ""
        self._format = spoken
        self._scenes: list[Scene] = [Says()]
        self._models: tuple[str, ...] = ("scripted-1",)
        self._left = asyncio.Event()

    def will(self, *scenes: Scene) -> None:
        self._scenes = list(scenes)

    def lists(self, *models: str) -> None:
        self._models = models

    async def abandoned(self) -> None:
        await self._left.wait()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
            self.requests.append(request)
            await self._answer(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self._left.set()
        finally:
            writer.close()

    async def _answer(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        prompt = self._format.prompt(request)
        scene = self._scenes[0] if prompt is None or len(self._scenes) == 1 else self._scenes.pop(0)
        if prompt is not None:
            self.prompts.append(prompt)
            self.keys.append(self._format.key(request))
        elif isinstance(scene, (Says, TakesNoTemperature, FailsMidway)):
            listed = self._format.listing(request, self._models)
            await _send(writer, listed or Answer.of({"error": {"message": "no such path"}}, 404))
            return
        await self._play(scene, request, prompt, reader, writer)

    async def _play(
        self,
        scene: Scene,
        request: Request,
        prompt: Prompt | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        streams = prompt is not None and self._format.streams(request)
        match scene:
            case TakesNoTemperature() if prompt and prompt.temperature is not None:
                await _send(writer, self._format.no_temperature())
            case TakesNoTemperature(says):
                await self._play(says, request, prompt, reader, writer)
            case Says() if streams:
                await self._stream(writer, scene)
            case Says():
                await _send(writer, self._format.whole(scene))
            case Fails():
                await _send(writer, self._format.failure(scene))
            case FailsMidway(failure, pieces) if streams:
                await self._begin(writer, pieces)
                await _chunk(writer, self._format.failure_midway(failure))
                await _chunk(writer, b"")
            case FailsMidway(failure, _):
                await _send(writer, self._format.failure(Fails(failure)))
            case Cuts(pieces, tidy=True) if streams:
                await self._begin(writer, pieces)
                await _chunk(writer, b"")
            case Stalls(pieces) | Cuts(pieces):
                if pieces and streams:
                    await self._begin(writer, pieces)
                elif pieces:
                    whole = self._format.whole(Says(pieces)).body
                    await _head(writer, 200, {"content-type": "application/json", "content-length": str(len(whole))})
                    writer.write(whole[: len(whole) // 2])
                    await writer.drain()
                if isinstance(scene, Stalls):
                    await reader.read()
                    self._left.set()
            case Garbles(body, content_type):
                await _send(writer, Answer(body, headers={"content-type": content_type}))
            case Redirects(to, status):
                await _send(writer, Answer(b"", status, {"location": to + request.path}))

    async def _begin(self, writer: asyncio.StreamWriter, pieces: tuple[str, ...]) -> None:
        stream = self._format.stream(Says(pieces))
        await _head(writer, 200, {"content-type": self._format.stream_type, "transfer-encoding": "chunked"})
        for sent in (stream.head, *stream.pieces):
            await _chunk(writer, sent) if sent else None

    async def _stream(self, writer: asyncio.StreamWriter, says: Says) -> None:
        stream = self._format.stream(says)
        await _head(writer, 200, {"content-type": self._format.stream_type, "transfer-encoding": "chunked"})
        for sent in (stream.head, *stream.pieces, stream.tail):
            await _chunk(writer, sent) if sent else None
        await _chunk(writer, b"")


@asynccontextmanager
async def wire(spoken: Format) -> AsyncIterator[Wire]:
    """Listens on a free port of the loopback while it is open."""
    vendor = Wire(spoken)
    running: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await vendor.answer(reader, writer)
        finally:
            running.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join([chunk async for chunk in _chunks(reader)])
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readline()
    await reader.readline()


async def _head(writer: asyncio.StreamWriter, status: int, headers: dict[str, str]) -> None:
    lines = [f"HTTP/1.1 {status} Scripted", "connection: close", *(f"{name}: {text}" for name, text in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
    await writer.drain()


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    await _head(writer, answer.status, {**answer.headers, "content-length": str(len(answer.body))})
    writer.write(answer.body)
    await writer.drain()
