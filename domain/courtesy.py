"""Whoever waits for an answer comes first: what works through a backlog beside it lets them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LONGEST = 0.01
"""Seconds that a piece of work of a millisecond or a few waits: where questions never end, it still goes on."""


class Courtesy:
    """Who answers says so; who has time asks before each piece of work."""

    def __init__(self) -> None:
        self._answering = 0
        self._quiet = asyncio.Event()

    @contextmanager
    def answering(self) -> Iterator[None]:
        self._answering += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._answering -= 1
            if not self._answering:
                self._quiet.set()

    async def give_way(self) -> None:
        """Others on this loop have their turn, and what is being answered is answered first, if it does not take long."""
        await asyncio.sleep(0)
        if self._answering:
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST):
                    await self._quiet.wait()
