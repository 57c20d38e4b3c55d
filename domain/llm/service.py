"""Asks language models: in an order, within budgets, and without secrets."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias, cast

from session_mgmt_mcp.domain.llm.budget import Limits, OverBudget, estimated
from session_mgmt_mcp.domain.llm.ledger import Day, Ledger, Reservation
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unavailable, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Completion,
    Denied,
    Interrupted,
    LLMProvider,
    Message,
    Prompt,
    Refused,
    Stop,
    Usage,
    check_prompt,
)
from session_mgmt_mcp.ports.price_list import Price, PriceList

MAX_TOKENS = 1_024
"""Of an answer, where nobody says."""

Opener: TypeAlias = Callable[[str], Awaitable[LLMProvider]]
"""A provider by its name, opened when first asked for and the same from then on. Raises Unsupported, Denied, Invalid."""

OnPiece: TypeAlias = Callable[[str, str], Awaitable[None]]
"""Told which provider wrote which piece; another provider begins anew."""

ANOTHER_MAY = (Unavailable, Denied, Unsupported)
"""After these the next provider is asked."""

CHARGED = (Interrupted, Refused)
"""After these something may have been charged, even if no piece came."""


class NoModel(Invalid):
    """Nobody named one, and there is no default."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A provider that gave no answer, and why, in one sentence."""

    provider: str
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`model` as the server names it; `cost` in US dollars, at most; `redacted`: secrets that were taken out before."""

    text: str
    provider: str
    model: str
    usage: Usage | None  # None: the server does not count
    cost: Decimal | None  # None: nobody knows
    stop: Stop
    redacted: int = 0
    tried: tuple[Tried, ...] = ()


class LLMService:
    """Keeps nothing of what is asked and answered.

    `order`: who is asked where nobody is named, and who after them; `models`: each provider that there is, with its
    default model, which may be empty.
    """

    def __init__(
        self,
        open_provider: Opener,
        order: Sequence[str],
        models: Mapping[str, str],
        prices: PriceList,
        ledger: Ledger,
        limits: Limits,
    ) -> None:
        self._open = open_provider
        self._order = order
        self._models = models
        self._prices = prices
        self._ledger = ledger
        self._limits = limits

    @property
    def limits(self) -> Limits:
        return self._limits

    async def spent(self) -> Day:
        """What today's calls have used."""
        return await self._ledger.today()

    async def ask(
        self,
        messages: Sequence[Message],
        provider: str | None = None,
        model: str | None = None,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        use_fallback: bool = True,
        on_piece: OnPiece | None = None,
    ) -> Answer:
        """The first whole answer. Cancelling ends the request at the server; what it may have cost stays held.

        `provider` None: the first of the order; `model` belongs to that one, all others are asked for their default.
        With `use_fallback` the rest of the order follows after Unavailable, Denied and Unsupported. Raises what the
        last one raised, Invalid for what nobody can be asked, OverBudget.
        """
        clean, redacted = await asyncio.to_thread(_redacted, messages)
        names = self._asked(provider, use_fallback)
        prompt = Prompt(clean, model or "any", MAX_TOKENS if max_tokens is None else max_tokens, temperature)
        check_prompt(prompt)
        tried: list[Tried] = []
        fault: PortError = NoModel("")
        for place, name in enumerate(names):
            wanted = (model if place == 0 else None) or self._models[name]
            outcome = await self._attempt(name, replace(prompt, model=wanted), on_piece)
            if isinstance(outcome, Answer):
                return replace(outcome, redacted=redacted, tried=tuple(tried))
            tried.append(Tried(name, redact(str(outcome)).text))
            if isinstance(outcome, NoModel) and name != provider:
                continue
            fault = outcome
            if not isinstance(fault, ANOTHER_MAY):
                break
        raise _retold(fault, tried)

    def _asked(self, provider: str | None, use_fallback: bool) -> Sequence[str]:
        """Who is asked, in turn."""
        if provider is not None and provider not in self._models:
            known = ", ".join(self._models)
            raise Invalid(f"provider {redact(provider).text[:40]!r} is none that can be asked: name one of {known}.")
        names = list(dict.fromkeys([provider, *self._order] if provider else self._order))
        if not names:
            raise Invalid(
                "Nobody is named and llm_providers is empty: name a provider, or set llm_providers, for example to ollama."
            )
        return names if use_fallback else names[:1]

    async def _attempt(self, name: str, prompt: Prompt, on_piece: OnPiece | None) -> Answer | PortError:
        """The answer, or what kept the provider from it; raises what would keep every provider from it."""
        if not prompt.model:
            return NoModel(f"{name} has no default model: name one, or set {name}_model.")
        try:
            opened = await self._open(name)
        except PortError as error:
            return error
        estimate = estimated(prompt)
        price = await self._price(name, prompt.model, estimate.input_tokens)
        try:
            held = await self._ledger.reserve(name, prompt.model, estimate.at(price), self._limits)
        except OverBudget as error:
            return error
        try:
            completion = await self._completion(opened, name, prompt, on_piece, held)
        except PortError as error:
            return error
        usage = _counted(completion.usage)
        price = await self._price(name, prompt.model, usage.input_tokens) if usage else None
        cost = price.of(usage.input_tokens, usage.output_tokens) if price and usage else None
        if usage is not None:
            with suppress(PortError):  # the answer is paid for, so it is given: its worst case stays held
                await self._ledger.settle(held, usage, cost)
        return Answer(completion.text, name, completion.model, usage, cost, completion.stop)

    async def _price(self, name: str, model: str, read: int) -> Price | None:
        return await asyncio.to_thread(self._prices.price, name, model, read)

    async def _completion(
        self, opened: LLMProvider, name: str, prompt: Prompt, on_piece: OnPiece | None, held: Reservation
    ) -> Completion:
        begun = False
        try:
            async with aclosing(cast(AsyncGenerator[str | Completion, None], opened.stream(prompt))) as pieces:
                async for piece in pieces:
                    begun = True
                    if isinstance(piece, Completion):
                        return piece
                    if on_piece is not None:
                        await on_piece(name, piece)
            raise Interrupted(f"{name} broke off: ask again; what it wrote may have been charged.")
        except PortError as error:
            if not begun and not isinstance(error, CHARGED):
                with suppress(PortError):  # the fault that is told is the first one
                    await self._ledger.release(held)
            raise


def _counted(usage: Usage | None) -> Usage | None:
    """None for what is no count: a server that tells less than nothing would give back what others have used."""
    if (
        usage is None
        or min(usage.input_tokens, usage.output_tokens) < 0
        or not usage.input_tokens + usage.output_tokens
    ):
        return None
    return usage


def _redacted(messages: Sequence[Message]) -> tuple[tuple[Message, ...], int]:
    """Without secrets, and how many there were."""
    clean = [redact(message.text) for message in messages]
    texts = tuple(Message(message.role, one.text) for message, one in zip(messages, clean, strict=True))
    return texts, sum(sum(one.counts.values()) for one in clean)


def _retold(fault: PortError, tried: Sequence[Tried]) -> PortError:
    """The last fault, told with all that came before, and without secrets."""
    why = tried[0].why if len(tried) == 1 else "; ".join(f"{one.provider}: {one.why}" for one in tried)
    if isinstance(fault, Unavailable):
        return type(fault)(why, fault.retry_after)
    return type(fault)(why)
