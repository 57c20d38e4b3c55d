"""VectorStore on LanceDB, in a folder and on S3."""

from uuid import uuid4

import pytest
from session_mgmt_mcp.adapters.lancedb.connection import s3_options
from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
from session_mgmt_mcp.contracts.vector_store import DurableVectorStoreContract


@pytest.fixture
async def store(place):
    store = await LanceDBVectorStore.open(*place)
    yield store
    await store.close()


@pytest.fixture
async def reopen(store, place):
    opened = []

    async def again():
        await store.close()
        opened.append(await LanceDBVectorStore.open(*place))
        return opened[-1]

    yield again
    for one in opened:
        await one.close()


@pytest.mark.slow
class TestLanceDB(DurableVectorStoreContract):
    @pytest.fixture
    def place(self, tmp_path):
        return (str(tmp_path / "with spaces é" / "memories.lance"),)


@pytest.mark.slow
class TestLanceDBOnS3(DurableVectorStoreContract):
    @pytest.fixture
    def place(self, s3):
        options = s3_options(s3.endpoint, s3.region, s3.access_key_id, s3.secret_access_key)
        return f"s3://{s3.bucket}/{uuid4().hex}", options
