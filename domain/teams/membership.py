"""Teams as documents that any number of machines write: who is in which, as it stands at this very moment."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from session_mgmt_mcp.domain.teams.names import LONGEST_DESCRIPTION, LONGEST_NAME, checked_id, line
from session_mgmt_mcp.domain.teams.roles import Role
from session_mgmt_mcp.domain.teams.team import Member, Team, body_of, team_of
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage, is_name

MOST_TEAMS = 200  # of one user
_TEAMS = "teams"
_TEAMS_OF = "teams-of"


class TeamService:
    """One document a team says who is in it. One a user says where to look: never more than a hint.

    Who is in no team of that id is told the same, whether there is one or not.
    """

    def __init__(self, storage: SessionStorage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def create(self, team_id: str, name: str, description: str, owner: str) -> tuple[Team, bool]:
        """The team, and whether it is new: the same owner may ask twice. Raises Invalid for an id that is taken."""
        checked_id("team_id", team_id), checked_id("user", owner)
        await self._check_room(owner)
        now = self._clock.now()
        team = Team(
            team_id,
            opaque_id(team_id, owner, now.isoformat()),
            line(name, LONGEST_NAME) or team_id,
            line(description, LONGEST_DESCRIPTION),
            now,
            {owner: Member(Role.OWNER, now, owner)},
        )
        try:
            await self._storage.put(_TEAMS, team_id, body_of(team), expected_version=0)
        except Conflict:
            there = await self._read(team_id)
            if there is None or there.role_of(owner) is not Role.OWNER:
                raise Invalid(f"The team id {team_id!r} cannot be had: choose another.") from None
            await self._settle(owner, team_id)
            return there, False
        await self._settle(owner, team_id)
        return team, True

    async def of(self, user: str) -> list[Team]:
        """The teams that a user is in, by id; read anew at every call."""
        if not is_name(user):
            return []
        hinted = _listed(await self._storage.get(_TEAMS_OF, user))
        found = await asyncio.gather(*(self._read(team_id) for team_id in hinted))
        return [team for team in found if team is not None and team.role_of(user) is not None]

    async def get(self, team_id: str, user: str) -> Team:
        """Raises NotFound for whoever is not in it."""
        return (await self._in(team_id, user))[0]

    async def stands(self, team: Team) -> bool:
        """Whether it is still there: not being deleted, nor another one of that id."""
        there = await self._read(team.id)
        return there is not None and there.key == team.key and not there.closing

    async def add(self, team_id: str, user: str, role: Role, by: str) -> Team:
        """With `user` in that role, whatever theirs was before. Raises Invalid and NotFound; see `Team.joined`."""
        checked_id("user_id", user)
        await self.get(team_id, by)  # who is not in it learns nothing about `user` either
        await self._check_room(user)
        now = self._clock.now()
        return await self._change(team_id, user, by, lambda team: team.joined(user, role, by, now))

    async def remove(self, team_id: str, user: str, by: str) -> Team:
        """Without `user`, who finds nothing of it from now on. Raises Invalid and NotFound; see `Team.left`."""
        return await self._change(team_id, user, by, lambda team: team.left(user, by))

    async def owned(self, team_id: str, by: str) -> tuple[Team, int]:
        """The team, being deleted or not, and its version. Raises NotFound as `get`, and Invalid for who is no owner."""
        document = await self._storage.get(_TEAMS, team_id) if is_name(team_id) else None
        team = team_of(document) if document else None
        if document is None or team is None or by not in team.members:
            raise _unknown(team_id)
        if team.members[by].role is not Role.OWNER:
            raise _unknown(team_id) if team.closing else Invalid(f"Only an owner of {team_id} may delete it.")
        return team, document.version

    async def close(self, team_id: str, by: str) -> Team:
        """From now on nobody is in it, and only `forget` is left to do; an owner may ask twice. Raises as `owned`."""
        while True:
            team, version = await self.owned(team_id, by)
            closed = replace(team, closing=True)
            with suppress(Conflict):
                await self._storage.put(_TEAMS, team_id, body_of(closed), expected_version=version)
                return closed

    async def forget(self, team: Team) -> None:
        """The end of a closed team: its id can be had again."""
        document = await self._storage.get(_TEAMS, team.id)
        if document is not None and team_of(document).key == team.key:
            with suppress(Conflict):
                await self._storage.delete(_TEAMS, team.id, expected_version=document.version)

    async def _change(self, team_id: str, user: str, by: str, change: Callable[[Team], Team]) -> Team:
        while True:
            team, version = await self._in(team_id, by)
            changed = change(team)
            try:
                if changed is not team:
                    await self._storage.put(_TEAMS, team_id, body_of(changed), expected_version=version)
            except Conflict:
                continue
            await self._settle(user, team_id)
            return changed

    async def _in(self, team_id: str, user: str) -> tuple[Team, int]:
        """The team, which `user` is in, and its version. Raises NotFound."""
        document = await self._storage.get(_TEAMS, team_id) if is_name(team_id) else None
        if document is None or (team := team_of(document)).role_of(user) is None:
            raise _unknown(team_id)
        return team, document.version

    async def _read(self, team_id: str) -> Team | None:
        document = await self._storage.get(_TEAMS, team_id)
        return team_of(document) if document else None

    async def _check_room(self, user: str) -> None:
        if len(_listed(await self._storage.get(_TEAMS_OF, user))) < MOST_TEAMS:
            return
        if len(await self.of(user)) >= MOST_TEAMS:
            raise Invalid(f"{user} cannot be in more teams: {MOST_TEAMS} are the most.")

    async def _settle(self, user: str, team_id: str) -> None:
        """Makes the user's list say what the team says now. Whoever changed a team calls it after that.

        It writes even what stands there already: then whoever read the list before the change cannot write it after.
        """
        while True:
            document = await self._storage.get(_TEAMS_OF, user)
            team = await self._read(team_id)
            names = set(_listed(document)) - {team_id}
            if len(names) >= MOST_TEAMS:
                names = {one.id for one in await self.of(user)} - {team_id}
            if team is not None and team.role_of(user) is not None:
                names.add(team_id)
            body = {"teams": sorted(names)}
            with suppress(Conflict):
                await self._storage.put(_TEAMS_OF, user, body, expected_version=document.version if document else 0)
                return


def _listed(document: Document | None) -> list[str]:
    names = document.body.get("teams") if document else None
    return [str(name) for name in names] if isinstance(names, list | tuple) else []


def _unknown(team_id: str) -> NotFound:
    shown = team_id if is_name(team_id) and len(team_id) <= 100 else team_id[:40]
    return NotFound(f"You are in no team {shown!r}: list_teams tells yours.")
