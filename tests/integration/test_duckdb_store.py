import pytest
from session_mgmt_mcp.adapters.duckdb.ledger import DuckDBImportLedger
from session_mgmt_mcp.adapters.duckdb.query_log import DuckDBQueryLog
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.import_ledger import ImportLedgerContract
from session_mgmt_mcp.contracts.query_log import QueryLogContract
from session_mgmt_mcp.contracts.vector_store import DurableVectorStoreContract


@pytest.fixture
def path(tmp_path):
    return tmp_path / "with spaces é" / "memory.duckdb"


@pytest.fixture
async def store(path):
    store = await DuckDBVectorStore.open(path)
    yield store
    await store.close()


class TestDuckDB(DurableVectorStoreContract):
    @pytest.fixture
    async def reopen(self, store, path):
        opened = []

        async def again():
            await store.close()
            opened.append(await DuckDBVectorStore.open(path))
            return opened[-1]

        yield again
        for one in opened:
            await one.close()


class TestDuckDBLedger(ImportLedgerContract):
    @pytest.fixture
    def ledger(self, store):
        return DuckDBImportLedger(store)


class TestDuckDBQueryLog(QueryLogContract):
    @pytest.fixture
    def log(self, store):
        return DuckDBQueryLog(store, kept=50)
