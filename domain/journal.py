"""Searches written down after they were answered: redacted, in the background, on this machine only."""

import asyncio
from dataclasses import replace

from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.query_log import LoggedSearch, QueryLog

LONGEST = 300  # characters of a query that are kept
WAITING = 1_000


class SearchJournal:
    """Collects searches and writes them a second later. A crash loses that second; `flush` before closing loses none."""

    def __init__(self, log: QueryLog, on: bool = True, every: float = 1.0) -> None:
        self._log = log
        self._on = on
        self._every = every
        self._waiting: list[LoggedSearch] = []
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    def note(self, search: LoggedSearch) -> None:
        """Costs the search nothing. Call it from the event loop's thread."""
        if self._on and search.query.strip() and len(self._waiting) < WAITING:
            self._waiting.append(search)
            self._wake.set()

    async def flush(self) -> None:
        """What was noted before is in the log; when that cannot be written, it waits on."""
        async with self._writing:
            some, self._waiting = self._waiting, []
            try:
                await self._log.record([_cleaned(search) for search in some])
            except PortError:
                self._waiting = some + self._waiting

    async def forget_all(self) -> None:
        """What waits to be written included."""
        async with self._writing:
            self._waiting = []
            await self._log.forget_all()

    async def run(self) -> None:
        """Forever; cancel it to stop, then `flush`."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(self._every)
            await self.flush()


def _cleaned(search: LoggedSearch) -> LoggedSearch:
    return replace(search, query=" ".join(redact(search.query).text.split())[:LONGEST])
