"""What of the shared a user may see, as conditions of a query: the marks of the teams that they are in."""

from collections.abc import Sequence

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.teams.team import Team
from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.vector_store import Condition, Record, VectorStore


def within(teams: Sequence[Team], tags: tuple[str, ...] = ()) -> Scope:
    """All that these teams share, and nothing else; of no team, nothing."""
    return Scope(kinds=(Kind.SHARED,), tags=tags, facts=tuple(team.mark for team in teams))


async def visible(store: VectorStore, memory_ids: Sequence[str], teams: Sequence[Team]) -> Record:
    """The one of them that there is, whole. Raises NotFound: whether there is none or it is another team's is not told."""
    wholes = tuple(
        dict.fromkeys(one.partition(".")[0] for one in memory_ids)
    )  # a part's id is its whole's and a number
    page = await store.scan([*within(teams).wholes(), Condition("id", "in", wholes)], limit=len(wholes))
    if not page.records:
        raise unknown(memory_ids[0])
    return page.records[0]


def unknown(memory_id: str) -> NotFound:
    return NotFound(f"There is no memory {memory_id[:40]!r} in a team of yours: take an id from search_team_knowledge.")
