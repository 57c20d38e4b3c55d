"""The runs of a project, kept."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from session_mgmt_mcp.domain.documents import every, key_of, moment, months
from session_mgmt_mcp.domain.runs import outputs
from session_mgmt_mcp.domain.runs.outputs import OutputPage, OutputWriter
from session_mgmt_mcp.domain.runs.records import body_of, clean, run_of
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.quality_runner import Command, Outcome
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

T = TypeVar("T")
RUNS = "runs"
RUNS_KEPT = timedelta(days=400)
_SEARCHED = timedelta(days=400)
LONGEST = timedelta(hours=2)  # that a run can be going on
LOST = "The hub ended in the middle of it: run it again."


class RunHistory:
    """Keeps runs, and what they printed. One that never came to be kept, since the hub was killed, is told as a crash."""

    def __init__(self, storage: SessionStorage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def id_of(self, project: str, at: datetime) -> str:
        """The id of a run that began `at`."""
        return f"{key_of(project)}:{moment(at)}"

    def now(self) -> datetime:
        """By the clock that tells when runs began."""
        return self._clock.now()

    def writer(self, run: str) -> OutputWriter:
        """For what the run of that id prints."""
        return OutputWriter(self._storage, self._clock, run)

    async def begin(self, run: Run) -> None:
        """Notes it, for the case that nobody can any more when it ends. Raises Conflict when that id is taken."""
        report = replace(run.report, outcome=Outcome.CRASH, note=LOST)
        body: dict[str, Json] = {**body_of(replace(run, report=report)), "output": [], "begun": True}
        await self._storage.put(RUNS, run.id, body, expected_version=0, expires=run.at + RUNS_KEPT)

    async def keep(self, run: Run, sizes: list[int]) -> Run:
        """Durable when it returns, without its secrets; `sizes` are those of its output's pieces."""
        kept = replace(run, report=await asyncio.to_thread(clean, run.report))
        body: dict[str, Json] = {**await asyncio.to_thread(body_of, kept), "output": list(sizes)}
        await self._storage.put(RUNS, run.id, body, expires=run.at + RUNS_KEPT)
        return kept

    async def forget(self, id: str) -> None:
        """One that came to nothing."""
        await self._storage.delete(RUNS, id)

    async def since(
        self, project: str, since: datetime, command: Command | None = None, most: int | None = None
    ) -> list[Run]:
        """Runs that began since then (aware), oldest first; at most so many, the newest."""
        return await self.read(project, since, list, command, most)

    async def read(
        self,
        project: str,
        since: datetime,
        of: Callable[[Iterator[Run]], T],
        command: Command | None = None,
        most: int | None = None,
    ) -> T:
        """What `of` makes of those runs, in a thread; one is read after the other, so that they need not be held at once."""
        where: dict[str, Json] | None = {"command": str(command)} if command else None
        found: list[Document] = []
        for month in months(since, self._clock.now()):
            prefix = f"{key_of(project)}:{month}"
            found += [document async for document in every(self._storage, RUNS, prefix, where)]
        first = self.id_of(project, since)
        over = [one for one in found if one.id >= first and self._is_over(one)]
        return await asyncio.to_thread(of, map(run_of, over[-most:] if most else over))

    async def last(self, project: str) -> Run | None:
        """The newest of a project."""
        now = self._clock.now()
        days = [moment(now - timedelta(days=ago))[:10] for ago in (0, 1)]
        for period in (*days, *reversed(months(now - _SEARCHED, now))):
            every_one = every(self._storage, RUNS, f"{key_of(project)}:{period}")
            if found := [one async for one in every_one if self._is_over(one)]:
                return await asyncio.to_thread(run_of, found[-1])
        return None

    async def get(self, id: str) -> Run | None:
        document = await self._storage.get(RUNS, id)
        return await asyncio.to_thread(run_of, document) if document else None

    async def output(self, id: str, offset: int = 0, limit: int = 16_000) -> OutputPage:
        """What a run printed, `limit` characters from `offset` on; empty where nothing was kept."""
        document = await self._storage.get(RUNS, id)
        sizes = document.body.get("output") if document else None
        if not isinstance(sizes, list | tuple):
            return OutputPage("", None, 0)
        return await outputs.read(self._storage, id, [int(str(size)) for size in sizes], max(0, offset), limit)

    def _is_over(self, document: Document) -> bool:
        return not document.body.get("begun") or document.updated < self._clock.now() - LONGEST
