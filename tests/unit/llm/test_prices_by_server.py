"""What a model costs depends on where it is asked."""

from decimal import Decimal

from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.llm.prices import PricesByServer
from session_mgmt_mcp.llm.providers import Providers
from session_mgmt_mcp.settings import changed, load


def test_this_machine_is_free_the_vendor_has_its_price_and_of_a_stranger_nothing_is_known():
    providers = Providers(load(), Credentials(MemorySecretStore(), lambda: {}))
    prices = PricesByServer(providers)
    vendors = prices.price("openai", "gpt-4o")
    assert vendors is not None and vendors.output > vendors.input > Decimal(1)
    assert prices.price("ollama", "any").output == 0
    assert prices.price("openai", "no-such-model") is None
    providers.settings = changed(providers.settings, {"openai_base_url": "http://127.0.0.1:8080/v1"})
    assert prices.price("openai", "gpt-4o").output == prices.price("openai", "no-such-model").output == 0
    providers.settings = changed(providers.settings, {"openai_base_url": "https://llm.example.com/v1"})
    assert prices.price("openai", "gpt-4o") is None
    providers.settings = changed(providers.settings, {"ollama_base_url": "https://ollama.com"})
    assert prices.price("ollama", "any") is None
