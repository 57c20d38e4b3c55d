"""One vote a user and memory, counted without a race."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from session_mgmt_mcp.domain.documents import every
from session_mgmt_mcp.domain.teams.team import Team
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage

VOTES = (-1, 0, 1)
_BALLOTS = "ballots"
_CLOSED_FOR = timedelta(days=1)  # longer than any call that began before


def of_team(team: Team) -> str:
    """What the names of a team's ballots begin with."""
    return f"{team.key}."


def on_shared(team: Team, memory: str) -> str:
    return f"{of_team(team)}{memory}"


def on_own(memory: str) -> str:
    return f"own.{opaque_id(memory)}"


class Ballots:
    """A document a memory: who voted what. The sum is that of the document, whoever writes it down elsewhere."""

    def __init__(self, storage: SessionStorage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def cast(self, ballot: str, user: str, vote: int) -> int:
        """The sum with this vote in place of the user's last; 0 takes it back. Raises NotFound for a closed ballot."""
        if vote not in VOTES:
            raise Invalid("vote_delta: give 1 or -1, or 0 to take your vote back.")
        while True:
            document = await self._storage.get(_BALLOTS, ballot)
            if _is_closed(document):
                raise NotFound("The memory was taken back a moment ago: there is nothing to vote on.")
            votes = _votes(document)
            if votes.get(user, 0) == vote:
                return sum(votes.values())
            cast = {name: value for name, value in {**votes, user: vote}.items() if value}
            with suppress(Conflict):
                version = document.version if document else 0
                await self._storage.put(_BALLOTS, ballot, {"votes": cast}, expected_version=version)
                return sum(cast.values())

    async def sum(self, ballot: str) -> int | None:
        """None: it is closed."""
        document = await self._storage.get(_BALLOTS, ballot)
        return None if _is_closed(document) else sum(_votes(document).values())

    async def vote_of(self, ballot: str, user: str) -> int:
        return _votes(await self._storage.get(_BALLOTS, ballot)).get(user, 0)

    async def close(self, ballot: str) -> None:
        """Forgets the votes, and refuses those that are on their way."""
        await self._storage.put(_BALLOTS, ballot, {"closed": True}, expires=self._clock.now() + _CLOSED_FOR)

    async def reopen(self, ballot: str) -> None:
        document = await self._storage.get(_BALLOTS, ballot)
        if document is not None and _is_closed(document):
            with suppress(Conflict):
                await self._storage.delete(_BALLOTS, ballot, expected_version=document.version)

    async def forget(self, prefix: str) -> None:
        """All whose name begins so."""
        async for document in every(self._storage, _BALLOTS, prefix):
            await self._storage.delete(_BALLOTS, document.id)


def _is_closed(document: Document | None) -> bool:
    return document is not None and bool(document.body.get("closed"))


def _votes(document: Document | None) -> dict[str, int]:
    told = document.body.get("votes") if document else None
    return {user: vote for user, vote in told.items() if isinstance(vote, int)} if isinstance(told, Mapping) else {}
