"""OllamaProvider against recorded shapes of the vendor's API."""

from collections.abc import AsyncIterator, Callable

import pytest
from session_mgmt_mcp.adapters.ollama.llm_provider import OllamaProvider
from session_mgmt_mcp.contracts.llm_provider import HTTPLLMProviderContract
from session_mgmt_mcp.contracts.llm_vendor import Failure
from session_mgmt_mcp.contracts.llm_wire import Wire, wire
from session_mgmt_mcp.ports.llm_provider import Access, LLMProvider

from tests.integration.llm.ollama_shapes import OllamaFormat

pytest.importorskip("ollama")


class TestOllama(HTTPLLMProviderContract):
    unsaid = frozenset({Failure.REFUSED})  # a model of one's own says no in words of its own

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[Wire]:
        async with wire(OllamaFormat()) as vendor:
            yield vendor

    @pytest.fixture
    async def elsewhere(self) -> AsyncIterator[Wire]:
        async with wire(OllamaFormat()) as vendor:
            yield vendor

    @pytest.fixture
    def made(self) -> Callable[[Access], LLMProvider]:
        return OllamaProvider
