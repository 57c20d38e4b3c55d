"""Votes on memories: shared ones by the members of their team, own ones by whoever works here."""

from dataclasses import dataclass

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.teams.access import unknown, visible
from session_mgmt_mcp.domain.teams.ballots import Ballots, on_own, on_shared
from session_mgmt_mcp.domain.teams.membership import TeamService
from session_mgmt_mcp.domain.teams.roles import shares
from session_mgmt_mcp.domain.teams.shared import votes_of, with_votes
from session_mgmt_mcp.domain.teams.sharing import withdraw
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Record, VectorStore


@dataclass(frozen=True, slots=True)
class Vote:
    """How a memory stands, and the vote of who asked."""

    id: str
    votes: int
    yours: int


class VotingService:
    """Counts in ballots, and writes the sum beside the memory, where lists are ordered by it."""

    def __init__(
        self, teams: TeamService, own: VectorStore, store: VectorStore, own_ballots: Ballots, ballots: Ballots
    ) -> None:
        """`own` and `own_ballots` are this person's, `store` and `ballots` the team's."""
        self._teams = teams
        self._own = own
        self._store = store
        self._own_ballots = own_ballots
        self._ballots = ballots

    async def vote(self, memory_id: str, user: str, vote: int, *, own: bool) -> Vote:
        """The user's last vote counts; 0 takes it back. `own`: this person's own memories may be meant, too.

        Raises NotFound for what is in no team of the user's; Invalid for another number, and for a viewer.
        """
        mine = await self._own_memory(memory_id) if own else None
        if mine is not None:  # also while what is shared is out of reach
            return await _counted(self._own_ballots, on_own(mine.id), self._own, mine, user, vote)
        teams = await self._teams.of(user)
        found = await visible(self._store, [memory_id], teams)
        [team] = [one for one in teams if one.mark in found.facts]
        if not shares(team.members[user].role):
            raise Invalid(f"A viewer of {team.id} does not vote: ask {', '.join(team.managers[:5])} to be a member.")
        ballot = on_shared(team, found.id)
        try:
            return await _counted(self._ballots, ballot, self._store, found, user, vote)
        finally:
            if not await self._teams.stands(team):  # deleted meanwhile, and maybe written again by us
                await withdraw(self._store, found.id)
                await self._ballots.forget(ballot)

    async def _own_memory(self, memory_id: str) -> Record | None:
        """Whole."""
        found = await self._own.get([memory_id])
        if found and found[0].parent:
            found = await self._own.get([found[0].parent])
        return found[0] if found and found[0].kind != Kind.SHARED else None


async def _counted(ballots: Ballots, ballot: str, store: VectorStore, record: Record, user: str, vote: int) -> Vote:
    """Whoever writes a sum looks at the ballot after that: so the last to write has written the last sum."""
    votes = await ballots.cast(ballot, user, vote)
    while True:
        found = await store.get([record.id])
        if not found:
            raise unknown(record.id)
        if votes_of(found[0]) != votes:
            await store.upsert([with_votes(found[0], votes)])
        now = await ballots.sum(ballot)
        if now is None:  # taken back meanwhile, and maybe written again by us
            await withdraw(store, record.id)
            raise unknown(record.id)
        if now == votes:
            return Vote(record.id, votes, vote)
        votes = now
