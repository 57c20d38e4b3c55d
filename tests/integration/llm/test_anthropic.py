"""AnthropicProvider against recorded shapes of the vendor's API."""

from collections.abc import AsyncIterator, Callable

import pytest
from session_mgmt_mcp.adapters.anthropic.llm_provider import AnthropicProvider
from session_mgmt_mcp.contracts.llm_provider import HTTPLLMProviderContract
from session_mgmt_mcp.contracts.llm_wire import Wire, wire
from session_mgmt_mcp.ports.llm_provider import Access, LLMProvider

from tests.integration.llm.anthropic_shapes import AnthropicFormat

pytest.importorskip("anthropic")


class TestAnthropic(HTTPLLMProviderContract):
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[Wire]:
        async with wire(AnthropicFormat()) as vendor:
            yield vendor

    @pytest.fixture
    async def elsewhere(self) -> AsyncIterator[Wire]:
        async with wire(AnthropicFormat()) as vendor:
            yield vendor

    @pytest.fixture
    def made(self) -> Callable[[Access], LLMProvider]:
        return AnthropicProvider
