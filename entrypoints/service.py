"""What a hub serves: an MCP server, verbs for the command line, and somebody who takes the hooks' events."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from fastmcp import FastMCP

Progress: TypeAlias = Callable[[dict[str, Any]], None]
Verb: TypeAlias = Callable[[Mapping[str, Any], Progress], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Service:
    """`repeatable` names the tools that may be called again when a hub died before it answered."""

    server: FastMCP
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    repeatable: Sequence[str] = ()
    on_event: Callable[[Mapping[str, Any]], None] = lambda _: None
    is_busy: Callable[[], bool] = lambda: False  # something the user started must go on without a client


OpenService: TypeAlias = Callable[[], AbstractAsyncContextManager[Service]]
