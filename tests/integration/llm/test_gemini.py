"""GeminiProvider against recorded shapes of the vendor's API."""

from collections.abc import AsyncIterator, Callable

import pytest
from session_mgmt_mcp.adapters.gemini.llm_provider import GeminiProvider
from session_mgmt_mcp.contracts.llm_provider import HTTPLLMProviderContract
from session_mgmt_mcp.contracts.llm_wire import Wire, wire
from session_mgmt_mcp.ports.llm_provider import Access, LLMProvider

from tests.integration.llm.gemini_shapes import GeminiFormat

pytest.importorskip("google.genai")


class TestGemini(HTTPLLMProviderContract):
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[Wire]:
        async with wire(GeminiFormat()) as vendor:
            yield vendor

    @pytest.fixture
    async def elsewhere(self) -> AsyncIterator[Wire]:
        async with wire(GeminiFormat()) as vendor:
            yield vendor

    @pytest.fixture
    def made(self) -> Callable[[Access], LLMProvider]:
        return GeminiProvider
