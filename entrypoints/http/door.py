"""The door: listens, serves both roles behind the gate, and closes in order."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from fastmcp import FastMCP
from session_mgmt_mcp import fastmcp_internals
from session_mgmt_mcp.domain.access_tokens import Tokens
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.http.admission import Admission
from session_mgmt_mcp.http.connections import impatient
from session_mgmt_mcp.http.gate import PATH, Gate
from session_mgmt_mcp.http.limits import Limits
from session_mgmt_mcp.http.names import LOOPBACK, Names

BACKLOG = 100
"""So many connections are taken at once before any is counted."""


@dataclass(frozen=True, slots=True)
class Behind:
    """What is served to whom."""

    servers: dict[Role, FastMCP]
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Frame:
    """How a door is set; `listening` is bound, and the door's from then on."""

    listening: socket.socket
    names: Names
    limits: Limits = field(default_factory=Limits)
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """By which whoever sits at this machine reaches it."""
        host, port = self.listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"http{'s' if self.certificate else ''}://{shown}:{port}{PATH}"


class Door:
    """Opens in `open`, which returns once it serves; `close` lets what is in flight finish."""

    def __init__(self, frame: Frame, behind: Behind) -> None:
        self._frame = frame
        self._behind = behind
        self._admission = Admission(behind.tokens, frame.limits)
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        self._server: uvicorn.Server | None = None
        self.gate: Gate | None = None

    @property
    def url(self) -> str:
        return self._url

    async def open(self) -> None:
        self._url = self._frame.url
        # connections inherit it; without, each answer waits 40 ms for the client to acknowledge its headers
        self._frame.listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._task = asyncio.create_task(self._serve())
        await asyncio.wait((self._ready, self._task), return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done():
            await self._task  # raises what it ended of

    async def close(self, within: float) -> None:
        """No new requests, streams end; requests in flight may take so many seconds."""
        if self._task is None or self._server is None or self.gate is None:
            return
        self.gate.leave()
        self._server.config.timeout_graceful_shutdown = within  # type: ignore[assignment]  # it takes any number
        self._server.should_exit = True
        await asyncio.gather(self._task, return_exceptions=True)

    async def _serve(self) -> None:
        """All in one task: the servers' task groups must be left by who entered them."""
        limits, names = self._frame.limits, self._frame.names
        async with AsyncExitStack() as stack:
            apps = {}
            for role, server in self._behind.servers.items():
                app = server.http_app(
                    PATH,
                    host_origin_protection=True,
                    allowed_hosts=sorted(names.hosts - LOOPBACK),
                    allowed_origins=sorted(names.origins),
                    session_idle_timeout=limits.session_seconds,
                )
                await stack.enter_async_context(app.lifespan(app))
                fastmcp_internals.limit_sessions(app, limits.sessions)
                apps[role] = app
            self.gate = Gate(apps, self._admission, names, limits)
            self._server = _Server(self._config(self.gate), self._ready)
            await self._server.serve(sockets=[self._frame.listening])
            await _over(self._server)
            await self._admission.close()

    def _config(self, gate: Gate) -> uvicorn.Config:
        limits = self._frame.limits
        return uvicorn.Config(
            gate,
            http=impatient(limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            backlog=BACKLOG,
            proxy_headers=False,  # who connects says nothing about who they are
            server_header=False,
            timeout_keep_alive=int(limits.idle_seconds),
            h11_max_incomplete_event_size=limits.header_bytes,
            ssl_certfile=self._frame.certificate,
            ssl_keyfile=str(self._frame.key) if self._frame.key else None,
        )


class _Server(uvicorn.Server):
    """Signals are the hub's; `ready` is set once it listens."""

    def __init__(self, config: uvicorn.Config, ready: asyncio.Future[None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set_result(None)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _over(server: uvicorn.Server) -> None:
    """What was cut off has come to its end."""
    await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
