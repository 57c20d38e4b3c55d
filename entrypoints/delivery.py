"""What waits until an answer has been written to the client, or could not be."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Outcome: TypeAlias = Callable[[bool], Awaitable[None]]
"""Is told whether the answer was written."""


class Awaited:
    """By request, what waits for its answer, in one conversation."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Outcome]] = {}

    def add(self, request: str, outcome: Outcome) -> None:
        self._waiting.setdefault(request, []).append(outcome)

    async def answered(self, request: object, written: bool) -> None:
        for outcome in self._waiting.pop(str(request), ()):
            await outcome(written)

    async def all_answered(self, written: bool) -> None:
        """For a conversation of one request."""
        for request in list(self._waiting):
            await self.answered(request, written)


_current: ContextVar[Awaited | None] = ContextVar("session_mgmt_awaited", default=None)


@contextmanager
def awaiting() -> Iterator[Awaited]:
    """Tasks started within can wait for answers of this conversation."""
    awaited = Awaited()
    token = _current.set(awaited)
    try:
        yield awaited
    finally:
        _current.reset(token)


async def when_answered(request: str, outcome: Outcome) -> None:
    """Calls `outcome` once the answer to `request` is written; outside of a conversation of ours, at once."""
    if (awaited := _current.get()) is not None:
        awaited.add(request, outcome)
    else:
        await outcome(True)
