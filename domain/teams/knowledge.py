"""What a team knows together, searched and counted. Access is a condition of each query; see `access`."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from session_mgmt_mcp.domain.listing import ListingService
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.teams.access import visible, within
from session_mgmt_mcp.domain.teams.membership import TeamService
from session_mgmt_mcp.domain.teams.shared import SHARED_BY, SHARED_IN, VOTES, counted, votes_of
from session_mgmt_mcp.domain.teams.team import Team
from session_mgmt_mcp.domain.text import snippet
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition, Order, Record, VectorStore

SortBy: TypeAlias = Literal["relevance", "votes", "newest"]
ALL = "*"
TOP = 5  # of the memories with the most votes


@dataclass(frozen=True, slots=True)
class Asked:
    """A search in what is shared. None: no restriction. A project is an id, or the name that it has on any machine."""

    query: str
    team_id: str | None = None
    project: str | None = None
    tags: tuple[str, ...] = ()
    sort_by: SortBy = "relevance"
    limit: int = 20
    min_score: float = 0.0
    half_life_days: float = 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """What a search in the shared found; a hit is a record, what to show of it, and its score where it was ranked."""

    hits: Sequence[tuple[Record, str, float | None]]
    total: int
    of: str  # the same in words, as far as it is known
    note: str = ""


@dataclass(frozen=True, slots=True)
class TeamStatistics:
    """Counted by the store, however much a team has shared."""

    team: Team
    roles: Mapping[str, int]  # members by role
    shared: int
    by_member: Mapping[str, int]
    by_project: Mapping[str, int]
    by_month: Mapping[str, int]  # in which it was shared
    by_tag: Mapping[str, int]
    votes: int  # the sum of all
    voted: int  # memories whose sum is not 0
    top: Sequence[Record]  # with the most votes first


class KnowledgeService:
    """Reads the store that a team shares. Nothing of one answer is kept for a later one: who is out is out at once."""

    def __init__(self, teams: TeamService, store: VectorStore, memory: MemoryService, listing: ListingService) -> None:
        """`memory` and `listing` read `store`."""
        self._teams = teams
        self._store = store
        self._memory = memory
        self._listing = listing

    async def search(self, user: str, asked: Asked) -> Known:
        """In all of the user's teams, or in one. Raises NotFound for a team that they are not in; Invalid."""
        if not asked.query.strip():
            raise Invalid("The query is empty: say what to look for.")
        teams = [await self._teams.get(asked.team_id, user)] if asked.team_id else await self._teams.of(user)
        if not teams:
            return Known([], 0, "0", "You are in no team: create_team makes one.")
        scope = within(teams, asked.tags)
        if asked.project and asked.project != ALL:
            scope = await self._in_project(scope, asked.project)
        if asked.sort_by != "relevance":
            return await self._listed(scope, asked)
        found = await self._memory.search(
            asked.query, scope, limit=asked.limit, min_score=asked.min_score, half_life_days=asked.half_life_days
        )
        return Known([(one.record, one.snippet, one.score) for one in found.hits], found.total, found.of, found.note)

    async def show(self, memory_id: str, user: str) -> Record:
        """Whole. Raises NotFound for what is in no team of theirs."""
        return await visible(self._store, [memory_id], await self._teams.of(user))

    async def statistics(self, team_id: str, user: str) -> TeamStatistics:
        """Raises NotFound for a team that they are not in."""
        team = await self._teams.get(team_id, user)
        where = within([team]).wholes()
        facts, projects, tags, count, top = await asyncio.gather(
            self._store.facets("facts", where),
            self._store.facets("project", where),
            self._store.facets("tags", where),
            self._store.count(where),
            self._store.listed(where, "votes", None, TOP),
        )
        votes = {int(number): memories for number, memories in counted(facts, VOTES).items()}
        return TeamStatistics(
            team=team,
            roles=Counter(str(member.role) for member in team.members.values()),
            shared=count,
            by_member=counted(facts, SHARED_BY),
            by_project=projects,
            by_month=dict(sorted(counted(facts, SHARED_IN).items(), reverse=True)),
            by_tag=tags,
            votes=sum(number * memories for number, memories in votes.items()),
            voted=sum(votes.values()),
            top=[record for record in top.records if votes_of(record) > 0],
        )

    async def _in_project(self, scope: Scope, name: str) -> Scope:
        known = await self._store.facets("project", scope.wholes())
        return replace(scope, projects=tuple(one for one in known if name in (one, one.rpartition("-")[0])))

    async def _listed(self, scope: Scope, asked: Asked) -> Known:
        order: Order = "votes" if asked.sort_by == "votes" else "newest"
        page = await self._listing.page(asked.query, scope, order, asked.limit)
        total = await self._store.count([*scope.wholes(), Condition("text", "has", asked.query)])
        return Known([(one, snippet(one.text, asked.query), None) for one in page.records], total, str(total))
