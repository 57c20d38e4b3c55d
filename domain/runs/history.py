"""The runs of a project, kept."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from session_mgmt_mcp.domain.documents import every, key_of, moment, months
from session_mgmt_mcp.domain.runs import outputs
from session_mgmt_mcp.domain.runs.outputs import OutputPage, OutputWriter
from session_mgmt_mcp.domain.runs.records import body_of, clean, run_of
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.quality_runner import Command
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

RUNS = "runs"
RUNS_KEPT = timedelta(days=400)
_SEARCHED = timedelta(days=400)


class RunHistory:
    """Keeps runs, and what they printed. A run is in it from its end on."""

    def __init__(self, storage: SessionStorage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def id_of(self, project: str, at: datetime) -> str:
        """The id of a run that began `at`; two of one moment take each other's place, so `keep` moves one."""
        return f"{key_of(project)}:{moment(at)}"

    def writer(self, run: str) -> OutputWriter:
        """For what the run of that id prints."""
        return OutputWriter(self._storage, self._clock, run)

    async def keep(self, run: Run, sizes: list[int]) -> Run:
        """Durable when it returns, without its secrets; `sizes` are those of its output's pieces. Raises Conflict."""
        kept = replace(run, report=await asyncio.to_thread(clean, run.report))
        body: dict[str, Json] = {**await asyncio.to_thread(body_of, kept), "output": list(sizes)}
        await self._storage.put(RUNS, run.id, body, expected_version=0, expires=run.at + RUNS_KEPT)
        return kept

    async def since(self, project: str, since: datetime, command: Command | None = None) -> list[Run]:
        """Runs that began since then (aware), oldest first."""
        where: dict[str, Json] | None = {"command": str(command)} if command else None
        found: list[Document] = []
        for month in months(since, self._clock.now()):
            prefix = f"{key_of(project)}:{month}"
            found += [document async for document in every(self._storage, RUNS, prefix, where)]
        first = self.id_of(project, since)
        return await asyncio.to_thread(lambda: [run_of(one) for one in found if one.id >= first])

    async def last(self, project: str) -> Run | None:
        """The newest of a project."""
        now = self._clock.now()
        days = [moment(now - timedelta(days=ago))[:10] for ago in (0, 1)]
        for period in (*days, *reversed(months(now - _SEARCHED, now))):
            found = [one async for one in every(self._storage, RUNS, f"{key_of(project)}:{period}")]
            if found:
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
