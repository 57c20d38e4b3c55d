import threading

import pytest
import session_mgmt_mcp
from session_mgmt_mcp import AsyncMemory, Memory
from session_mgmt_mcp.ports.errors import Invalid, Unavailable

FAKES = {"embedder": "memory"}


def test_the_package_names_what_it_offers():
    assert session_mgmt_mcp.__all__ == ["AsyncMemory", "Memory"]
    for name in session_mgmt_mcp.__all__:
        assert getattr(session_mgmt_mcp, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = session_mgmt_mcp.nothing


@pytest.mark.on_disk
def test_a_sync_memory_stores_one_and_many_and_finds_them_after_reopening(tmp_path):
    with Memory(tmp_path / "data", project="shop", **FAKES) as memory:
        memory.store("The cache must be reset after a schema change.", tags=["cache"])
        memory.store_many(["The proxy listens on port 8081.", "Deploys happen on Tuesday."])
    with Memory(tmp_path / "data", project="shop", **FAKES) as memory:
        assert "cache" in memory.search("when do I clear the cache?")[0].snippet
        assert "8081" in memory.search("proxy port")[0].snippet


async def test_an_async_memory_does_the_same(tmp_path):
    async with AsyncMemory(tmp_path / "data", project="shop", **FAKES) as memory:
        await memory.store("The cache must be reset after a schema change.")
        await memory.wait_for_vectors()
        assert len(await memory.search("clear cache")) == 1
        assert not await memory.search("clear cache", project="blog")
        assert await memory.search("clear cache", project="*")


def test_threads_share_a_sync_memory(tmp_path):
    with Memory(tmp_path / "data", **FAKES) as memory:
        threads = [threading.Thread(target=memory.store, args=(f"fact number {n}",)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(memory.search("fact number", limit=50)) == 16


@pytest.mark.on_disk
def test_a_directory_has_one_owner_and_the_second_is_told(tmp_path):
    with Memory(tmp_path / "data", **FAKES), pytest.raises(Unavailable) as caught:
        Memory(tmp_path / "data", **FAKES).__enter__()
    assert "\n" not in str(caught.value)


def test_a_memory_that_is_not_open_says_how_to_open_it(tmp_path):
    with pytest.raises(Invalid, match="with"):
        Memory(tmp_path / "data").search("x")
