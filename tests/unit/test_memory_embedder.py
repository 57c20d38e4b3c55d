from collections.abc import AsyncIterator

import numpy as np
import pytest
from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder
from session_mgmt_mcp.contracts.embedder import EmbedderContract


@pytest.fixture
async def embedder() -> AsyncIterator[MemoryEmbedder]:
    embedder = MemoryEmbedder()
    yield embedder
    await embedder.close()


class TestMemoryEmbedder(EmbedderContract):
    async def test_it_says_the_same_on_every_machine(self, embedder: MemoryEmbedder) -> None:
        vector = await embedder.embed_query("reset the cache")
        assert np.argsort(-np.abs(vector), kind="stable")[:3].tolist() == [243, 294, 372]

    async def test_word_forms_are_near_each_other(self, embedder: MemoryEmbedder) -> None:
        vectors = await embedder.embed_documents(["deploying services", "deployed service", "grocery list"])
        assert vectors[0] @ vectors[1] > 0.6
        assert abs(vectors[0] @ vectors[2]) < 0.3
