"""Makes each adapter. Imported only where it is made: a container costs no engine that is not selected."""

import logging
import os
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from session_mgmt_mcp import paths
from session_mgmt_mcp.backends import REMOTE, Backends
from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.deferred import ExchangeableStorage
from session_mgmt_mcp.domain.adoption import adopt
from session_mgmt_mcp.domain.llm.budget import Limits
from session_mgmt_mcp.llm.providers import Providers
from session_mgmt_mcp.ports.activity_source import ActivitySource
from session_mgmt_mcp.ports.code_parser import CodeParser
from session_mgmt_mcp.ports.date_parser import DateParser
from session_mgmt_mcp.ports.embedder import Embedder
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.file_digests import FileDigests
from session_mgmt_mcp.ports.file_watcher import FileWatcher
from session_mgmt_mcp.ports.git_repository import GitRepository
from session_mgmt_mcp.ports.git_workspace import GitWorkspace
from session_mgmt_mcp.ports.handoff_files import HandoffFiles
from session_mgmt_mcp.ports.import_ledger import ImportLedger
from session_mgmt_mcp.ports.notifier import Notifier
from session_mgmt_mcp.ports.package_manager import PackageManager
from session_mgmt_mcp.ports.process_runner import ProcessRunner
from session_mgmt_mcp.ports.project_files import ProjectFiles
from session_mgmt_mcp.ports.quality_runner import QualityRunner
from session_mgmt_mcp.ports.query_log import QueryLog
from session_mgmt_mcp.ports.recurrence import Recurrence
from session_mgmt_mcp.ports.secret_store import SecretStore
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.transcript_source import TranscriptSource
from session_mgmt_mcp.ports.vector_store import VectorStore
from session_mgmt_mcp.settings import Settings


async def duckdb_store(settings: Settings) -> AsyncIterator[VectorStore]:
    from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore

    store = await DuckDBVectorStore.open(paths.database(settings.data_dir), adopt)
    yield store
    await store.close()


async def memory_store() -> AsyncIterator[VectorStore]:
    from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore

    yield MemoryVectorStore()


def duckdb_ledger(store: VectorStore) -> ImportLedger:
    from session_mgmt_mcp.adapters.duckdb.ledger import DuckDBImportLedger
    from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore

    assert isinstance(store, DuckDBVectorStore)
    return DuckDBImportLedger(store)


def memory_ledger(store: VectorStore) -> ImportLedger:
    from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger

    return MemoryImportLedger()


def duckdb_queries(store: VectorStore) -> QueryLog:
    from session_mgmt_mcp.adapters.duckdb.query_log import DuckDBQueryLog
    from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore

    assert isinstance(store, DuckDBVectorStore)
    return DuckDBQueryLog(store)


def memory_queries(store: VectorStore) -> QueryLog:
    from session_mgmt_mcp.adapters.memory.query_log import MemoryQueryLog

    return MemoryQueryLog()


def keyring() -> SecretStore:
    from session_mgmt_mcp.adapters.keyring.secret_store import KeyringSecretStore

    return KeyringSecretStore()


async def own_storage(backends: Backends, settings: Settings) -> AsyncIterator[SessionStorage]:
    storage = backends.storage(settings.session_storage, "own", settings)
    yield storage
    await storage.close()


async def shared_storage(backends: Backends, settings: Settings) -> AsyncIterator[ExchangeableStorage]:
    storage = ExchangeableStorage(backends.storage(settings.shared_storage, "shared", settings), settings)
    yield storage
    await storage.close()


async def machine_storage(
    backends: Backends, settings: Settings, storage: SessionStorage
) -> AsyncIterator[SessionStorage]:
    """Where what is a machine's own is kept, which nobody elsewhere may write: grants, tokens, what is watched."""
    if settings.session_storage not in REMOTE:
        yield storage
        return
    here = backends.storage("local", "own", settings)
    yield here
    await here.close()


async def llm_providers(settings: Settings, credentials: Credentials) -> AsyncIterator[Providers]:
    opened = Providers(settings, credentials)
    yield opened
    await opened.close()


def llm_limits(settings: Settings) -> Limits:
    def money(amount: float | None) -> Decimal | None:
        return None if amount is None else Decimal(str(amount))

    return Limits(
        settings.llm_call_tokens, settings.llm_day_tokens, money(settings.llm_call_cost), money(settings.llm_day_cost)
    )


def local_handoff_files(settings: Settings) -> HandoffFiles:
    from session_mgmt_mcp.adapters.local.handoff_files import LocalHandoffFiles

    return LocalHandoffFiles(paths.handoffs(settings.data_dir))


def memory_handoff_files() -> HandoffFiles:
    from session_mgmt_mcp.adapters.memory.handoff_files import MemoryHandoffFiles

    return MemoryHandoffFiles()


def package_manager() -> PackageManager:
    from session_mgmt_mcp.adapters.local.package_manager import INHERIT, LocalPackageManager
    from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner

    return LocalPackageManager(PsutilProcessRunner(birth(), INHERIT))


def processes(inherit: str) -> ProcessRunner:
    from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner

    return PsutilProcessRunner(birth(), [name for name in inherit.split(",") if name])


def runners(settings: Settings, processes: ProcessRunner, git: GitRepository) -> Sequence[QualityRunner]:
    """The preferred first."""
    from session_mgmt_mcp.adapters.crackerjack.runner import CrackerjackRunner
    from session_mgmt_mcp.adapters.pytest_reportlog.recorder import PytestReportlogRecorder
    from session_mgmt_mcp.adapters.pytools.runner import PyToolsRunner

    inherits_options = "PYTEST_ADDOPTS" in settings.quality_environment.split(",")
    recorder = PytestReportlogRecorder(os.environ.get("PYTEST_ADDOPTS", "") if inherits_options else "")
    command = shlex.split(settings.crackerjack_command) if settings.crackerjack_command else None
    return [CrackerjackRunner(processes, recorder, command=command), PyToolsRunner(processes, recorder, git)]


def chosen(settings: Settings) -> str:
    return "" if settings.quality_runner == "auto" else settings.quality_runner


def birth() -> Callable[[int], str]:
    from session_mgmt_mcp.adapters.local.processes import birth

    return birth


async def onnx_embedder(model: str | None, tokenizer: Path | None, threads: int) -> AsyncIterator[Embedder]:
    from session_mgmt_mcp.adapters.onnx.embedder import OnnxEmbedder

    embedder = OnnxEmbedder(model=model, tokenizer=tokenizer, threads=threads)
    yield embedder
    await embedder.close()


async def memory_embedder() -> AsyncIterator[Embedder]:
    from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder

    yield MemoryEmbedder()


def git() -> GitRepository:
    from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository

    return SubprocessGitRepository()


def project_files() -> ProjectFiles:
    from session_mgmt_mcp.adapters.project.files import FolderProjectFiles

    return FolderProjectFiles()


def workspace() -> GitWorkspace:
    from session_mgmt_mcp.adapters.git.workspace import SubprocessGitWorkspace

    return SubprocessGitWorkspace()


def date_parser() -> DateParser:
    from session_mgmt_mcp.adapters.dateparser.parser import DateparserDateParser

    return DateparserDateParser()


def recurrence() -> Recurrence:
    from session_mgmt_mcp.adapters.dateutil.recurrence import DateutilRecurrence

    return DateutilRecurrence()


def notifier() -> Notifier:
    if sys.platform == "darwin":
        from session_mgmt_mcp.adapters.macos.notifier import OsascriptNotifier

        return OsascriptNotifier()
    from session_mgmt_mcp.adapters.freedesktop.notifier import FreedesktopNotifier

    return FreedesktopNotifier()


def zone(name: str | None) -> tzinfo:
    from tzlocal import reload_localzone

    try:
        return ZoneInfo(name) if name else reload_localzone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC  # a machine that contradicts itself; the setting says better


def code_parser() -> CodeParser:
    from session_mgmt_mcp.adapters.treesitter.parser import TreeSitterCodeParser

    return TreeSitterCodeParser()


def transcripts() -> TranscriptSource:
    from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts

    return ClaudeCodeTranscripts()


def digests() -> FileDigests:
    from session_mgmt_mcp.adapters.local.file_digests import LocalFileDigests

    return LocalFileDigests()


def watcher() -> FileWatcher:
    from session_mgmt_mcp.adapters.watchfiles.watcher import WatchfilesWatcher

    return WatchfilesWatcher()


def programs() -> ActivitySource:
    from session_mgmt_mcp.adapters.psutil.programs import PsutilActivitySource

    return PsutilActivitySource()


def trouble(error: Exception) -> None:
    logging.getLogger(__name__).warning("watching: %s", error, exc_info=not isinstance(error, PortError))


def gap(settings: Settings) -> timedelta:
    return timedelta(minutes=settings.interruption_gap_minutes)


def transcript_roots(settings: Settings) -> list[Path]:
    return [settings.transcripts_dir.expanduser()]
