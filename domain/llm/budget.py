"""What a call of a language model may use, and what a day of them."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_UP, Decimal
from math import ceil

from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.llm_provider import Prompt
from session_mgmt_mcp.ports.price_list import Price

BYTES_PER_TOKEN = 2  # of ordinary text, whose tokens are longer; docs/architecture/0043
MARGIN = 1.06  # of dense text, of which domain/tokens may count a twentieth too few
AROUND_MESSAGE = 16  # tokens for its role and its marks


class OverBudget(Invalid):
    """A limit stands against the call; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens read and written, and US dollars; None: no limit. Where tokens are 0, no call is made at all.

    >>> Limits(day_tokens=100_000, day_cost=Decimal("0.50")).call_tokens
    """

    call_tokens: int | None = None
    day_tokens: int | None = None
    call_cost: Decimal | None = None
    day_cost: Decimal | None = None

    @property
    def of_money(self) -> str:
        """The setting that limits money; empty: none does."""
        return "llm_call_cost" if self.call_cost is not None else "llm_day_cost" if self.day_cost is not None else ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call uses at worst; `cost` in US dollars, None: nobody knows the price."""

    input_tokens: int
    output_tokens: int
    cost: Decimal | None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def at(self, price: Price | None) -> "Estimate":
        """With its cost at that price."""
        return replace(self, cost=price.of(self.input_tokens, self.output_tokens) if price else None)


@dataclass(frozen=True, slots=True)
class Used:
    """What a day has used, with what is held for calls whose use is not known; it `ends` (aware) where the user is."""

    tokens: int
    cost: Decimal
    ends: datetime


def estimated(prompt: Prompt) -> Estimate:
    """What it uses at worst: whatever a tokenizer may make of its messages, and as many as are asked for.

    >>> estimated(Prompt((Message(Role.USER, "Why is the sky blue?"),), "some-model", 50))
    Estimate(input_tokens=26, output_tokens=50, cost=None)
    """
    read = sum(_at_worst(message.text) + AROUND_MESSAGE for message in prompt.messages)
    return Estimate(read, prompt.max_tokens, None)


def _at_worst(text: str) -> int:
    size = len(text.encode("utf-8", "surrogatepass"))
    return max(ceil(size / BYTES_PER_TOKEN), ceil(tokens(text) * MARGIN))


def check_call(estimate: Estimate, limits: Limits, model: str) -> None:
    """Raises OverBudget for what is too much for one call, and for an unknown price where money is limited."""
    if limits.call_tokens is not None and estimate.tokens > limits.call_tokens:
        raise OverBudget(
            _refused(limits.call_tokens, "llm_call_tokens")
            or (
                f"This call may need {estimate.tokens:,} tokens, and one may use {limits.call_tokens:,}: "
                "ask for less, or raise llm_call_tokens."
            )
        )
    if limits.of_money and estimate.cost is None:
        raise OverBudget(
            f"The price of {model[:100]} is not known, and {limits.of_money} limits what is spent: "
            "name another model, or take that limit away."
        )
    if limits.call_cost is not None and estimate.cost is not None and estimate.cost > limits.call_cost:
        raise OverBudget(
            f"This call may cost {dollars(estimate.cost)}, and one may cost {dollars(limits.call_cost)}: "
            "ask for less, or raise llm_call_cost."
        )


def check_day(estimate: Estimate, limits: Limits, used: Used) -> None:
    """Raises OverBudget when the call, at worst, would pass what a day may use."""
    until = f"until {used.ends:%Y-%m-%d %H:%M} ({used.ends.tzname()})"
    if limits.day_tokens is not None and used.tokens + estimate.tokens > limits.day_tokens:
        raise OverBudget(
            _refused(limits.day_tokens, "llm_day_tokens")
            or (
                f"A day may use {limits.day_tokens:,} tokens: {used.tokens:,} are used or held {until}, and this call may "
                f"need {estimate.tokens:,}: ask for less, wait, or raise llm_day_tokens."
            )
        )
    if limits.day_cost is not None and used.cost + (estimate.cost or 0) > limits.day_cost:
        raise OverBudget(
            f"A day may cost {dollars(limits.day_cost)}: {dollars(used.cost)} are spent or held {until}, and this call "
            f"may cost {dollars(estimate.cost or Decimal(0))}: ask for less, wait, or raise llm_day_cost."
        )


def dollars(amount: Decimal) -> str:
    """Rounded up to what says something.

    >>> dollars(Decimal("1.2")), dollars(Decimal("0.00451")), dollars(Decimal(0))
    ('$1.20', '$0.0046', '$0.00')
    """
    places = 2 if amount >= 1 or amount == round(amount, 2) else 4
    return f"${amount.quantize(Decimal(1).scaleb(-places), ROUND_UP)}"


def _refused(limit: int, setting: str) -> str:
    return "" if limit else f"{setting} is 0, so no language model is asked: raise it first."
