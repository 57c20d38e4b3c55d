"""What a language model costs."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens read, and for a million written.

    >>> Price(Decimal(3), Decimal(15)).of(input_tokens=1_000, output_tokens=100)
    Decimal('0.0045')
    """

    input: Decimal
    output: Decimal

    def of(self, input_tokens: int, output_tokens: int) -> Decimal:
        return (self.input * input_tokens + self.output * output_tokens) / 1_000_000


class PriceList(Protocol):
    """Prices as they were known when the list was made; looks nothing up on a network."""

    def price(self, provider: str, model: str, read: int | None = None) -> Price | None:
        """The highest that the vendor asks for that model, whatever the hour, when at most `read` tokens are read; None:
        however many. None is the answer where no price is known."""
