"""PriceList of the package genai-prices, as it was when that was installed; its updater is never started."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from session_mgmt_mcp.ports.price_list import Price

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_VENDORS = {"anthropic": "anthropic", "openai": "openai", "gemini": "google"}
_CACHE_UNASKED = frozenset({"openai", "azure"})  # what these keep of a prompt they charge for, asked or not
_READ, _WRITTEN = ("input_mtok",), ("output_mtok", "output_reasoning_mtok")
_PER_CALL = ("requests_kcount", "input_text_messages_kcount")
_FREE = Price(Decimal(0), Decimal(0))


class GenaiPriceList:
    """PriceList. `base_urls`: where each provider is, empty for its vendor's own; those in `free` cost nothing.

    Without the package no price is known. `now` says which of several prices is in force.

    >>> GenaiPriceList({"openai": "https://api.groq.com/openai/v1"}, free={"ollama"}).price("ollama", "any")
    Price(input=Decimal('0'), output=Decimal('0'))
    """

    def __init__(
        self,
        base_urls: Mapping[str, str],
        free: Collection[str] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base_urls = base_urls
        self._free = frozenset(free)
        self._now = now

    def price(self, provider: str, model: str, read: int | None = None) -> Price | None:
        if provider in self._free:
            return _FREE
        found = self._found(provider, model.strip().removeprefix("models/"))  # as Gemini lists them
        return _highest(*found, self._now(), math.inf if read is None else read) if found else None

    def _found(self, provider: str, model: str) -> "tuple[Provider, ModelInfo] | None":
        try:  # 0.2 s of CPU and 20 MB, so only once somebody asks
            from genai_prices.data_snapshot import get_snapshot
        except ImportError:
            return None
        vendor, url = _VENDORS.get(provider), self._base_urls.get(provider, "").lower()
        if not (vendor or url):
            return None
        try:
            return get_snapshot().find_provider_model(model, None, None if url else vendor, url or None)
        except LookupError:
            return None


def _highest(provider: "Provider", model: "ModelInfo", now: datetime, read: float) -> Price | None:
    """Up to that length, over the hours of a day from now on. None where calls are charged for beside their tokens."""
    day = [model.get_prices(now + timedelta(hours=hour)) for hour in range(24)]
    if any(True for _ in _amounts(day, _PER_CALL, read)):
        return None
    reading = [*_amounts(day, _READ, read)]
    kept = _amounts(day, ("cache_write_mtok",), read) if provider.id in _CACHE_UNASKED else ()
    writing = [*_amounts(day, _WRITTEN, read)]
    return Price(max([*reading, *kept]), max(writing)) if reading and writing else None


def _amounts(day: "list[ModelPrice]", units: Collection[str], read: float) -> Iterator[Decimal]:
    for prices in day:
        for unit in units:
            amount = getattr(prices, unit)
            if isinstance(amount, Decimal):
                yield amount
            elif amount is not None:
                yield amount.base
                yield from (tier.price for tier in amount.tiers if tier.start <= read)
