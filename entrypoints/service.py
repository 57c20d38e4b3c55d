"""What a hub serves: an MCP server, verbs for the command line, and somebody who takes the hooks' events."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from fastmcp import FastMCP
from session_mgmt_mcp.connection import Connection
from session_mgmt_mcp.domain.access_tokens import Tokens

Progress: TypeAlias = Callable[[dict[str, Any]], None]
Verb: TypeAlias = Callable[[Mapping[str, Any], Progress], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a hook is to hand to its client; `handed` is called once it has."""

    context: str
    handed: Callable[[], Awaitable[None]]


OnEvent: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Answer | None] | None]
"""Takes a hook's event. What it gives comes when the event is dealt with; only a hook that asks waits for it."""


async def _at_once() -> None: ...


@dataclass(frozen=True, slots=True)
class Service:
    """`repeatable` names the tools that may be called again when a hub died before it answered."""

    server: FastMCP
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    repeatable: Sequence[str] = ()
    on_event: OnEvent = lambda _: None
    is_busy: Callable[[], bool] = lambda: False  # something the user started must go on without a client
    on_arrival: Callable[[Connection], None] = lambda _: None  # a client's server, not a command or a hook
    on_departure: Callable[[Connection], None] = lambda _: None
    network: "Network | None" = None
    opened: Callable[[], Awaitable[object]] = _at_once  # answers once all that is stored can be searched


@dataclass(frozen=True, slots=True)
class Network:
    """What a service has for callers over HTTP. `require_exposure` raises Invalid where a network address needs a word first."""

    tokens: Tokens
    member_server: Callable[[], FastMCP]
    require_exposure: Callable[[], Awaitable[object]]


class Door(Protocol):
    """Another way in than the socket; what goes wrong when it opens ends the hub."""

    @property
    def url(self) -> str: ...

    async def open(self) -> None: ...

    async def close(self, within: float) -> None: ...


OpenDoor: TypeAlias = Callable[[Service], Awaitable[Door]]


OpenService: TypeAlias = Callable[[], AbstractAsyncContextManager[Service]]
