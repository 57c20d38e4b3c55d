"""Documents in a real S3 server."""

import secrets

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.s3.session_storage import S3SessionStorage
from session_mgmt_mcp.contracts.session_storage import SessionStorageContract


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
async def storage(s3, clock):
    storage = S3SessionStorage(
        s3.bucket,
        f"tests/{secrets.token_hex(4)}",
        s3.endpoint,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key,
        now=clock.now,
    )
    yield storage
    await storage.close()


class TestS3SessionStorage(SessionStorageContract):
    pass
