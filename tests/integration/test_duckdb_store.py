from datetime import timedelta

import pytest
from session_mgmt_mcp.adapters.duckdb import store as store_module
from session_mgmt_mcp.adapters.duckdb.ledger import DuckDBImportLedger
from session_mgmt_mcp.adapters.duckdb.query_log import DuckDBQueryLog
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.import_ledger import ImportLedgerContract
from session_mgmt_mcp.contracts.query_log import QueryLogContract
from session_mgmt_mcp.contracts.samples import START, record
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


async def test_a_pattern_is_tried_on_older_texts_until_there_are_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "READ_AT_ONCE", 2)
    store = await DuckDBVectorStore.open(tmp_path / "memory.duckdb")
    days = [START + timedelta(days=n) for n in range(9)]
    await store.upsert([record(f"r{n}", "needle" if n % 3 == 0 else "hay", time=day) for n, day in enumerate(days)])
    for k, expected in ((1, ["r6"]), (2, ["r6", "r3"]), (9, ["r6", "r3", "r0"])):
        assert [match.hit.id for match in await store.search_pattern("needle", (), k)] == expected
    await store.close()


async def test_each_prefix_is_completed_from_what_came_before_and_after_the_first(store):
    async def completed(prefix):
        return [found.word for found in await store.complete(prefix, (), 9)]

    await store.upsert([record("a", "cache\ngazelle\tpanther", tags=("gaming",))])
    assert await completed("ca") == ["cache"]
    await store.upsert([record("b", "cactus gazebo")])
    assert await completed("cac") == ["cache", "cactus"]
    assert await completed("ga") == ["gaming", "gazebo", "gazelle"]
    assert await completed("ga") == ["gaming", "gazebo", "gazelle"]
    assert await completed("g") == ["gaming", "gazebo", "gazelle"]


@pytest.mark.parametrize("text", ["Ｃａctus", "CACTUS", "a/Cactus.py", "resetCactus"])  # noqa: RUF001
async def test_a_prefix_is_completed_however_the_word_is_written(store, text):
    await store.upsert([record("a", text)])
    assert "cactus" in [found.word for found in await store.complete("cac", (), 9)]
