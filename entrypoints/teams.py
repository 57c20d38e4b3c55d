"""Teams in the context of the connection that asks: as whom, about which project, within which limits."""

from session_mgmt_mcp import connection, recall, users
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain import roles
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.projects import UNKNOWN
from session_mgmt_mcp.domain.teams.knowledge import Asked, Known, TeamStatistics
from session_mgmt_mcp.domain.teams.names import LONGEST_NAME, checked_id, line
from session_mgmt_mcp.domain.teams.roles import Role
from session_mgmt_mcp.domain.teams.sharing import Shared
from session_mgmt_mcp.domain.teams.team import Team
from session_mgmt_mcp.domain.teams.voting import Vote
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Record


def user(app: Application, named: str | None) -> str:
    """Whom the call acts as. Raises Invalid for what cannot be a user's id."""
    return checked_id("user_id", users.acting(app, named))


async def create(
    app: Application, team_id: str, name: str, description: str, owner: str | None
) -> tuple[Team, str, bool]:
    """The team, its owner, and whether it is new."""
    acting = user(app, owner)
    team, new = await app.teams.create(team_id, name, description, acting)
    return team, acting, new


async def mine(app: Application, user_id: str | None) -> tuple[list[Team], str]:
    acting = user(app, user_id)
    return await app.teams.of(acting), acting


async def add(app: Application, team_id: str, member: str, role: Role, acting: str | None) -> Team:
    return await app.teams.add(team_id, member, role, user(app, acting))


async def remove(app: Application, team_id: str, member: str, acting: str | None) -> Team:
    return await app.teams.remove(team_id, member, user(app, acting))


async def share(
    app: Application,
    memory_id: str | None,
    team_id: str,
    content: str | None,
    tags: tuple[str, ...],
    project: str | None,
    user_id: str | None,
) -> Shared:
    """A memory of this machine's owner, or a text. Raises Invalid for both, for none, and for a guest's memory id."""
    acting = user(app, user_id)
    if (memory_id is None) == (content is None):
        raise Invalid("Give either reflection_id, to share a memory, or content, to share a text.")
    if content is not None:
        return await app.sharing.share_text(Draft(content, await _project(app, project), tags=tags), team_id, acting)
    if is_guest():
        raise Invalid("reflection_id: the memories here are not yours; give the text itself as content.")
    return await app.sharing.share(str(memory_id), team_id, acting, tags)


async def unshare(app: Application, memory_id: str, team_id: str, user_id: str | None) -> Record:
    return await app.sharing.unshare(memory_id, team_id, user(app, user_id))


async def search(
    app: Application, asked: Asked, user_id: str | None, min_score: float | None, time_decay: bool
) -> Known:
    question = recall.Question(asked.query, min_score=min_score, time_decay=time_decay)
    rules = recall.floor_and_decay(app, question)
    return await app.knowledge.search(
        user(app, user_id),
        Asked(asked.query, asked.team_id, asked.project, asked.tags, asked.sort_by, asked.limit, **rules),
    )


async def show(app: Application, memory_id: str, user_id: str | None) -> Record:
    return await app.knowledge.show(memory_id, user(app, user_id))


async def statistics(app: Application, team_id: str, user_id: str | None) -> TeamStatistics:
    return await app.knowledge.statistics(team_id, user(app, user_id))


async def what_would_go(app: Application, team_id: str, user_id: str | None) -> tuple[Team, int]:
    return await app.sharing.what_would_go(team_id, user(app, user_id))


async def vote(app: Application, memory_id: str, user_id: str | None, vote: int) -> Vote:
    return await app.voting.vote(memory_id, user(app, user_id), vote, own=not is_guest())


def is_guest() -> bool:
    """Whether a member's token came with the call: its user has no memories here but what teams share."""
    caller = connection.current()
    return caller.remote and caller.role is not roles.Role.OWNER


async def _project(app: Application, named: str | None) -> str:
    """A guest's is a mere name: which projects there are here is not theirs to know."""
    if is_guest():
        return line(named or "", LONGEST_NAME) or UNKNOWN
    return await recall.caller_project(app) if named == "*" else await recall.project_named(app, named)
