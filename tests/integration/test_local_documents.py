"""Documents as files."""

import pytest
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.contracts.session_storage import SessionStorageContract


class TestLocalSessionStorage(SessionStorageContract):
    @pytest.fixture
    def clock(self):
        return FixedClock()

    @pytest.fixture
    async def storage(self, clock, tmp_path):
        storage = LocalSessionStorage(tmp_path / "with spaces é" / "sessions", clock.now)
        yield storage
        await storage.close()
