"""Summaries by a language model, written in the background of whoever ends a session."""

import asyncio
import logging

from session_mgmt_mcp.domain.llm.polishing import Outcome, PolishService
from session_mgmt_mcp.ports.errors import PortError

WAIT_SECONDS = 30.0  # for a summary, before `end` answers without it
LEAVING_SECONDS = 2.0  # for one that is being written, before a hub that is told to leave stops it
_log = logging.getLogger(__name__)


class Polishing:
    """Begins summaries and lets nobody wait longer than is said above. With `on`, each session's end begins one."""

    def __init__(
        self, service: PolishService, on: bool, wait: float = WAIT_SECONDS, leaving: float = LEAVING_SECONDS
    ) -> None:
        self._service = service
        self._on = on
        self._wait = wait
        self._leaving = leaving
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._closing = False

    @property
    def busy(self) -> bool:
        """Whether one is being written."""
        return bool(self._tasks)

    def ended(self, session: str) -> None:
        """A session's handoff is stored; nobody waits for more."""
        if self._on and not self._closing:
            self._begin(session, again=False)

    async def asked(self, session: str, polish: bool | None) -> str:
        """What became of the summary, in words; empty when none is wanted. `polish` None: as it is set.

        Cancelling stops the call. One that takes longer than the wait goes on in the background.
        """
        if polish is False and self._on:
            await self._service.decline(session)
        if not (self._on if polish is None else polish):
            return ""
        task = self._begin(session, again=polish is True)
        try:
            done, _ = await asyncio.wait({task}, timeout=self._wait)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            return "a summary by a language model is still being written, the next session is told of it"
        return task.result().in_words()

    async def close(self) -> None:
        """What is being written may take the bound above, then it is stopped."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._leaving)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._leaving)

    def _begin(self, session: str, again: bool) -> asyncio.Task[Outcome]:
        task = asyncio.create_task(self._outcome(session, again))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _outcome(self, session: str, again: bool) -> Outcome:
        try:
            outcome = await self._service.polish(session, again=again)
        except PortError as error:
            outcome = Outcome(None, " ".join(str(error).split()))
        except Exception:
            _log.exception("a summary could not be written")
            outcome = Outcome(None, "it could not be written, the log has the details.")
        if outcome.why:
            _log.warning("no summary of session %s: %s", session, outcome.why)
        return outcome
