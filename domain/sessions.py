"""A client's sessions: recorded from their first sign of life, and closed once, however they end."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, NotFound
from session_mgmt_mcp.ports.git_repository import GitRepository
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage

SESSIONS = "sessions"
CONNECTION = "connection"  # the source of a session that no hook has told of
KEPT = timedelta(days=365)
NOTED_EVERY = timedelta(seconds=10)  # a sign of life is written down so often: each costs a durable write
SILENT = timedelta(hours=24)  # after which a session whose process nobody knows is taken for lost
FOLLOWS_WITHIN = timedelta(seconds=30)  # between `/clear` ending one session and the next one beginning


class State(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


class Reason(StrEnum):
    """Why a session ended: the client's own words, and ours."""

    CLEAR = "clear"
    RESUME = "resume"  # another session was resumed in its place
    LOGOUT = "logout"
    EXIT = "prompt_input_exit"
    OTHER = "other"
    ASKED = "asked"  # somebody called `end`
    LOST = "lost"  # its process is gone without a word


@dataclass(frozen=True, slots=True)
class Session:
    """One session of one client. Times are aware."""

    id: str
    project: str
    folder: str  # where the client works
    started: datetime
    last: datetime  # the last sign of life
    automatic: bool  # it lies in a git repository: begins and ends by itself
    state: State = State.OPEN
    ended: datetime | None = None
    reason: str = ""
    source: str = "startup"  # startup, resume, clear, fork, compact, or connection
    transcript: str = ""
    branch: str = ""
    base: str = ""  # the commit that HEAD was when it began
    client_pid: int = 0
    client_birth: str = ""
    machine: str = ""  # on which its client runs; empty: recorded when there was but one
    previous: str = ""  # the session that it goes on from in the same client
    manual: bool = False  # somebody called `start`
    briefed: bool = False  # what earlier sessions left was handed over
    handoff: bool = False

    @property
    def kept(self) -> bool:
        """Whether its end leaves a handoff unasked."""
        return self.automatic or self.manual


@dataclass(frozen=True, slots=True)
class Opening:
    """What a first sign of life tells."""

    id: str
    folder: str
    source: str = "startup"
    transcript: str = ""
    client_pid: int = 0


class SessionService:
    """The record of every session. `birth` tells a process that runs from any other that had its id; empty: none runs.

    `machine`: whose sessions this service opens, and may find lost; several machines of one person share a storage.
    """

    def __init__(
        self,
        storage: SessionStorage,
        git: GitRepository,
        projects: ProjectService,
        clock: Clock,
        birth: Callable[[int], str],
        machine: str = "",
    ) -> None:
        self._storage = storage
        self._git = git
        self._projects = projects
        self._clock = clock
        self._birth = birth
        self.machine = machine
        self._open: dict[str, Session] | None = None  # as last written
        self._told: deque[Session] = deque(maxlen=20)  # that made room for another one in their client

    def now(self) -> datetime:
        """By the clock that tells when sessions began."""
        return self._clock.now()

    async def open(self, opening: Opening) -> Session:
        """Begins a session, or goes on with one: a resumed one is open again, and keeps its beginning."""
        before = self._predecessor(opening)
        pid = opening.client_pid or (before.client_pid if before else 0)
        known = await self.get(opening.id)
        if known is not None:
            return await self._change(known.id, lambda old: self._again(old, opening, pid))
        repository = await self._git.find(Path(opening.folder)) if opening.folder else None
        state = await self._git.state(Path(opening.folder)) if repository else None
        now = self._clock.now()
        session = Session(
            id=opening.id,
            project=await self._projects.project_of(opening.folder),
            folder=opening.folder,
            started=now,
            last=now,
            automatic=repository is not None,
            source=opening.source,
            transcript=opening.transcript,
            branch=(state.branch or "") if state else "",
            base=(state.head or "") if state else "",
            client_pid=pid,
            client_birth=self._birth(pid),
            machine=self.machine,
            previous=before.id if before else "",
        )
        living = await self._living()
        try:
            await self._storage.put(SESSIONS, session.id, _body(session), expected_version=0, expires=now + KEPT)
        except Conflict:  # the connection and the hook of one client come at the same time
            return await self.open(opening)
        living[session.id] = session
        return session

    def _again(self, old: Session, opening: Opening, pid: int) -> Session:
        by_connection = opening.source == CONNECTION
        reopens = old.state is State.CLOSED and not by_connection
        client = pid or (0 if reopens and not self._runs(old) else old.client_pid)
        return replace(
            old,
            state=State.OPEN if reopens else old.state,
            ended=None if reopens else old.ended,
            reason="" if reopens else old.reason,
            briefed=old.briefed and not reopens,
            last=self._clock.now(),
            transcript=opening.transcript or old.transcript,
            client_pid=client,
            client_birth=self._birth(client) if pid else old.client_birth if client else "",
            machine=self.machine,
            source=old.source if by_connection else opening.source,
        )

    async def get(self, id: str) -> Session | None:
        """As last recorded; None for one that nobody knows."""
        found = await self._storage.get(SESSIONS, id) if id else None
        return _session(found) if found else None

    async def seen(self, id: str) -> Session | None:
        """A sign of life. What was ended by a tool, or taken for lost, and goes on, is open again."""
        living = await self._living()
        known = living.get(id) or await self.get(id)
        now = self._clock.now()
        if known is None or (known.state is State.OPEN and abs(now - known.last) < NOTED_EVERY):
            return known

        def alive(old: Session) -> Session:
            if old.state is State.CLOSED and old.reason not in (Reason.ASKED, Reason.LOST):
                return old
            return replace(old, state=State.OPEN, ended=None, reason="", last=max(now, old.last), machine=self.machine)

        return await self._change(id, alive)

    async def update(self, id: str, **changes: Any) -> Session:
        """Sets fields of a session that is known."""
        return await self._change(id, lambda old: replace(old, **changes))

    async def close(self, id: str, reason: str, ended: datetime | None = None) -> Session | None:
        """Ends it, once: a second word of its end changes nothing. None for one that nobody knows."""
        if await self.get(id) is None:
            return None
        at = ended or self._clock.now()

        def closed(old: Session) -> Session:
            if old.state is State.CLOSED and old.reason != Reason.ASKED:
                return old
            return replace(old, state=State.CLOSED, ended=at, reason=reason, last=max(old.last, at))

        return await self._change(id, closed)

    async def opened(self) -> list[Session]:
        """All open ones of this machine, the newest sign of life first."""
        return sorted((await self._living()).values(), key=lambda one: one.last, reverse=True)

    async def of_client(self, pid: int, hint: str = "") -> Session | None:
        """The session that a client works in. `hint`, the id it was started with, goes stale when it clears."""
        mine = [one for one in await self.opened() if pid and one.client_pid == pid]
        mine = [one for one in mine if one.client_birth in ("", self._birth(pid))]
        return max(mine, key=lambda one: one.started) if mine else await self.get(hint)

    async def lost(self) -> list[Session]:
        """Open sessions whose client is gone, or was silent for so long that it must be."""
        now = self._clock.now()
        return [
            one
            for one in await self.opened()
            if (one.client_pid and not self._runs(one)) or (not one.client_pid and now - one.last > SILENT)
        ]

    def _runs(self, session: Session) -> bool:
        now = self._birth(session.client_pid)
        return bool(now) and session.client_birth in ("", now)

    async def _living(self) -> dict[str, Session]:
        if self._open is None:
            found: dict[str, Session] = {}
            cursor: str | None = None
            while True:
                page = await self._storage.list(SESSIONS, where={"state": "open"}, cursor=cursor)
                read = [_session(document) for document in page.documents]
                found |= {one.id: one for one in read if self._is_here(one)}
                if (cursor := page.cursor) is None:
                    break
            if self._open is None:  # else somebody was quicker, and theirs has changed since
                self._open = found
        return self._open

    def _is_here(self, session: Session) -> bool:
        """Its process can be looked for; that of another machine's session cannot."""
        return session.machine in ("", self.machine)

    def _predecessor(self, opening: Opening) -> Session | None:
        """Whom `/clear`, a fork or a resume in a running client follows: it told its end just before."""
        if opening.source not in (Reason.CLEAR, Reason.RESUME, "fork"):
            return None
        now = self._clock.now()
        told = [
            one
            for one in self._told
            if one.id != opening.id and one.ended and now - one.ended < FOLLOWS_WITHIN
            if _same_client(one, opening)
        ]
        return told[-1] if told else None

    async def _change(self, id: str, change: Callable[[Session], Session]) -> Session:
        living = await self._living()
        while True:
            document = await self._storage.get(SESSIONS, id)
            if document is None:
                if known := living.pop(id, None):
                    return known  # deleted under us: what is known of it is all there is
                raise NotFound(f"Nothing is stored of the session {id[:40]!r} any more: the next one begins anew.")
            before = _session(document)
            if (changed := change(before)) == before:
                return before
            expires = changed.last + KEPT  # an open one too: its machine may never be seen again
            try:
                await self._storage.put(
                    SESSIONS, id, _body(changed), expected_version=document.version, expires=expires
                )
            except Conflict:
                continue
            if changed.state is State.OPEN and self._is_here(changed):
                living[id] = changed
            elif living.pop(id, None) and changed.reason in (Reason.CLEAR, Reason.RESUME):
                self._told.append(changed)
            return changed


def _same_client(told: Session, opening: Opening) -> bool:
    """By its process; where that is not known, by its folder."""
    if told.client_pid and opening.client_pid:
        return told.client_pid == opening.client_pid
    return told.folder == opening.folder


def _body(session: Session) -> Mapping[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(session).items()
        if name != "id"
    }


def _session(document: Document) -> Session:
    """What a newer version wrote besides is left out."""
    names = {field.name for field in fields(Session)}
    body: dict[str, Any] = {name: value for name, value in document.body.items() if name in names}
    times = {name: datetime.fromisoformat(body[name]) for name in ("started", "last", "ended") if body[name]}
    return Session(**{**body, **times, "id": document.id, "state": State(body["state"])})
