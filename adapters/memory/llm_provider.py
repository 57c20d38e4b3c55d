"""LLMProvider in this process, for tests: it says what it was told to."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.llm_provider import (
    Completion,
    NoSuchModel,
    Prompt,
    Stop,
    Usage,
    check_prompt,
)


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer: its pieces, then an error, or silence, or its end."""

    pieces: tuple[str, ...] = ("Hello.",)
    error: PortError | None = None
    silent: bool = False
    usage: Usage | None = Usage(11, 7)  # noqa: RUF009 (frozen)
    stop: Stop = Stop.END


class MemoryLLMProvider:
    """LLMProvider. `script` is played from the first answer to the last, which is then repeated; `prompts` is what came.

    >>> MemoryLLMProvider(Scripted(("Hel", "lo")), models=("tiny",)).name
    'memory'
    """

    def __init__(self, *script: Scripted, models: Sequence[str] = ("tiny",), name: str = "memory") -> None:
        self.name = name
        self.prompts: list[Prompt] = []
        self.script = list(script) or [Scripted()]
        self.known = tuple(models)
        self.left = asyncio.Event()  # somebody did not wait for the end of an answer
        self.closed = False

    async def complete(self, prompt: Prompt) -> Completion:
        async for piece in self.stream(prompt):
            if isinstance(piece, Completion):
                return piece
        raise AssertionError("a script ends with a Completion, or an error")

    async def stream(self, prompt: Prompt) -> AsyncIterator[str | Completion]:
        check_prompt(prompt)
        self.prompts.append(prompt)
        if prompt.model not in self.known:
            raise NoSuchModel(f"{self.name} has no model {prompt.model[:100]}: it has {', '.join(self.known)}.")
        told = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        try:
            for piece in told.pieces:
                await asyncio.sleep(0)
                yield piece
            if told.silent:
                await asyncio.Event().wait()
        except (GeneratorExit, asyncio.CancelledError):
            self.left.set()
            raise
        if told.error is not None:
            raise told.error
        yield Completion("".join(told.pieces), prompt.model, told.stop, told.usage)

    async def models(self) -> Sequence[str]:
        await self.health()
        return sorted(self.known)

    async def health(self) -> None:
        if self.script[0].error is not None:
            raise self.script[0].error

    async def close(self) -> None:
        self.closed = True
