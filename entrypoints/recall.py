"""Questions from a tool or a verb, in the context of the connection that asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from session_mgmt_mcp import connection, settings
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.answers import Overview, SearchResult
from session_mgmt_mcp.domain.concept import Concept, by_concept
from session_mgmt_mcp.domain.drafts import Draft, Stored
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.summary import Summary, summarise
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, Unavailable


@dataclass(frozen=True, slots=True)
class Question:
    """A search as it was asked; None: whatever the settings in force say."""

    query: str
    project: str | None = None
    limit: int | None = None
    min_score: float | None = None
    time_decay: bool = True
    kinds: tuple[Kind, ...] | None = None
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


async def search(app: Application, asked: Question, offset: int = 0) -> SearchResult:
    rules = _rules(app)
    return await app.memory.search(
        asked.query,
        await scope_of(app, asked),
        limit=asked.limit or rules.search_limit,
        offset=offset,
        min_score=rules.min_score if asked.min_score is None else asked.min_score,
        half_life_days=rules.half_life_days if asked.time_decay else 0,
    )


async def more(app: Application, asked: Question, offset: int | None, cursor: str | None) -> SearchResult:
    """Goes on at the cursor, else in the last search of this question; `offset` None: where that stopped, else at 3."""
    going_on = cursor or app.memory.cursor_of(asked.query, (await scope_of(app, asked)).projects, offset)
    if going_on:
        return await app.memory.more(going_on, limit=asked.limit or _rules(app).search_limit)
    return await search(app, asked, 3 if offset is None else offset)


def budget(app: Application, asked: int | None = None) -> int:
    """Tokens that a reply may have: those asked for, else those set for the caller's project."""
    return asked or _rules(app).max_tokens


async def overview(app: Application, asked: Question) -> Overview:
    return await app.memory.overview(asked.query, await scope_of(app, asked), **_floor_and_decay(app, asked))


async def summary(app: Application, asked: Question) -> Summary:
    return await summarise(
        app.memory, app.store, asked.query, await scope_of(app, asked), **_floor_and_decay(app, asked)
    )


async def concept(app: Application, asked: Question, files: bool) -> Concept:
    limit = asked.limit or _rules(app).search_limit
    scope, rules = await scope_of(app, asked), _floor_and_decay(app, asked)
    return await by_concept(app.memory, app.store, asked.query, scope, limit=limit, files=files, **rules)


async def store(app: Application, content: str, tags: tuple[str, ...], project: str | None, kind: Kind) -> Stored:
    caller = connection.current()
    named = await _projects(app, project) if project else None
    if named is not None and len(named) > 1:
        raise Invalid(f"{project} may be any of {', '.join(named)}: name one of them.")
    target = (named or (await caller_project(app),))[0]
    return await app.memory.store(Draft(content, target, kind, tags, session=caller.session_id or ""))


async def caller_project(app: Application) -> str:
    """The project of the connection that asks."""
    return await app.projects.project_of(connection.current().folder)


async def statistics(app: Application) -> dict[str, Any]:
    counts, stats, vectors = await app.memory.facets(), await app.memory.stats(), await app.embedding.progress()
    memories = sum(counts["kind"].values())
    last = await app.ledger.last_import()
    waiting = f", {vectors.pending} wait for their vector" if vectors.pending else ""
    return {
        "summary": f"{_many(memories)} of {counted(len(counts['project']), 'project')}{waiting}.",
        "memories": memories,
        **{f"by_{name}": values for name, values in counts.items()},
        "records": stats.records,
        "indexed": stats.indexed,
        "vectors": stats.vectors,
        "waiting_for_vector": vectors.pending,
        "vector_problem": vectors.problem,
        "model": model_of(app),
        "bytes_on_disk": stats.bytes_on_disk,
        "schema_version": stats.schema_version,
        "last_import": last,
    }


def model_of(app: Application) -> str:
    """The model's id, or that there is none: search by word goes on without."""
    try:
        return app.embedder.model_id
    except (Unavailable, Corrupt) as error:
        return f"none: {error}"


async def what_would_go(app: Application) -> Mapping[str, Any]:
    memories = sum((await app.memory.facets())["kind"].values())
    summary = f"{_many(memories)} of all projects would go, after a backup; confirm=true does it."
    return {"summary": summary, "reset": False, "memories": memories, "backup": None}


async def reset(app: Application) -> Mapping[str, Any]:
    memories = sum((await app.memory.facets())["kind"].values())
    backup = app.settings.data_dir / "backups" / f"before-reset-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.duckdb"
    backup.parent.mkdir(mode=0o700, exist_ok=True)
    await app.store.backup(backup)
    await app.memory.delete_all()
    await app.ledger.forget_all()
    await app.journal.forget_all()
    summary = f"{_many(memories)} forgotten; `session-mgmt-mcp restore` brings the backup back."
    return {"summary": summary, "reset": True, "memories": memories, "backup": backup.name}


async def scope_of(app: Application, asked: Question) -> Scope:
    projects = await _projects(app, asked.project)
    if projects is not None:
        # The original product knew projects by their bare names.
        projects = (*projects, *sorted({project.rpartition("-")[0] for project in projects} - {""}))
    return Scope(projects=projects, kinds=asked.kinds, tags=asked.tags, since=asked.since, until=asked.until)


async def _projects(app: Application, name: str | None) -> tuple[str, ...] | None:
    """None stands for all projects. Raises Invalid for a name that nothing is known under."""
    if name == "*":
        return None
    mine = await caller_project(app)
    if name is None or name == mine:
        return (mine,)
    named = await app.memory.projects_named(name)
    if named:
        return named
    if mine.rpartition("-")[0] == name:
        return (mine,)
    raise Invalid(f"No project is known as {name[:60]!r}: leave it out for the current one, or give * for all.")


def _floor_and_decay(app: Application, asked: Question) -> dict[str, float]:
    rules = _rules(app)
    floor = rules.min_score if asked.min_score is None else asked.min_score
    return {"min_score": floor, "half_life_days": rules.half_life_days if asked.time_decay else 0.0}


def _many(memories: int) -> str:
    return counted(memories, "memory", "memories")


def _rules(app: Application) -> settings.Settings:
    return settings.for_project(app.settings, connection.current().folder)
