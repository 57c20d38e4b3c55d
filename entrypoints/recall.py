"""Questions from a tool or a verb, in the context of the connection that asks."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypedDict

from session_mgmt_mcp import connection, settings
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.answers import Overview, SearchResult
from session_mgmt_mcp.domain.drafts import Draft, Stored
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.errors import Invalid


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
    scope, limit = await scope_of(app, asked), limit_of(app, asked)
    return await app.memory.search(asked.query, scope, limit=limit, offset=offset, **floor_and_decay(app, asked))


async def more(app: Application, asked: Question, offset: int | None, cursor: str | None) -> SearchResult:
    """Goes on at the cursor, else in the last search of this question; `offset` None: where that stopped, else at 3."""
    going_on = cursor or app.memory.cursor_of(asked.query, (await scope_of(app, asked)).projects, offset)
    if going_on:
        return await app.memory.more(going_on, limit=limit_of(app, asked))
    return await search(app, asked, 3 if offset is None else offset)


def budget(app: Application, asked: int | None = None) -> int:
    """Tokens that a reply may have: those asked for, else those set for the caller's project."""
    return asked or _rules(app).max_tokens


def min_score(app: Application, asked: float | None = None) -> float:
    """Below which hits are left out: as asked, else as set for the caller's project."""
    return _rules(app).min_score if asked is None else asked


async def overview(app: Application, asked: Question) -> Overview:
    return await app.memory.overview(asked.query, await scope_of(app, asked), **floor_and_decay(app, asked))


async def store(app: Application, content: str, tags: tuple[str, ...], project: str | None, kind: Kind) -> Stored:
    target = await caller_project(app) if project == "*" else await project_named(app, project)
    return await app.memory.store(Draft(content, target, kind, tags, session=connection.current().session_id or ""))


async def caller_project(app: Application) -> str:
    """The project of the connection that asks. Raises Invalid when it came over the network and names none."""
    caller = connection.current()
    if not caller.remote:
        return await app.projects.project_of(caller.folder)
    if not caller.project:
        raise Invalid(
            "Over HTTP your folder cannot be seen: name the project, or have your client send X-Session-Mgmt-Project."
        )
    if caller.role is not Role.OWNER:
        return caller.project  # a mere name: which projects there are here is not theirs to know
    known = await app.memory.projects_named(caller.project)
    if len(known) > 1:
        raise Invalid(f"X-Session-Mgmt-Project: {caller.project} may be any of {', '.join(known)}: send one of them.")
    return known[0] if known else caller.project


async def caller_project_or_none(app: Application) -> str | None:
    """None where `caller_project` would raise for want of a name."""
    caller = connection.current()
    return None if caller.remote and not caller.project else await caller_project(app)


async def project_named(app: Application, name: str | None) -> str:
    """The one project that a name means; None is the caller's. Raises Invalid, also for `*`."""
    named = await _projects(app, name)
    if named is None or len(named) > 1:
        raise Invalid(f"{name} may be any of {', '.join(named or ['all projects'])}: name one of them.")
    return named[0]


async def scope_of(app: Application, asked: Question) -> Scope:
    scope = await scope_within(app, asked.project)
    return replace(scope, kinds=asked.kinds, tags=asked.tags, since=asked.since, until=asked.until)


async def scope_within(app: Application, project: str | None) -> Scope:
    """All of a project, as tools name it: None is the caller's, * are all. Raises Invalid."""
    projects = await _projects(app, project)
    if projects is not None:
        # The original product knew projects by their bare names.
        projects = (*projects, *sorted({project.rpartition("-")[0] for project in projects} - {""}))
    return Scope(projects=projects)


async def _projects(app: Application, name: str | None) -> tuple[str, ...] | None:
    """None stands for all projects; without a name, that of the caller. Raises Invalid for a name that nothing is known under."""
    if name == "*":
        return None
    mine = (await caller_project_or_none(app) or "") if name else await caller_project(app)
    if not name or name == mine:
        return (mine,)
    named = await app.memory.projects_named(name)
    if named:
        return named
    if mine.rpartition("-")[0] == name:
        return (mine,)
    raise Invalid(f"No project is known as {name[:60]!r}: leave it out for the current one, or give * for all.")


def limit_of(app: Application, asked: Question) -> int:
    return asked.limit or _rules(app).search_limit


class Rules(TypedDict):
    """What a search is told besides the question."""

    min_score: float
    half_life_days: float


def floor_and_decay(app: Application, asked: Question) -> Rules:
    """`min_score` and `half_life_days` as asked, else as set for the caller's project."""
    rules = _rules(app)
    return {
        "min_score": min_score(app, asked.min_score),
        "half_life_days": rules.half_life_days if asked.time_decay else 0.0,
    }


def _rules(app: Application) -> settings.Settings:
    return settings.for_project(app.settings, connection.current().folder)
