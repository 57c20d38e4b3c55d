"""The product, opened: everything that a front door needs, and the background work that goes with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from session_mgmt_mcp.backends import Backends
from session_mgmt_mcp.container import Container
from session_mgmt_mcp.deferred import ExchangeableStorage
from session_mgmt_mcp.domain.access_tokens import Tokens
from session_mgmt_mcp.domain.activity_monitor import ActivityMonitor
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
from session_mgmt_mcp.domain.llm.service import LLMService
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.metrics import MetricsService
from session_mgmt_mcp.domain.project_graph.insights import ProjectInsights
from session_mgmt_mcp.domain.project_graph.service import ProjectGraphService
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.quality.reliance import TrustService
from session_mgmt_mcp.domain.quality.service import QualityService
from session_mgmt_mcp.domain.reminders import ReminderService
from session_mgmt_mcp.domain.runs.service import RunService
from session_mgmt_mcp.domain.serverless import ServerlessSessions
from session_mgmt_mcp.domain.session_places import SessionPlaces
from session_mgmt_mcp.domain.sessions import SessionService
from session_mgmt_mcp.domain.suggestions import SuggestionService
from session_mgmt_mcp.domain.teams.knowledge import KnowledgeService
from session_mgmt_mcp.domain.teams.membership import TeamService
from session_mgmt_mcp.domain.teams.sharing import SharingService
from session_mgmt_mcp.domain.teams.voting import VotingService
from session_mgmt_mcp.domain.timeline import TimelineService
from session_mgmt_mcp.domain.times import IntervalService
from session_mgmt_mcp.domain.watching import Watching
from session_mgmt_mcp.domain.worktree_switch import WorktreeSwitch
from session_mgmt_mcp.domain.worktrees import WorktreeService
from session_mgmt_mcp.llm.providers import Providers
from session_mgmt_mcp.polishing import Polishing
from session_mgmt_mcp.ports.embedder import Embedder
from session_mgmt_mcp.ports.import_ledger import ImportLedger
from session_mgmt_mcp.ports.notifier import Notifier
from session_mgmt_mcp.ports.package_manager import PackageManager
from session_mgmt_mcp.ports.process_runner import ProcessRunner
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.vector_store import VectorStore
from session_mgmt_mcp.settings import Settings


@dataclass(frozen=True, slots=True)
class Application:
    """What the tools, the verbs and the library work on."""

    settings: Settings
    memory: MemoryService
    capture: CaptureService
    projects: ProjectService
    project_graph: ProjectGraphService
    project_insights: ProjectInsights
    quality: QualityService
    checkpoints: CheckpointService
    trust: TrustService
    runs: RunService
    times: IntervalService
    timeline: TimelineService
    listing: ListingService
    suggestions: SuggestionService
    files: FileSearch
    errors: ErrorSearch
    reminders: ReminderService
    notifier: Notifier
    journal: SearchJournal
    metrics: MetricsService
    code: CodeSearch
    teams: TeamService
    sharing: SharingService
    knowledge: KnowledgeService
    voting: VotingService
    handoffs: HandoffService
    learning: LearningService
    polishing: Polishing
    compaction: CompactionService
    contexts: ContextService
    session_places: SessionPlaces
    worktree_switch: WorktreeSwitch
    worktrees: WorktreeService
    grants: Grants
    tokens: Tokens
    checkpoint_commit: CheckpointCommit
    watching: Watching
    monitor: InterruptionMonitor
    interruptions: InterruptionService
    activity: ActivityMonitor
    sessions: SessionService
    package_manager: PackageManager
    processes: ProcessRunner
    embedding: EmbeddingWorker
    store: VectorStore
    database: VectorStore | None  # the local one, which keeps the ledger also where the memories lie elsewhere
    storage: SessionStorage
    shared_storage: ExchangeableStorage  # teams, groups of projects, serverless sessions
    backends: Backends
    serverless: ServerlessSessions
    team_store: VectorStore  # what was shared with a team
    ledger: ImportLedger
    embedder: Embedder
    llm: LLMService
    llm_providers: Providers


@asynccontextmanager
async def open_application(settings: Settings) -> AsyncIterator[Application]:
    """Opens the store, starts making vectors; on leaving stops and closes. Raises Unavailable, Corrupt, Invalid."""
    container = Container(settings=settings)
    try:
        application = Application(
            settings=settings,
            memory=await _made(container.memory()),
            capture=await _made(container.capture()),
            projects=await _made(container.projects()),
            project_graph=await _made(container.project_graph()),
            project_insights=await _made(container.project_insights()),
            quality=await _made(container.quality()),
            checkpoints=await _made(container.checkpoints()),
            trust=await _made(container.trust()),
            runs=await _made(container.runs()),
            times=await _made(container.times()),
            timeline=await _made(container.timeline()),
            listing=await _made(container.listing()),
            suggestions=await _made(container.suggestions()),
            files=await _made(container.files()),
            errors=await _made(container.errors()),
            reminders=await _made(container.reminders()),
            notifier=await _made(container.notifier()),
            journal=await _made(container.journal()),
            metrics=await _made(container.metrics()),
            code=await _made(container.code()),
            teams=await _made(container.teams()),
            sharing=await _made(container.sharing()),
            knowledge=await _made(container.knowledge()),
            voting=await _made(container.voting()),
            handoffs=await _made(container.handoffs()),
            learning=await _made(container.learning()),
            polishing=await _made(container.polishing()),
            compaction=await _made(container.compaction()),
            contexts=await _made(container.contexts()),
            session_places=await _made(container.session_places()),
            worktree_switch=await _made(container.worktree_switch()),
            worktrees=await _made(container.worktrees()),
            grants=await _made(container.grants()),
            tokens=await _made(container.tokens()),
            checkpoint_commit=await _made(container.checkpoint_commit()),
            watching=await _made(container.watching()),
            monitor=await _made(container.monitor()),
            interruptions=await _made(container.interruptions()),
            activity=await _made(container.activity()),
            sessions=await _made(container.sessions()),
            package_manager=await _made(container.package_manager()),
            processes=await _made(container.processes()),
            embedding=await _made(container.embedding()),
            store=await _made(container.store()),
            database=None if settings.vector_store == "memory" else await _made(container.database()),
            storage=await _made(container.storage()),
            shared_storage=await _made(container.shared_storage()),
            backends=await _made(container.backends()),
            serverless=await _made(container.serverless()),
            team_store=await _made(container.team_store()),
            ledger=await _made(container.ledger()),
            embedder=await _made(container.embedder()),
            llm=await _made(container.llm()),
            llm_providers=await _made(container.llm_providers()),
        )
        background = (application.embedding, application.journal)
        workers = [asyncio.create_task(work.run(), name=type(work).__name__) for work in background]
        try:
            yield application
        finally:
            await application.polishing.close()
            await application.monitor.close()
            await application.activity.close()
            await application.watching.close()
            for worker in workers:
                worker.cancel()
                with suppress(asyncio.CancelledError):
                    await worker
            await application.journal.flush()
    finally:
        shutdown = container.shutdown_resources()
        if shutdown is not None:
            await shutdown


async def _made(provided: Any) -> Any:
    """The container gives an awaitable for whatever depends on something that is opened."""
    return await provided if isawaitable(provided) else provided
