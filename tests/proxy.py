"""A wire that can be cut: a TCP proxy on loopback, between a client and a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    CUT = "the request does not arrive"
    LOST = "the request arrives, the answer does not"
    HALF = "half of the answer arrives"
    SILENT = "the request does not arrive, and nobody says so"
    ERROR = "something on the way answers with an error"


@dataclass(slots=True)
class Wire:
    """Strikes the next `times` requests that have `on` in their first bytes. `met` counts all that have."""

    port: int = 0
    fault: Fault | None = None
    on: bytes = b""
    times: int = 0
    error: bytes = b""
    meanwhile: Callable[[], Awaitable[object]] | None = None  # happens before the client learns of it
    met: int = 0

    def watch(self, on: bytes) -> None:
        self.fault, self.on, self.times, self.met = None, on, 0, 0

    def strike(self, fault: Fault, on: bytes, times: int = 1, error: bytes = b"") -> None:
        self.fault, self.on, self.times, self.error, self.met = fault, on, times, error, 0

    def mend(self) -> None:
        self.times = 0

    def strikes(self, request: bytes) -> bool:
        if not self.on or self.on not in request:
            return False
        self.met += 1
        self.times -= 1
        return self.fault is not None and self.times >= 0


@asynccontextmanager
async def wire_to(server: int) -> AsyncIterator[Wire]:
    """`server` is a port of loopback."""
    wire = Wire()
    open_ones: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        task.add_done_callback(open_ones.discard)
        with suppress(OSError, asyncio.CancelledError):
            await _carry(wire, server, reader, writer)
        writer.transport.abort()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    wire.port = listener.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        listener.close()
        for task in list(open_ones):
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)


async def _carry(wire: Wire, server: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    from_server, to_server = await asyncio.open_connection("127.0.0.1", server)
    fault: Fault | None = None

    async def answers() -> None:
        while data := await from_server.read(1 << 16):
            if fault in (Fault.LOST, Fault.HALF):
                if wire.meanwhile is not None:
                    await wire.meanwhile()
                if fault is Fault.HALF:
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    writer.close()  # sends what was written
                return
            writer.write(data)
            await writer.drain()

    async def requests() -> None:
        nonlocal fault
        while data := await reader.read(1 << 16):
            if wire.strikes(data):
                fault = wire.fault
            if fault is Fault.CUT:
                return
            if fault is Fault.ERROR:
                writer.write(wire.error)
                await writer.drain()
                fault = None
            elif fault is not Fault.SILENT:
                to_server.write(data)
                await to_server.drain()

    both = [asyncio.create_task(answers()), asyncio.create_task(requests())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        to_server.transport.abort()
