"""The one place where adapters are chosen and services are wired."""

import logging
import os
import secrets
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dependency_injector import containers, providers
from session_mgmt_mcp import memories, paths
from session_mgmt_mcp.backends import REMOTE, Backends
from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.deferred import ExchangeableStorage
from session_mgmt_mcp.domain.access_tokens import Tokens
from session_mgmt_mcp.domain.activity_monitor import ActivityMonitor
from session_mgmt_mcp.domain.adoption import adopt
from session_mgmt_mcp.domain.capture import CaptureService
from session_mgmt_mcp.domain.checkpoint_commit import CheckpointCommit
from session_mgmt_mcp.domain.checkpoints import CheckpointService
from session_mgmt_mcp.domain.code_search import CodeSearch
from session_mgmt_mcp.domain.compaction import CompactionService
from session_mgmt_mcp.domain.contexts import ContextService
from session_mgmt_mcp.domain.embedding import EmbeddingWorker
from session_mgmt_mcp.domain.error_search import ErrorSearch
from session_mgmt_mcp.domain.file_search import FileSearch
from session_mgmt_mcp.domain.grants import Grants
from session_mgmt_mcp.domain.handoffs import HandoffService
from session_mgmt_mcp.domain.interruption_monitor import InterruptionMonitor
from session_mgmt_mcp.domain.interruptions import InterruptionService
from session_mgmt_mcp.domain.journal import SearchJournal
from session_mgmt_mcp.domain.learning import LearningService
from session_mgmt_mcp.domain.listing import ListingService
from session_mgmt_mcp.domain.llm.budget import Limits
from session_mgmt_mcp.domain.llm.ledger import Ledger
from session_mgmt_mcp.domain.llm.polishing import PolishService
from session_mgmt_mcp.domain.llm.service import LLMService
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.metrics import MetricsService
from session_mgmt_mcp.domain.monitors import Monitors
from session_mgmt_mcp.domain.project_graph.insights import ProjectInsights
from session_mgmt_mcp.domain.project_graph.service import ProjectGraphService
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.quality.reliance import TrustService
from session_mgmt_mcp.domain.quality.service import QualityService
from session_mgmt_mcp.domain.quality.work import WorkAnalysis
from session_mgmt_mcp.domain.reminders import ReminderService
from session_mgmt_mcp.domain.runs.feedback import FeedbackService
from session_mgmt_mcp.domain.runs.history import RunHistory
from session_mgmt_mcp.domain.runs.service import RunService
from session_mgmt_mcp.domain.runs.trees import Trees
from session_mgmt_mcp.domain.serverless import ServerlessSessions
from session_mgmt_mcp.domain.session_places import SessionPlaces
from session_mgmt_mcp.domain.sessions import SessionService
from session_mgmt_mcp.domain.suggestions import SuggestionService
from session_mgmt_mcp.domain.teams.ballots import Ballots
from session_mgmt_mcp.domain.teams.knowledge import KnowledgeService
from session_mgmt_mcp.domain.teams.membership import TeamService
from session_mgmt_mcp.domain.teams.sharing import SharingService
from session_mgmt_mcp.domain.teams.voting import VotingService
from session_mgmt_mcp.domain.timeline import TimelineService
from session_mgmt_mcp.domain.times import IntervalService
from session_mgmt_mcp.domain.watching import Watching
from session_mgmt_mcp.domain.working import Observer
from session_mgmt_mcp.domain.worktree_switch import WorktreeSwitch
from session_mgmt_mcp.domain.worktrees import WorktreeService
from session_mgmt_mcp.llm.prices import PricesByServer
from session_mgmt_mcp.llm.providers import DefaultModels, Providers
from session_mgmt_mcp.llm.vendors import order
from session_mgmt_mcp.machine import identity
from session_mgmt_mcp.polishing import Polishing
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

# Adapters are imported where they are made: a container costs no engine that is not selected.


class SystemClock:
    """Clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


async def _duckdb_store(settings: Settings) -> AsyncIterator[VectorStore]:
    from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore

    store = await DuckDBVectorStore.open(paths.database(settings.data_dir), adopt)
    yield store
    await store.close()


async def _memory_store() -> AsyncIterator[VectorStore]:
    from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore

    yield MemoryVectorStore()


def _duckdb_ledger(store: VectorStore) -> ImportLedger:
    from session_mgmt_mcp.adapters.duckdb.ledger import DuckDBImportLedger
    from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore

    assert isinstance(store, DuckDBVectorStore)
    return DuckDBImportLedger(store)


def _memory_ledger(store: VectorStore) -> ImportLedger:
    from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger

    return MemoryImportLedger()


def _duckdb_queries(store: VectorStore) -> QueryLog:
    from session_mgmt_mcp.adapters.duckdb.query_log import DuckDBQueryLog
    from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore

    assert isinstance(store, DuckDBVectorStore)
    return DuckDBQueryLog(store)


def _memory_queries(store: VectorStore) -> QueryLog:
    from session_mgmt_mcp.adapters.memory.query_log import MemoryQueryLog

    return MemoryQueryLog()


def _keyring() -> SecretStore:
    from session_mgmt_mcp.adapters.keyring.secret_store import KeyringSecretStore

    return KeyringSecretStore()


async def _own_storage(backends: Backends, settings: Settings) -> AsyncIterator[SessionStorage]:
    storage = backends.storage(settings.session_storage, "own", settings)
    yield storage
    await storage.close()


async def _shared_storage(backends: Backends, settings: Settings) -> AsyncIterator[ExchangeableStorage]:
    storage = ExchangeableStorage(backends.storage(settings.shared_storage, "shared", settings), settings)
    yield storage
    await storage.close()


async def _machine_storage(
    backends: Backends, settings: Settings, storage: SessionStorage
) -> AsyncIterator[SessionStorage]:
    """Where what is a machine's own is kept, which nobody elsewhere may write: grants, tokens, what is watched."""
    if settings.session_storage not in REMOTE:
        yield storage
        return
    here = backends.storage("local", "own", settings)
    yield here
    await here.close()


async def _llm_providers(settings: Settings, credentials: Credentials) -> AsyncIterator[Providers]:
    opened = Providers(settings, credentials)
    yield opened
    await opened.close()


def _llm_limits(settings: Settings) -> Limits:
    def money(amount: float | None) -> Decimal | None:
        return None if amount is None else Decimal(str(amount))

    return Limits(
        settings.llm_call_tokens, settings.llm_day_tokens, money(settings.llm_call_cost), money(settings.llm_day_cost)
    )


def _local_handoff_files(settings: Settings) -> HandoffFiles:
    from session_mgmt_mcp.adapters.local.handoff_files import LocalHandoffFiles

    return LocalHandoffFiles(paths.handoffs(settings.data_dir))


def _memory_handoff_files() -> HandoffFiles:
    from session_mgmt_mcp.adapters.memory.handoff_files import MemoryHandoffFiles

    return MemoryHandoffFiles()


def _package_manager() -> PackageManager:
    from session_mgmt_mcp.adapters.local.package_manager import INHERIT, LocalPackageManager
    from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner

    return LocalPackageManager(PsutilProcessRunner(_birth(), INHERIT))


def _processes(inherit: str) -> ProcessRunner:
    from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner

    return PsutilProcessRunner(_birth(), [name for name in inherit.split(",") if name])


def _runners(settings: Settings, processes: ProcessRunner, git: GitRepository) -> Sequence[QualityRunner]:
    """The preferred first."""
    from session_mgmt_mcp.adapters.crackerjack.runner import CrackerjackRunner
    from session_mgmt_mcp.adapters.pytest_reportlog.recorder import PytestReportlogRecorder
    from session_mgmt_mcp.adapters.pytools.runner import PyToolsRunner

    inherits_options = "PYTEST_ADDOPTS" in settings.quality_environment.split(",")
    recorder = PytestReportlogRecorder(os.environ.get("PYTEST_ADDOPTS", "") if inherits_options else "")
    command = shlex.split(settings.crackerjack_command) if settings.crackerjack_command else None
    return [CrackerjackRunner(processes, recorder, command=command), PyToolsRunner(processes, recorder, git)]


def _chosen(settings: Settings) -> str:
    return "" if settings.quality_runner == "auto" else settings.quality_runner


def _birth() -> Callable[[int], str]:
    from session_mgmt_mcp.adapters.local.processes import birth

    return birth


async def _onnx_embedder(model: str | None, tokenizer: Path | None, threads: int) -> AsyncIterator[Embedder]:
    from session_mgmt_mcp.adapters.onnx.embedder import OnnxEmbedder

    embedder = OnnxEmbedder(model=model, tokenizer=tokenizer, threads=threads)
    yield embedder
    await embedder.close()


async def _memory_embedder() -> AsyncIterator[Embedder]:
    from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder

    yield MemoryEmbedder()


def _git() -> GitRepository:
    from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository

    return SubprocessGitRepository()


def _project_files() -> ProjectFiles:
    from session_mgmt_mcp.adapters.project.files import FolderProjectFiles

    return FolderProjectFiles()


def _workspace() -> GitWorkspace:
    from session_mgmt_mcp.adapters.git.workspace import SubprocessGitWorkspace

    return SubprocessGitWorkspace()


def _date_parser() -> DateParser:
    from session_mgmt_mcp.adapters.dateparser.parser import DateparserDateParser

    return DateparserDateParser()


def _recurrence() -> Recurrence:
    from session_mgmt_mcp.adapters.dateutil.recurrence import DateutilRecurrence

    return DateutilRecurrence()


def _notifier() -> Notifier:
    if sys.platform == "darwin":
        from session_mgmt_mcp.adapters.macos.notifier import OsascriptNotifier

        return OsascriptNotifier()
    from session_mgmt_mcp.adapters.freedesktop.notifier import FreedesktopNotifier

    return FreedesktopNotifier()


def _zone(name: str | None) -> tzinfo:
    from tzlocal import reload_localzone

    try:
        return ZoneInfo(name) if name else reload_localzone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC  # a machine that contradicts itself; the setting says better


def _code_parser() -> CodeParser:
    from session_mgmt_mcp.adapters.treesitter.parser import TreeSitterCodeParser

    return TreeSitterCodeParser()


def _transcripts() -> TranscriptSource:
    from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts

    return ClaudeCodeTranscripts()


def _digests() -> FileDigests:
    from session_mgmt_mcp.adapters.local.file_digests import LocalFileDigests

    return LocalFileDigests()


def _watcher() -> FileWatcher:
    from session_mgmt_mcp.adapters.watchfiles.watcher import WatchfilesWatcher

    return WatchfilesWatcher()


def _programs() -> ActivitySource:
    from session_mgmt_mcp.adapters.psutil.programs import PsutilActivitySource

    return PsutilActivitySource()


def _trouble(error: Exception) -> None:
    logging.getLogger(__name__).warning("watching: %s", error, exc_info=not isinstance(error, PortError))


def _gap(settings: Settings) -> timedelta:
    return timedelta(minutes=settings.interruption_gap_minutes)


def _transcript_roots(settings: Settings) -> list[Path]:
    return [settings.transcripts_dir.expanduser()]


class Container(containers.DeclarativeContainer):
    """Adapters by configuration, services on top. Whatever depends on an opened store is awaited."""

    settings = providers.Dependency(instance_of=Settings)
    clock = providers.Singleton(SystemClock)
    git = providers.Singleton(_git)
    transcripts = providers.Singleton(_transcripts)
    keyring = providers.Singleton(_keyring)
    credentials = providers.Singleton(Credentials, keyring)
    database = providers.Resource(_duckdb_store, settings)
    store = providers.Selector(
        settings.provided.vector_store,
        duckdb=database,
        lancedb=providers.Resource(memories.own, settings, credentials),
        memory=providers.Resource(_memory_store),
    )
    duckdb_ledger = providers.Singleton(_duckdb_ledger, database)
    ledger = providers.Selector(
        settings.provided.vector_store,
        duckdb=duckdb_ledger,
        lancedb=duckdb_ledger,  # which transcripts of this machine were read
        memory=providers.Singleton(_memory_ledger, store),
    )
    duckdb_queries = providers.Singleton(_duckdb_queries, database)
    queries = providers.Selector(
        settings.provided.vector_store,
        duckdb=duckdb_queries,
        lancedb=duckdb_queries,
        memory=providers.Singleton(_memory_queries, store),
    )
    backends = providers.Singleton(Backends, clock, credentials)
    storage = providers.Resource(_own_storage, backends, settings)
    shared_storage = providers.Resource(_shared_storage, backends, settings)
    serverless = providers.Singleton(ServerlessSessions, shared_storage, clock, providers.Object(secrets.token_hex))
    machine = providers.Singleton(identity, settings.provided.data_dir)
    machine_storage = providers.Resource(_machine_storage, backends, settings, storage)
    team_store = providers.Resource(memories.team, settings, credentials, store)
    llm_providers = providers.Resource(_llm_providers, settings, credentials)
    journal = providers.Singleton(SearchJournal, queries, settings.provided.query_log)
    metrics = providers.Singleton(MetricsService, queries, journal)
    embedder = providers.Selector(
        settings.provided.embedder,
        onnx=providers.Resource(
            _onnx_embedder,
            settings.provided.model_path,
            settings.provided.tokenizer_path,
            settings.provided.embed_threads,
        ),
        memory=providers.Resource(_memory_embedder),
    )
    embedding = providers.Singleton(EmbeddingWorker, store, embedder)
    projects = providers.Singleton(ProjectService, git, ledger)
    project_files = providers.Singleton(_project_files)
    quality = providers.Singleton(QualityService, project_files, git, storage, projects, clock)
    date_parser = providers.Singleton(_date_parser)
    zone = providers.Singleton(_zone, settings.provided.timezone)
    times = providers.Singleton(IntervalService, date_parser, git, clock, zone)
    llm = providers.Singleton(
        LLMService,
        llm_providers.provided.open,
        providers.Singleton(order, settings),
        providers.Singleton(DefaultModels, llm_providers),
        providers.Singleton(PricesByServer, llm_providers),
        providers.Singleton(Ledger, storage, clock, zone),
        providers.Singleton(_llm_limits, settings),
    )
    notifier = providers.Singleton(_notifier)
    reminders = providers.Singleton(
        ReminderService, storage, clock, date_parser, providers.Singleton(_recurrence), zone, machine_storage
    )
    timeline = providers.Singleton(TimelineService, store)
    listing = providers.Singleton(ListingService, store)
    suggestions = providers.Singleton(SuggestionService, store, queries, journal)
    memory = providers.Singleton(MemoryService, store, embedder, clock, embedding.provided.wake)
    teams = providers.Singleton(TeamService, shared_storage, clock)
    ballots = providers.Singleton(Ballots, shared_storage, clock)
    sharing = providers.Singleton(
        SharingService, teams, store, team_store, ballots, embedder, clock, embedding.provided.wake
    )
    knowledge = providers.Singleton(
        KnowledgeService,
        teams,
        team_store,
        providers.Singleton(MemoryService, team_store, embedder, clock),
        providers.Singleton(ListingService, team_store),
    )
    voting = providers.Singleton(
        VotingService, teams, store, team_store, providers.Singleton(Ballots, storage, clock), ballots
    )
    files = providers.Singleton(FileSearch, store, git)
    errors = providers.Singleton(ErrorSearch, store, memory)
    project_graph = providers.Singleton(ProjectGraphService, shared_storage, clock)
    project_insights = providers.Singleton(ProjectInsights, store, memory, errors, queries, journal, clock, zone)
    code_parser = providers.Singleton(_code_parser)
    code = providers.Singleton(CodeSearch, store, code_parser)
    capture = providers.Singleton(CaptureService, transcripts, store, ledger, projects, embedding.provided.wake)
    session_places = providers.Singleton(
        SessionPlaces, storage, transcripts, providers.Singleton(_transcript_roots, settings)
    )
    observer = providers.Singleton(
        Observer, git, transcripts, store, providers.Singleton(_digests), capture.provided.follow
    )
    contexts = providers.Singleton(ContextService, observer, storage, clock)
    watching = providers.Singleton(Watching, providers.Singleton(_watcher), git)
    monitors = providers.Singleton(Monitors, machine_storage)
    interruptions = providers.Singleton(InterruptionService, contexts, store, clock)
    monitor = providers.Singleton(
        InterruptionMonitor,
        contexts,
        observer,
        monitors,
        watching,
        projects,
        git,
        store,
        clock,
        providers.Singleton(_gap, settings),
        providers.Object(_trouble),
    )
    activity = providers.Singleton(
        ActivityMonitor,
        monitors,
        watching,
        providers.Singleton(_programs),
        machine_storage,
        projects,
        clock,
        providers.Object(_trouble),
    )
    worktree_switch = providers.Singleton(WorktreeSwitch, git, contexts)
    workspace = providers.Singleton(_workspace)
    worktrees = providers.Singleton(WorktreeService, git, workspace)
    grants = providers.Singleton(Grants, machine_storage, clock)
    tokens = providers.Singleton(Tokens, machine_storage, clock, providers.Object(secrets.token_bytes))
    checkpoint_commit = providers.Singleton(
        CheckpointCommit, git, workspace, grants, settings.provided.checkpoint_commit
    )
    trust = providers.Singleton(TrustService, grants, storage, store, git, clock)
    checkpoints = providers.Singleton(
        CheckpointService,
        quality,
        providers.Singleton(WorkAnalysis, store, git),
        checkpoint_commit,
        memory,
        storage,
        clock,
        settings.provided.checkpoint_commit,
    )
    local_handoff_files = providers.Singleton(_local_handoff_files, settings)
    handoff_files = providers.Selector(
        settings.provided.session_storage,
        local=local_handoff_files,
        redis=local_handoff_files,
        s3=local_handoff_files,
        memory=providers.Singleton(_memory_handoff_files),
    )
    handoffs = providers.Singleton(
        HandoffService,
        store,
        memory,
        storage,
        handoff_files,
        capture,
        transcripts,
        git,
        clock,
        reminders.provided.lines,
    )
    polishing = providers.Singleton(
        Polishing,
        providers.Singleton(PolishService, handoffs, storage, llm, clock),
        settings.provided.llm_polish,
    )
    learning = providers.Singleton(LearningService, store, memory)
    compaction = providers.Singleton(CompactionService, store, storage, capture, transcripts, git, clock)
    processes = providers.Singleton(_processes, settings.provided.quality_environment)
    run_history = providers.Singleton(RunHistory, storage, clock)
    runs = providers.Singleton(
        RunService,
        providers.Singleton(_runners, settings, processes, git),
        run_history,
        providers.Singleton(FeedbackService, quality, memory, storage),
        providers.Singleton(Trees, git, providers.Singleton(_digests), project_files),
        quality,
        projects,
        grants,
        clock,
        providers.Singleton(_chosen, settings),
    )
    sessions = providers.Singleton(SessionService, storage, git, projects, clock, providers.Singleton(_birth), machine)
    package_manager = providers.Singleton(_package_manager)
