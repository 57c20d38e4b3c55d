"""A provider that does as it is told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeAlias

from session_mgmt_mcp.ports.llm_provider import Completion, Message, Prompt, Role, Stop, Usage
from session_mgmt_mcp.ports.price_list import Price

Step: TypeAlias = str | float | Completion | BaseException


def user(text: str) -> Message:
    return Message(Role.USER, text)


def whole(text: str = "Hello!", used: tuple[int, int] | None = (10, 5)) -> Completion:
    return Completion(text, "real-model", Stop.END, Usage(*used) if used else None)


class Scripted:
    """Each call takes the next script, the last one for good: pieces, seconds to wait, errors, a Completion."""

    def __init__(self, *scripts: Sequence[Step], name: str = "ollama") -> None:
        self.name = name
        self.prompts: list[Prompt] = []
        self.ended = 0
        self.closed = False
        self._scripts = [list(script) for script in scripts] or [["Hel", "lo!", whole()]]

    async def complete(self, prompt: Prompt) -> Completion:
        async for piece in self.stream(prompt):
            if isinstance(piece, Completion):
                return piece
        raise AssertionError("no Completion at the end of the script")

    async def stream(self, prompt: Prompt) -> AsyncIterator[str | Completion]:
        self.prompts.append(prompt)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        try:
            for step in script:
                match step:
                    case BaseException():
                        raise step
                    case float():
                        await asyncio.sleep(step)
                    case _:
                        yield step
        finally:
            self.ended += 1

    async def models(self) -> Sequence[str]:
        return [str(await self.complete(Prompt((user("models"),), "any", 1)))]

    async def health(self) -> None:
        await self.complete(Prompt((user("health"),), "any", 1))

    async def close(self) -> None:
        self.closed = True


class Prices:
    """PriceList of a dict."""

    def __init__(self, **prices: Price) -> None:
        self._prices = prices

    def price(self, provider: str, model: str) -> Price | None:
        return self._prices.get(provider)
