"""Calls over a network, for the adapters that make them: repeated a few times, for a limited time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried, and how many seconds one attempt and all of them may take."""

    attempts: int = 4
    each: float = 3.0
    total: float = 10.0
    pause: float = 0.1  # up to so long after the first attempt, up to twice as long after each further one


PATIENCE = Patience()


async def repeated(call: Callable[[], Awaitable[T]], passes: Callable[[BaseException], bool], patience: Patience) -> T:
    """What `call` gives. It is made again while it fails with what `passes`, or takes too long: so it must be safe to repeat.

    Raises what the last attempt raised; TimeoutError when it took too long.
    """

    async def attempt() -> T:
        async with asyncio.timeout(patience.each):
            return await call()

    async with asyncio.timeout(patience.total):
        return await AsyncRetrying(
            stop=stop_after_attempt(patience.attempts),
            wait=wait_random_exponential(multiplier=patience.pause, max=1.0),
            retry=retry_if_exception(lambda error: isinstance(error, TimeoutError) or passes(error)),
            reraise=True,
        )(attempt)
