"""Memories copied to where a team finds them, and taken back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from session_mgmt_mcp.domain.drafts import Draft, record_of
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.parts import split
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.teams.access import visible
from session_mgmt_mcp.domain.teams.ballots import Ballots, of_team, on_shared
from session_mgmt_mcp.domain.teams.embedded import embedded
from session_mgmt_mcp.domain.teams.membership import TeamService
from session_mgmt_mcp.domain.teams.roles import manages, shares
from session_mgmt_mcp.domain.teams.shared import copy_for, copy_id, provenance_of
from session_mgmt_mcp.domain.teams.team import Team
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.embedder import Embedder
from session_mgmt_mcp.ports.errors import Invalid, NotFound
from session_mgmt_mcp.ports.vector_store import Condition, Record, VectorStore


@dataclass(frozen=True, slots=True)
class Shared:
    """What became of a memory that was shared."""

    id: str
    team: str
    duplicate: bool  # the team had it already: nothing was added
    redacted: Mapping[str, int]  # secrets found on the way, by kind
    note: str


class SharingService:
    """Copies from the own store into the team's; `on_new` is told when something may wait for its vector there."""

    def __init__(
        self,
        teams: TeamService,
        own: VectorStore,
        store: VectorStore,
        ballots: Ballots,
        embedder: Embedder,
        clock: Clock,
        on_new: Callable[[], None] = lambda: None,
    ) -> None:
        self._teams = teams
        self._own = own
        self._store = store
        self._ballots = ballots
        self._embedder = embedder
        self._clock = clock
        self._on_new = on_new

    async def share(self, memory_id: str, team_id: str, by: str, tags: tuple[str, ...] = ()) -> Shared:
        """One of the own memories; a part stands for its whole. Twice is once.

        Raises NotFound for a team that `by` is not in and for an unknown memory; Invalid for a viewer.
        """
        team = await self._sharing_in(team_id, by)
        original = await self._original(memory_id)
        return await self._share(original, team, by, tags, redact(original.text).counts)

    async def share_text(self, draft: Draft, team_id: str, by: str) -> Shared:
        """What is in no memory here. Raises as `share`, and Invalid for what is no text worth storing."""
        team = await self._sharing_in(team_id, by)
        original, counts = record_of(draft, self._clock.now())
        return await self._share(original, team, by, (), counts)

    async def unshare(self, memory_id: str, team_id: str, by: str) -> Record:
        """What was taken from the team; `memory_id` is the copy's or the original's. The votes go, too.

        Raises NotFound; Invalid for who neither shared it nor manages the team.
        """
        team = await self._teams.get(team_id, by)
        found = await visible(self._store, [memory_id, copy_id(team, memory_id)], [team])
        role = team.members[by].role
        if not (manages(role) or (shares(role) and provenance_of(found).shared_by == by)):
            raise Invalid("Only who shared a memory, an owner or an admin may take it from the team.")
        await self._ballots.close(on_shared(team, found.id))
        await withdraw(self._store, found.id)
        return found

    async def what_would_go(self, team_id: str, by: str) -> tuple[Team, int]:
        """The team and how many memories it shares. Raises as `delete_team`."""
        team, _ = await self._teams.owned(team_id, by)
        return team, await self._store.count([*_of(team), Condition("parent", "=", "")])

    async def delete_team(self, team_id: str, by: str) -> int:
        """How many shared memories went with it. After a failure it goes on when asked again.

        Raises NotFound for who is not in it; Invalid for who is no owner.
        """
        team = await self._teams.close(team_id, by)
        _, count = await self.what_would_go(team_id, by)
        await self._store.delete(_of(team))
        await self._ballots.forget(of_team(team))
        await self._teams.forget(team)
        return count

    async def _share(
        self, original: Record, team: Team, by: str, tags: tuple[str, ...], redacted: Mapping[str, int]
    ) -> Shared:
        copy = copy_for(team, original, by, self._clock.now(), tags)
        known = await self._store.get([copy.id])
        if known and known[0].model_id:
            return Shared(copy.id, team.id, True, redacted, "")
        copies, note = await embedded(split(known[0] if known else copy), original.id, self._own, self._embedder)
        if known:
            await self._add_vectors(copies)
        else:
            await self._add(copies, team)
        self._on_new()
        return Shared(copy.id, team.id, bool(known), redacted, note)

    async def _add(self, copies: list[Record], team: Team) -> None:
        ballot = on_shared(team, copies[0].id)
        while True:
            await self._ballots.reopen(ballot)
            await self._store.upsert(copies)
            if await self._ballots.sum(ballot) is not None:  # None: somebody took it back while it was shared again
                break
        if not await self._teams.stands(team):
            await withdraw(self._store, copies[0].id)
            raise NotFound(f"The team {team.id} was deleted a moment ago: nothing was shared.")

    async def _add_vectors(self, copies: list[Record]) -> None:
        ready = {copy.id: copy.vector for copy in copies if copy.vector is not None}
        if ready:
            await self._store.set_vectors(list(ready), np.stack(list(ready.values())), self._embedder.model_id)

    async def _sharing_in(self, team_id: str, user: str) -> Team:
        team = await self._teams.get(team_id, user)
        if not shares(team.members[user].role):
            raise Invalid(f"A viewer of {team.id} only searches: ask {', '.join(team.managers[:5])} to be a member.")
        return team

    async def _original(self, memory_id: str) -> Record:
        found = await self._own.get([memory_id])
        if found and found[0].parent:
            found = await self._own.get([found[0].parent])
        if not found or found[0].kind == Kind.SHARED:
            raise NotFound(f"There is no memory {memory_id[:40]!r} of your own: take an id from a search.")
        return found[0]


def _of(team: Team) -> list[Condition]:
    """All of a team's, whoever may see it."""
    return [Condition("kind", "=", Kind.SHARED), Condition("facts", "has", team.mark)]


async def withdraw(store: VectorStore, copy: str) -> None:
    """A shared memory and its parts; the whole goes last, so that it is found again where this breaks off."""
    await store.delete([Condition("kind", "=", Kind.SHARED), Condition("parent", "=", copy)])
    await store.delete([Condition("kind", "=", Kind.SHARED), Condition("id", "=", copy)])
