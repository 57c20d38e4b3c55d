"""What a model costs where it is asked: the vendor's price on its own server alone."""

from decimal import Decimal

from session_mgmt_mcp.llm.providers import Providers
from session_mgmt_mcp.llm.vendors import TERMS, Vendor, base_url, origin
from session_mgmt_mcp.ports.price_list import Price, PriceList

FREE = Price(Decimal(0), Decimal(0))


class PricesByServer:
    """PriceList. A server on this machine costs nothing; what another one asks that is not the vendor's, nobody knows."""

    def __init__(self, vendors: PriceList, providers: Providers) -> None:
        self._vendors = vendors
        self._providers = providers

    def price(self, provider: str, model: str) -> Price | None:
        vendor = Vendor(provider)
        there = origin(base_url(vendor, self._providers.settings))
        if there.on_this_machine:
            return FREE
        return self._vendors.price(provider, model) if there == origin(TERMS[vendor].own) else None
