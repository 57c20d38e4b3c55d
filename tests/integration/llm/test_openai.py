"""OpenAIProvider against recorded shapes of the vendor's API."""

from collections.abc import AsyncIterator, Callable

import pytest
from session_mgmt_mcp.adapters.openai.llm_provider import OpenAIProvider
from session_mgmt_mcp.contracts.llm_provider import HTTPLLMProviderContract
from session_mgmt_mcp.contracts.llm_wire import Wire, wire
from session_mgmt_mcp.ports.llm_provider import Access, LLMProvider

from tests.integration.llm.openai_shapes import OpenAIFormat

pytest.importorskip("openai")


class TestOpenAI(HTTPLLMProviderContract):
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[Wire]:
        async with wire(OpenAIFormat()) as vendor:
            yield vendor

    @pytest.fixture
    async def elsewhere(self) -> AsyncIterator[Wire]:
        async with wire(OpenAIFormat()) as vendor:
            yield vendor

    @pytest.fixture
    def made(self) -> Callable[[Access], LLMProvider]:
        return OpenAIProvider
