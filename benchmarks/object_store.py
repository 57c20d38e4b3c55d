"""A proxy before an object store: counts requests and bytes, and makes each request as slow as a distant store would."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 1 << 16
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Traffic:
    """What went through since it was last taken."""

    requests: Counter[str] = field(default_factory=Counter)  # by method
    sent: int = 0  # bytes to the store
    received: int = 0

    def taken(self) -> "Traffic":
        """What there was, and begins anew."""
        before = Traffic(Counter(self.requests), self.sent, self.received)
        self.requests.clear()
        self.sent = self.received = 0
        return before


@dataclass(slots=True)
class Proxy:
    """`delay`: seconds that each request waits before the store hears of it."""

    port: int
    traffic: Traffic
    delay: float = 0.0


@asynccontextmanager
async def proxied(host: str, port: int) -> AsyncIterator[Proxy]:
    """Listens on a free port of this machine and passes on to `host:port` whatever arrives. HTTP/1.1 without TLS."""
    proxy = Proxy(0, Traffic())

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            upstream_reader, upstream_writer = await asyncio.open_connection(host, port)
            answers = asyncio.create_task(_answers(upstream_reader, writer, proxy.traffic))
            try:
                await _requests(reader, upstream_writer, proxy)
            finally:
                upstream_writer.close()
                answers.cancel()
                writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=1 << 20)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy


async def _requests(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, proxy: Proxy) -> None:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        proxy.traffic.requests[head.split(b" ", 1)[0].decode()] += 1
        proxy.traffic.sent += len(head)
        await asyncio.sleep(proxy.delay)
        writer.write(head)
        found = _LENGTH.search(head)
        left = int(found[1]) if found else 0
        while left:
            chunk = await reader.read(min(left, _CHUNK))
            if not chunk:
                return
            left -= len(chunk)
            proxy.traffic.sent += len(chunk)
            writer.write(chunk)
            await writer.drain()


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, traffic: Traffic) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(_CHUNK):
            traffic.received += len(chunk)
            writer.write(chunk)
            await writer.drain()
        writer.close()
