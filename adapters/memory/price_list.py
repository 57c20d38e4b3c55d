"""PriceList in this process, for tests."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from session_mgmt_mcp.ports.price_list import Price


class MemoryPriceList:
    """PriceList of `prices`, by provider and model; those in `free` cost nothing.

    >>> MemoryPriceList({("openai", "small"): Price(Decimal(1), Decimal(4))}).price("openai", "large")
    """

    def __init__(self, prices: Mapping[tuple[str, str], Price] | None = None, free: Collection[str] = ()) -> None:
        self._prices = prices or {}
        self._free = frozenset(free)

    def price(self, provider: str, model: str, read: int | None = None) -> Price | None:
        return Price(Decimal(0), Decimal(0)) if provider in self._free else self._prices.get((provider, model))
