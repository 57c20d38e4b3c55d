"""A question to a language model, and word of how far its answer is."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from session_mgmt_mcp.domain.llm.service import Answer, LLMService
from session_mgmt_mcp.ports.llm_provider import Message

WORD_SECONDS = 0.25  # between two words of progress

Told = Callable[[float, float | None, str | None], Awaitable[None]]
"""Progress that only grows, a total or none, and a message."""


@dataclass(frozen=True, slots=True)
class Question:
    """As LLMService.ask takes it."""

    messages: Sequence[Message]
    provider: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    use_fallback: bool = True


async def answer(service: LLMService, question: Question, told: Told) -> Answer:
    """Says now and then how many characters have come; cancelling ends the request. Raises as LLMService.ask."""
    characters, last = 0, 0.0

    async def on_piece(provider: str, piece: str) -> None:
        nonlocal characters, last
        characters += len(piece)
        if (now := time.monotonic()) - last >= WORD_SECONDS:
            last = now
            await told(float(characters), None, f"{provider} has written {characters:,} characters")

    return await service.ask(
        question.messages,
        question.provider,
        question.model,
        temperature=question.temperature,
        max_tokens=question.max_tokens,
        use_fallback=question.use_fallback,
        on_piece=on_piece,
    )
