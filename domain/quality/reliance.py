"""What the trust figure rests on: what was granted, whether the session is kept, which tools work."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from session_mgmt_mcp.domain.documents import every, key_of
from session_mgmt_mcp.domain.grants import Grants
from session_mgmt_mcp.domain.quality.records import measured_of
from session_mgmt_mcp.domain.quality.service import MEASUREMENTS
from session_mgmt_mcp.domain.quality.trust import Trust, trust
from session_mgmt_mcp.domain.session_places import SESSIONS
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.git_repository import GitRepository
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.vector_store import VectorStore

FRESH = timedelta(days=30)  # a run of the project's own checks

Works = Callable[[Path, str], Awaitable[bool]]


class TrustService:
    """Trust in the session that works in a folder."""

    def __init__(
        self, grants: Grants, storage: SessionStorage, store: VectorStore, git: GitRepository, clock: Clock
    ) -> None:
        self._grants = grants
        self._storage = storage
        self._store = store
        self._git = git
        self._clock = clock
        self._tools: dict[str, Works] = {
            "git answers for no repository here: run git init, or start in one": self._git_answers,
            "memory is not indexed whole: run session-mgmt-mcp doctor": self._memory_is_whole,
            "no check of the project ran in 30 days: run its tests and linters": self._was_measured,
        }

    async def of(self, folder: Path, project: str, session: str) -> Trust:
        """`session` empty: the client did not say which, so that part is unknown."""
        granted, kept = await asyncio.gather(self._grants.of(project), self._kept(session))
        working = await asyncio.gather(*(works(folder, project) for works in self._tools.values()))
        lacking = [what for what, works in zip(self._tools, working, strict=True) if not works]
        return trust(len({grant.operation for grant in granted}), kept, len(working) - len(lacking), lacking)

    async def _kept(self, session: str) -> bool | None:
        if not session:
            return None
        try:
            return await self._storage.get(SESSIONS, session) is not None
        except Invalid:
            return False  # no id that a session could have

    async def _git_answers(self, folder: Path, _: str) -> bool:
        return await self._git.find(folder) is not None

    async def _memory_is_whole(self, *_: object) -> bool:
        stats = await self._store.stats()
        return stats.indexed == stats.records

    async def _was_measured(self, _: Path, project: str) -> bool:
        since = self._clock.now() - FRESH
        found = every(self._storage, MEASUREMENTS, f"{key_of(project)}:")
        return any([measured_of(document.body).time >= since async for document in found])
