"""Time for the providers of language models: how long one is waited for, and how often it is asked again."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from math import inf
from typing import TypeAlias, TypeVar, cast

from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.llm_provider import (
    FREE_TO_REPEAT,
    Completion,
    Interrupted,
    LLMProvider,
    Prompt,
    check_prompt,
)
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exception,
    wait_random_exponential,
)

T = TypeVar("T")
_Pieces: TypeAlias = AsyncGenerator[str | Completion, None]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. What is written later than `stall` after the piece before it is not waited for.

    The first piece may take all of `total`: models think before they write, and servers load them.
    """

    total: float = 120.0  # for a whole answer, with all attempts
    stall: float = 30.0
    brief: float = 15.0  # for what generates nothing: models and health
    attempts: int = 3
    pause: float = 0.5  # at most, beyond what the server asks for; twice as long after each further attempt


class PatientProvider:
    """An LLMProvider around another one: it repeats what is free to repeat, and waits no longer than it should.

    What is asked wrongly is not sent (`check_prompt`). A server that names a time to come again is asked again then, if
    that time is left; else its error is raised at once. Once a piece came, nothing is repeated.

    >>> PatientProvider(provider, Patience(total=60)).name
    'ollama'
    """

    def __init__(self, provider: LLMProvider, patience: Patience | None = None) -> None:
        self._provider = provider
        self._patience = patience or Patience()
        self.name = provider.name

    async def complete(self, prompt: Prompt) -> Completion:
        check_prompt(prompt)
        until = self._in(self._patience.total)
        return await self._repeated(lambda: self._within(until, self._provider.complete(prompt)), self._patience.total)

    async def stream(self, prompt: Prompt) -> AsyncIterator[str | Completion]:
        check_prompt(prompt)
        until = self._in(self._patience.total)
        pieces, piece = await self._repeated(lambda: self._begun(prompt, until), self._patience.total)
        async with aclosing(pieces):
            while piece is not None:
                yield piece
                piece = await self._within(until, anext(pieces, None), self._patience.stall)

    async def models(self) -> Sequence[str]:
        until = self._in(self._patience.brief)
        return await self._repeated(lambda: self._within(until, self._provider.models()), self._patience.brief)

    async def health(self) -> None:
        """Asks once: it is about now."""
        await self._within(self._in(self._patience.brief), self._provider.health())

    async def close(self) -> None:
        await self._provider.close()

    async def _begun(self, prompt: Prompt, until: float) -> tuple[_Pieces, str | Completion | None]:
        """A stream, and its first piece."""
        pieces = cast(_Pieces, self._provider.stream(prompt))
        return pieces, await self._within(until, anext(pieces, None))

    async def _repeated(self, call: Callable[[], Awaitable[T]], total: float) -> T:
        async def attempt() -> T:
            return await call()

        return await AsyncRetrying(
            retry=retry_if_exception_type(FREE_TO_REPEAT),
            wait=wait_exception(_asked_for) + wait_random_exponential(self._patience.pause),
            stop=stop_after_attempt(self._patience.attempts) | stop_before_delay(total),
            reraise=True,
        )(attempt)

    async def _within(self, until: float, answer: Awaitable[T], stall: float = inf) -> T:
        """Raises Interrupted when nothing came until then, or for so long."""
        stalled = self._in(stall)
        try:
            async with asyncio.timeout_at(min(until, stalled)):
                return await answer
        except TimeoutError:
            if stalled < until:
                raise Interrupted(f"{self.name} wrote nothing for {stall:g} s: ask again, or another one.") from None
            raise Interrupted(
                f"{self.name} was not done in time: see how it is, ask for fewer tokens, or raise llm_timeout."
            ) from None

    def _in(self, seconds: float) -> float:
        return asyncio.get_running_loop().time() + seconds


def _asked_for(error: BaseException) -> float:
    """Seconds that the server wants to be left alone."""
    return error.retry_after if isinstance(error, Unavailable) else 0.0
