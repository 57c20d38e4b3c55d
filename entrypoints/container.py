"""The one place where adapters are chosen and services are wired."""

import secrets

from dependency_injector import containers, providers
from session_mgmt_mcp import engines, memories
from session_mgmt_mcp.backends import Backends
from session_mgmt_mcp.clock import SystemClock
from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.domain.access_tokens import Tokens
from session_mgmt_mcp.domain.activity_monitor import ActivityMonitor
from session_mgmt_mcp.domain.capture import CaptureService
from session_mgmt_mcp.domain.checkpoint_commit import CheckpointCommit
from session_mgmt_mcp.domain.checkpoints import CheckpointService
from session_mgmt_mcp.domain.code_search import CodeSearch
from session_mgmt_mcp.domain.compaction import CompactionService
from session_mgmt_mcp.domain.contexts import ContextService
from session_mgmt_mcp.domain.courtesy import Courtesy
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
from session_mgmt_mcp.llm.providers import DefaultModels
from session_mgmt_mcp.llm.vendors import order
from session_mgmt_mcp.machine import identity
from session_mgmt_mcp.polishing import Polishing
from session_mgmt_mcp.settings import Settings


class Container(containers.DeclarativeContainer):
    """Adapters by configuration, services on top. Whatever depends on an opened store is awaited."""

    settings = providers.Dependency(instance_of=Settings)
    clock = providers.Singleton(SystemClock)
    git = providers.Singleton(engines.git)
    transcripts = providers.Singleton(engines.transcripts)
    keyring = providers.Singleton(engines.keyring)
    credentials = providers.Singleton(Credentials, keyring)
    database = providers.Resource(engines.duckdb_store, settings)
    store = providers.Selector(
        settings.provided.vector_store,
        duckdb=database,
        lancedb=providers.Resource(memories.own, settings, credentials),
        memory=providers.Resource(engines.memory_store),
    )
    duckdb_ledger = providers.Singleton(engines.duckdb_ledger, database)
    ledger = providers.Selector(
        settings.provided.vector_store,
        duckdb=duckdb_ledger,
        lancedb=duckdb_ledger,  # which transcripts of this machine were read
        memory=providers.Singleton(engines.memory_ledger, store),
    )
    duckdb_queries = providers.Singleton(engines.duckdb_queries, database)
    queries = providers.Selector(
        settings.provided.vector_store,
        duckdb=duckdb_queries,
        lancedb=duckdb_queries,
        memory=providers.Singleton(engines.memory_queries, store),
    )
    backends = providers.Singleton(Backends, clock, credentials)
    storage = providers.Resource(engines.own_storage, backends, settings)
    shared_storage = providers.Resource(engines.shared_storage, backends, settings)
    serverless = providers.Singleton(ServerlessSessions, shared_storage, clock, providers.Object(secrets.token_hex))
    machine = providers.Singleton(identity, settings.provided.data_dir)
    machine_storage = providers.Resource(engines.machine_storage, backends, settings, storage)
    team_store = providers.Resource(memories.team, settings, credentials, store)
    llm_providers = providers.Resource(engines.llm_providers, settings, credentials)
    journal = providers.Singleton(SearchJournal, queries, settings.provided.query_log)
    metrics = providers.Singleton(MetricsService, queries, journal)
    embedder = providers.Selector(
        settings.provided.embedder,
        onnx=providers.Resource(
            engines.onnx_embedder,
            settings.provided.model_path,
            settings.provided.tokenizer_path,
            settings.provided.embed_threads,
        ),
        memory=providers.Resource(engines.memory_embedder),
    )
    embedding = providers.Singleton(EmbeddingWorker, store, embedder)
    projects = providers.Singleton(ProjectService, git, ledger)
    project_files = providers.Singleton(engines.project_files)
    quality = providers.Singleton(QualityService, project_files, git, storage, projects, clock)
    date_parser = providers.Singleton(engines.date_parser)
    zone = providers.Singleton(engines.zone, settings.provided.timezone)
    times = providers.Singleton(IntervalService, date_parser, git, clock, zone)
    llm = providers.Singleton(
        LLMService,
        llm_providers.provided.open,
        providers.Singleton(order, settings),
        providers.Singleton(DefaultModels, llm_providers),
        providers.Singleton(PricesByServer, llm_providers),
        providers.Singleton(Ledger, storage, clock, zone),
        providers.Singleton(engines.llm_limits, settings),
    )
    notifier = providers.Singleton(engines.notifier)
    reminders = providers.Singleton(
        ReminderService, storage, clock, date_parser, providers.Singleton(engines.recurrence), zone, machine_storage
    )
    timeline = providers.Singleton(TimelineService, store)
    listing = providers.Singleton(ListingService, store)
    suggestions = providers.Singleton(SuggestionService, store, queries, journal)
    courtesy = providers.Singleton(Courtesy)
    memory = providers.Singleton(MemoryService, store, embedder, clock, embedding.provided.wake, courtesy)
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
    code_parser = providers.Singleton(engines.code_parser)
    code = providers.Singleton(CodeSearch, store, code_parser)
    capture = providers.Singleton(
        CaptureService, transcripts, store, ledger, projects, embedding.provided.wake, courtesy=courtesy
    )
    session_places = providers.Singleton(
        SessionPlaces, storage, transcripts, providers.Singleton(engines.transcript_roots, settings)
    )
    observer = providers.Singleton(
        Observer, git, transcripts, store, providers.Singleton(engines.digests), capture.provided.follow
    )
    contexts = providers.Singleton(ContextService, observer, storage, clock)
    watching = providers.Singleton(Watching, providers.Singleton(engines.watcher), git)
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
        providers.Singleton(engines.gap, settings),
        providers.Object(engines.trouble),
    )
    activity = providers.Singleton(
        ActivityMonitor,
        monitors,
        watching,
        providers.Singleton(engines.programs),
        machine_storage,
        projects,
        clock,
        providers.Object(engines.trouble),
    )
    worktree_switch = providers.Singleton(WorktreeSwitch, git, contexts)
    workspace = providers.Singleton(engines.workspace)
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
    local_handoff_files = providers.Singleton(engines.local_handoff_files, settings)
    handoff_files = providers.Selector(
        settings.provided.session_storage,
        local=local_handoff_files,
        redis=local_handoff_files,
        s3=local_handoff_files,
        memory=providers.Singleton(engines.memory_handoff_files),
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
    processes = providers.Singleton(engines.processes, settings.provided.quality_environment)
    run_history = providers.Singleton(RunHistory, storage, clock)
    runs = providers.Singleton(
        RunService,
        providers.Singleton(engines.runners, settings, processes, git),
        run_history,
        providers.Singleton(FeedbackService, quality, memory, storage),
        providers.Singleton(Trees, git, providers.Singleton(engines.digests), project_files),
        quality,
        projects,
        grants,
        clock,
        providers.Singleton(engines.chosen, settings),
    )
    sessions = providers.Singleton(
        SessionService, storage, git, projects, clock, providers.Singleton(engines.birth), machine
    )
    package_manager = providers.Singleton(engines.package_manager)
