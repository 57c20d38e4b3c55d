"""Sessions as they come and go: what hooks and connections tell becomes records, handoffs, and words for the next session."""

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from session_mgmt_mcp import beginning
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.connection import Connection
from session_mgmt_mcp.domain.reminder import Told
from session_mgmt_mcp.domain.sessions import CONNECTION, Opening, Reason, Session, State
from session_mgmt_mcp.ending import end
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.session_storage import is_name
from session_mgmt_mcp.service import Answer

SETTLE_SECONDS = 0.3  # the client writes its transcript a little later than it fires its hooks
DEPARTURE_SECONDS = 3.0  # the hook of a session's end comes after its server is gone, and may take 1.5 s
SWEEP_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Lifecycle:
    """Deals with the events of one client's folder in their order, whatever others do."""

    def __init__(
        self, app: Application, settle_seconds: float = SETTLE_SECONDS, departure_seconds: float = DEPARTURE_SECONDS
    ) -> None:
        self._app = app
        self._settle_seconds = settle_seconds
        self._departure_seconds = departure_seconds
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether something was told that has not been dealt with."""
        return bool(self._tasks)

    def on_event(self, event: Mapping[str, Any]) -> Awaitable[Answer | None] | None:
        """Takes a hook's event; what it gives comes when the event is dealt with."""
        id = event.get("session_id")
        if not isinstance(id, str) or not is_name(id):
            return None
        return self._begin(self._dealt_with(event))

    def on_arrival(self, caller: Connection) -> None:
        if caller.session_id and caller.folder:
            self._begin(self._arrived(caller))

    def on_departure(self, caller: Connection) -> None:
        self._begin(self._departed(caller))

    async def run(self) -> None:
        """Forever; cancel it to stop. Ends what was left open by clients that are gone, now and from then on."""
        while True:
            await _logged(self._sweep())
            await asyncio.sleep(SWEEP_SECONDS)

    async def close(self) -> None:
        """Finishes what was begun; whom a client left open is found by the next hub."""
        self._closing.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, Answer | None]) -> asyncio.Task[Answer | None]:
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _turn(self, folder: str) -> asyncio.Lock:
        """What happens in a folder happens one after the other."""
        return self._turns.setdefault(folder, asyncio.Lock())

    async def _dealt_with(self, event: Mapping[str, Any]) -> Answer | None:
        id, turn = event["session_id"], str(event.get("project_dir") or event.get("cwd") or "")  # cwd moves with `cd`
        async with self._turn(turn):
            match event.get("event"):
                case "SessionStart":
                    return await self._started(event, turn)
                case "SessionEnd":
                    await self._ended(event)
                case "PreCompact":
                    return await self._compacts(event)
                case "UserPromptSubmit":
                    session = await self._app.sessions.seen(id) or await self._app.sessions.open(_opening(event))
                    return await self._told(session, event)
                case _:
                    await self._app.sessions.seen(id)
        return None

    async def _started(self, event: Mapping[str, Any], turn: str) -> Answer | None:
        session = await self._app.sessions.open(_opening(event))
        if event.get("source") == "compact":
            return _answer(await self._app.compaction.carry_over(session.id))
        await self._sweep(turn)
        await self._app.reminders.opened(session.project, session.id)
        return await self._told(session, event)

    async def _told(self, session: Session, event: Mapping[str, Any]) -> Answer | None:
        """Reminders that are due; and once a session, at its start or with its first prompt, what earlier ones left."""
        if not event.get("asks"):
            return None
        wanted = self._app.settings.briefing and event.get("briefing", True)
        briefs = wanted and session.automatic and not session.briefed
        left = await beginning.left_for(self._app, session) if briefs else beginning.NOTHING
        reminders = await self._app.reminders.hand_over(session.project)

        async def handed() -> None:
            await reminders.done(Told.HOOK)
            if briefs:
                await self._app.sessions.update(session.id, briefed=True)

        said = beginning.in_words(left, session.project, self._app.sessions.now(), reminders.lines)
        if not said:
            await handed()
        return _answer(said, handed)

    async def _compacts(self, event: Mapping[str, Any]) -> Answer | None:
        session = await self._app.sessions.seen(event["session_id"])
        session = session or await self._app.sessions.open(_opening(event))
        await self._app.compaction.preserve(session.id, session.project, session.transcript)
        return _answer(await self._app.compaction.carry_over(session.id))

    async def _ended(self, event: Mapping[str, Any]) -> None:
        session = await self._app.sessions.get(event["session_id"])
        session = session or await self._app.sessions.open(_opening(event))
        await asyncio.sleep(self._settle_seconds)
        await end(self._app, session, str(event.get("reason") or Reason.OTHER), _time_of(event))
        self._app.polishing.ended(session.id)

    async def _arrived(self, caller: Connection) -> None:
        async with self._turn(caller.folder):
            await self._app.sessions.open(Opening(caller.session_id, caller.folder, CONNECTION, "", caller.client_pid))

    async def _departed(self, caller: Connection) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), self._departure_seconds)
        except TimeoutError:
            await self._sweep()

    async def _sweep(self, mine: str | None = None) -> None:
        """Ends the sessions whose client went without a word.

        `mine`: the folder whose turn it is already; others whose turn it is are then not waited for, or two would for each other.
        """
        for session in await self._app.sessions.lost():
            turn = self._turn(session.folder)
            if session.folder == mine:
                await self._lost(session)
            elif mine is None or not turn.locked():
                async with turn:
                    await self._lost(session)

    async def _lost(self, session: Session) -> None:
        await _logged(self._end_lost(session.id))  # one that cannot be ended keeps nobody else waiting

    async def _end_lost(self, id: str) -> None:
        known = await self._app.sessions.get(id)
        if known is not None and known.state is State.OPEN:
            await end(self._app, known, Reason.LOST, _last_written(known))
            self._app.polishing.ended(id)


def _opening(event: Mapping[str, Any]) -> Opening:
    return Opening(
        id=event["session_id"],
        folder=str(event.get("cwd") or ""),
        source=str(event.get("source") or "startup"),
        transcript=str(event.get("transcript_path") or ""),
        client_pid=pid if isinstance(pid := event.get("client_pid"), int) else 0,
    )


async def _nothing() -> None:
    pass


def _answer(context: str, handed: Callable[[], Awaitable[None]] = _nothing) -> Answer | None:
    return Answer(context, handed) if context else None


def _time_of(event: Mapping[str, Any]) -> datetime | None:
    at = event.get("at")
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int | float) else None


def _last_written(session: Session) -> datetime:
    """When a session that said nothing of its end was last known to be there."""
    try:
        return max(session.last, datetime.fromtimestamp(Path(session.transcript).stat().st_mtime, UTC))
    except OSError:
        return session.last


async def _logged(work: Coroutine[Any, Any, Answer | None]) -> Answer | None:
    try:
        return await work
    except PortError as error:
        _log.warning(str(error))
    except Exception:
        _log.exception("an event of a session could not be dealt with")
    return None
