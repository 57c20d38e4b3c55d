from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.memory.activity_source import MemoryActivitySource
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.date_parser import MemoryDateParser
from session_mgmt_mcp.adapters.memory.file_digests import MemoryFileDigests
from session_mgmt_mcp.adapters.memory.file_watcher import MemoryFileWatcher
from session_mgmt_mcp.adapters.memory.handoff_files import MemoryHandoffFiles
from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger
from session_mgmt_mcp.adapters.memory.query_log import MemoryQueryLog
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.contracts.activity_source import ActivitySourceContract
from session_mgmt_mcp.contracts.date_parser import DateParserContract
from session_mgmt_mcp.contracts.file_digests import FileDigestsContract
from session_mgmt_mcp.contracts.file_watcher import FileWatcherContract
from session_mgmt_mcp.contracts.handoff_files import HandoffFilesContract
from session_mgmt_mcp.contracts.import_ledger import ImportLedgerContract
from session_mgmt_mcp.contracts.query_log import QueryLogContract
from session_mgmt_mcp.contracts.session_storage import SessionStorageContract
from session_mgmt_mcp.contracts.vector_store import VectorStoreContract
from session_mgmt_mcp.ports.file_watcher import Change


class TestMemoryVectorStore(VectorStoreContract):
    @pytest.fixture
    async def store(self):
        store = MemoryVectorStore()
        yield store
        await store.close()


class TestMemoryImportLedger(ImportLedgerContract):
    @pytest.fixture
    def ledger(self):
        return MemoryImportLedger()


class TestMemoryDateParser(DateParserContract):
    @pytest.fixture
    def parser(self):
        return MemoryDateParser()


class TestMemoryFileDigests(FileDigestsContract):
    @pytest.fixture
    def root(self):
        return Path("/root-of-a-project")

    @pytest.fixture
    def digests(self, root):
        return MemoryFileDigests({root / "a.txt": "one", root / "kopie ü.txt": "one", root / "b.txt": "two"})


class TestMemoryHandoffFiles(HandoffFilesContract):
    @pytest.fixture
    def files(self):
        return MemoryHandoffFiles()


class TestMemoryActivitySource(ActivitySourceContract):
    @pytest.fixture
    def source(self):
        return MemoryActivitySource("code", "bash")

    @pytest.fixture
    def running(self):
        return "code"


class PlayedFolder:
    """What the contract does to a folder, told to the watch on it."""

    root = Path("/root-of-a-project")

    def __init__(self, watcher):
        self.watcher = watcher

    async def write(self, *paths):
        change = Change.MODIFIED if "cart.py" in paths else Change.ADDED
        await self.watcher.watches[self.root].tell(*paths, change=change)

    async def delete(self, path):
        await self.watcher.watches[self.root].tell(path, change=Change.DELETED)

    async def check_out(self):
        await self.watcher.watches[self.root].tell(head=True)

    async def vanish(self):
        self.watcher.gone.add(self.root)
        if self.root in self.watcher.watches:
            self.watcher.watches[self.root].vanish()


class TestMemoryFileWatcher(FileWatcherContract):
    @pytest.fixture
    def watcher(self):
        return MemoryFileWatcher()

    @pytest.fixture
    def playground(self, watcher):
        return PlayedFolder(watcher)


class TestMemoryQueryLog(QueryLogContract):
    @pytest.fixture
    def log(self):
        return MemoryQueryLog(kept=50)


class TestMemorySessionStorage(SessionStorageContract):
    @pytest.fixture
    def clock(self):
        return FixedClock()

    @pytest.fixture
    def storage(self, clock):
        return MemorySessionStorage(clock.now)


def test_a_fixed_clock_stands_until_it_is_told_to_go():
    clock = FixedClock()
    before = clock.now()
    assert clock.now() == before
    clock.advance(hours=-1)
    assert (clock.now() - before).total_seconds() == -3600
    assert clock.now().tzinfo is not None
