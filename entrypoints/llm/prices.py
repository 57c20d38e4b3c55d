"""What a model costs where it is asked."""

from session_mgmt_mcp.llm.providers import Providers
from session_mgmt_mcp.llm.vendors import TERMS, Vendor, base_url, origin
from session_mgmt_mcp.ports.price_list import Price


class PricesByServer:
    """PriceList for the servers that the settings of `providers` name at the moment; one on this machine is free."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    def price(self, provider: str, model: str, read: int | None = None) -> Price | None:
        from session_mgmt_mcp.adapters.genai_prices.price_list import GenaiPriceList

        vendor = Vendor(provider)
        address = base_url(vendor, self._providers.settings)
        there = origin(address)
        elsewhere = {provider: address} if there != origin(TERMS[vendor].own) else {}
        free = {provider} if there.on_this_machine else ()
        return GenaiPriceList(elsewhere, free=free).price(provider, model, read)
