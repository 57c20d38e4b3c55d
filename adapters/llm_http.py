"""Asking a vendor's server through its SDK: imported when first needed, over a connection of which everything is ours."""

import asyncio
import logging
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from session_mgmt_mcp.adapters.llm_failures import Server, interrupted, unreachable
from session_mgmt_mcp.ports.errors import PortError, Unsupported
from session_mgmt_mcp.ports.llm_provider import Unreachable

if TYPE_CHECKING:
    import httpx2

C = TypeVar("C")
T = TypeVar("T")

CONNECT_SECONDS = 5.0
ERROR_BYTES = 65_536
MOST_BYTES = 64 << 20
"""Of one answer: more than any model writes, also where each token comes in 300 bytes of JSON."""
NO_KEY = "none"
"""What an SDK is given as the key; the real one is set where a request leaves."""


class Sdk(Generic[C]):
    """An SDK's client, made by `load` in a thread when it is first asked for: to import one takes seconds.

    `loggers` are those that would tell what is asked, or where.
    """

    def __init__(self, extra: str, load: Callable[[], C], *loggers: str) -> None:
        self._extra = extra
        self._load = load
        self._loggers = loggers
        self._made: C | None = None
        self._in_turn = asyncio.Lock()

    async def client(self) -> C:
        """Raises Unsupported where it is not installed, Unreachable where the environment names a proxy that is none."""
        async with self._in_turn:
            if self._made is None:
                try:
                    self._made = await asyncio.to_thread(self._load)
                except ImportError as error:
                    raise self._missing(error) from None
                except Exception:  # it says what the proxy is, perhaps with a password
                    raise self._unreached() from None
                for name in self._loggers:
                    logging.getLogger(name).setLevel(logging.WARNING)
            return self._made

    def _missing(self, error: ImportError) -> PortError:
        if error.name is None:  # a kind of proxy that needs another library
            return self._unreached()
        return Unsupported(
            f"{self._extra} needs the extra {self._extra}: pip install 'session-mgmt-mcp[{self._extra}]'. "
            f"(Missing: {error.name})"
        )

    def _unreached(self) -> PortError:
        return Unreachable(f"{self._extra} was not asked: see to the proxy that HTTPS_PROXY or ALL_PROXY names.", 60.0)

    @property
    def made(self) -> C | None:
        return self._made


def http_client(server: Server, *kept: str, key_header: str = "authorization") -> "httpx2.AsyncClient":
    """Sends what is asked, the key, and of an SDK's own headers those in `kept`: none of the environment, none about
    this machine. Follows no redirect; asks no proxy for this machine; waits for an answer as long as nobody stops it, and
    reads at most MOST_BYTES of it."""
    import httpx2

    return httpx2.AsyncClient(**connection(httpx2, server, *kept, key_header=key_header))


def connection(http: Any, server: Server, *kept: str, key_header: str = "authorization") -> dict[str, Any]:
    """What makes an AsyncClient of `http` such a one: that is httpx2, or httpx for an SDK which still uses that."""
    timeout = http.Timeout(None, connect=CONNECT_SECONDS)

    async def leave(request: Any) -> None:
        ours = {
            "host": request.url.netloc.decode("ascii"),
            "accept": "application/json, text/event-stream",
            "accept-encoding": "identity",  # a few bytes that unpack to gigabytes would not be counted
            "user-agent": "session-mgmt-mcp",
        }
        if key := server.access.api_key:
            ours[key_header] = f"Bearer {key}" if key_header == "authorization" else key
        if request.method != "GET":
            ours["content-type"] = "application/json"
        framing = ("content-length", "transfer-encoding")
        ours |= {name: request.headers[name] for name in (*framing, *kept) if name in request.headers}
        request.headers = http.Headers(ours)
        request.extensions = {**request.extensions, "timeout": timeout.as_dict()}  # an SDK may have set its own

    class Bounded(http.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, whole: Any) -> None:
            self._whole = whole

        async def __aiter__(self) -> AsyncIterator[bytes]:
            left = MOST_BYTES
            async for part in self._whole:
                left -= len(part)
                if left < 0:
                    raise http.ReadError("more than any answer is")
                yield part

        async def aclose(self) -> None:
            await self._whole.aclose()

    async def bound(response: Any) -> None:
        response.headers.pop("content-encoding", None)
        response.stream = Bounded(response.stream)

    trusted: ssl.SSLContext | bool = True
    if server.is_here and not server.access.base_url.lower().startswith("https:"):
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody, and needs no 60 ms to read who is trusted
    return {
        "verify": trusted,
        "trust_env": not server.is_here,
        "follow_redirects": False,
        "timeout": timeout,
        "event_hooks": {"request": [leave], "response": [bound]},
    }


async def beginning(response: Any) -> bytes:
    """Of the body of an error, as much as says something; also of one that breaks off."""
    found = bytearray()
    with suppress(Exception):
        async with aclosing(response.aiter_bytes()) as chunks:
            async for chunk in chunks:
                found += chunk
                if len(found) >= ERROR_BYTES:
                    break
    return bytes(found[:ERROR_BYTES])


async def begun(parts: AsyncIterator[T]) -> AsyncIterator[T]:
    """A stream whose first part has come: what is wrong from the beginning is raised here, not where it is read."""
    first = await anext(parts, None)

    async def whole() -> AsyncIterator[T]:
        async with aclosing(parts):  # type: ignore[type-var]
            if first is not None:
                yield first
            async for part in parts:
                yield part

    return whole()


def broken(server: Server, error: Exception, library: str = "httpx2") -> PortError:
    """For what is no answer of a server: the connection that failed, or what could not be read."""
    http: Any = sys.modules[library]
    before = (http.ConnectError, http.ConnectTimeout, http.PoolTimeout, http.ProxyError, http.UnsupportedProtocol)
    for cause in _causes(error):
        if isinstance(cause, before):
            return unreachable(server, str(cause))
        if isinstance(cause, http.TransportError):
            return interrupted(server, "the connection broke off")
    return interrupted(server, "what came is none")


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(10):
        if found is None:
            return
        yield found
        found = found.__cause__
