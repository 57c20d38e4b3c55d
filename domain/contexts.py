"""Where work stood: kept when it was left, compared with what is there when somebody comes back."""

import hashlib
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from session_mgmt_mcp.domain.context_changes import Difference, differences
from session_mgmt_mcp.domain.context_documents import moment, work_body, work_of
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.domain.working import Observer, Place, Work
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, NotFound
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage

CONTEXTS = "contexts"
DIFFS = "context_diffs"  # apart, so that contexts are listed without reading them
KEPT = timedelta(days=30)
SHOWN = 5  # interrupted contexts of a project
LOOKED_AT = 50  # newest contexts of a project among which one is looked for: each is a file to be read
_ID = re.compile(r"[0-9a-f]{25}")
_END_OF_TIME = 1 << 44  # milliseconds; ids count down from there, so that the newest comes first


class Reason(StrEnum):
    """Why a context was kept. A closed set."""

    ASKED = "asked"
    SESSION_END = "session_end"
    SESSION_LOST = "session_lost"  # its process is gone without a word
    LONG_GAP = "long_gap"  # between two prompts
    PROJECT_SWITCH = "project_switch"  # work went on in another project
    BRANCH_SWITCH = "branch_switch"  # somebody else checked out another branch under the session
    WORKTREE_SWITCH = "worktree_switch"


INTERRUPTIONS = frozenset(Reason) - {Reason.ASKED}


@dataclass(frozen=True, slots=True)
class Context:
    """Work at one place at one time. `began` is when it stopped, as far as that was seen; `time` when it was kept."""

    id: str
    place: Place
    time: datetime
    reason: Reason
    work: Work
    began: datetime
    resumed: datetime | None = None  # somebody came back for it
    note: str = ""  # what happened, where the reason alone does not say it

    @property
    def interrupted(self) -> bool:
        """Whether work was left unfinished, and nobody came back for it yet."""
        return self.reason in INTERRUPTIONS and self.resumed is None and self.work.unfinished


@dataclass(frozen=True, slots=True)
class Preserved:
    """A context and whether it was written now; if not, an equal one of the session was there."""

    context: Context
    new: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """A context, how its place looks now, and what no longer matches."""

    context: Context
    now: Work
    differences: list[Difference]


class ContextService:
    """Keeps contexts and compares them with the present. Touches nothing at the place itself."""

    def __init__(self, observer: Observer, storage: SessionStorage, clock: Clock) -> None:
        self._observer = observer
        self._storage = storage
        self._clock = clock

    async def preserve(self, session: str, project: str, folder: str, transcript: str, reason: Reason) -> Context:
        """The context of a session that is left, unless it is kept already."""
        return (await self.keep(Place(project, folder, session, transcript), reason)).context

    async def keep(self, place: Place, reason: Reason, *, force: bool = False, note: str = "") -> Preserved:
        """Keeps how work stands. Unless `force`, what has not changed since is not kept twice."""
        return await self.keep_seen(place, await self._observer.look(place), reason, force=force, note=note)

    async def keep_seen(
        self,
        place: Place,
        work: Work,
        reason: Reason,
        *,
        force: bool = False,
        note: str = "",
        began: datetime | None = None,
    ) -> Preserved:
        """Keeps what was seen before, as before somebody else changed it."""
        known = None if force else await self._last_equal(place, work, reason)
        if known is not None:
            return Preserved(known, new=False)
        now = self._clock.now()
        context = Context("", place, now, reason, work, began or _stopped(work, reason, now), note=note)
        return Preserved(await self._write(context), new=True)

    async def find(self, name: str, project: str | None = None) -> Context:
        """The newest context of a session, or the one of that id. Raises NotFound."""
        async with aclosing(self.all(project, session=name)) as contexts:
            of_session = [context async for context in contexts]
        if of_session:
            return await self._whole(max(of_session, key=lambda context: context.time))
        document = await self._storage.get(CONTEXTS, name) if _ID.fullmatch(name) else None
        if document is not None and project in (None, document.body["project"]):
            return await self._whole(_context(document))
        raise NotFound(f"No context is kept of {name[:80]!r}: get_interruption_history names those there are.")

    async def newest_at(self, project: str, root: str) -> Context | None:
        """That of the worktree whose top is `root`."""
        async with aclosing(self.all(project)) as contexts:
            async for context in contexts:
                if context.work.root == root:
                    return await self._whole(context)
        return None

    async def restore(self, context: Context) -> Restored:
        """What to go on with, and exactly what no longer matches. Nothing is changed but that it was asked for."""
        now = await self._observer.look(context.place)
        digests = dict(now.digests)
        if now.there:
            digests |= await self._observer.digests(Path(now.root), list(context.work.digests))
        if context.resumed is None:
            context = await self._mark(context)
        return Restored(context, now, differences(context.work, now, digests))

    async def taken_up(self, session: str, project: str) -> None:
        """Its user is back: what was kept when the session was left is no interruption any more."""
        looked = 0
        async with aclosing(self.all(project)) as contexts:
            async for context in contexts:
                looked += 1
                if context.place.session == session:
                    if context.resumed is not None:
                        return  # and so are the older ones
                    if context.reason in INTERRUPTIONS:
                        await self._mark(context)
                if looked >= LOOKED_AT:
                    return

    async def interrupted(self, project: str, most: int = SHOWN) -> list[Context]:
        """Unfinished work that was left and not taken up again, newest first: of each session as it was last left."""
        found: list[Context] = []
        sessions: set[str] = set()
        roots: set[str] = set()
        looked = 0
        async with aclosing(self.all(project)) as contexts:
            async for context in contexts:
                looked += 1
                last_of_session = context.place.session not in sessions
                # What is uncommitted at a place stands in its newest context; older ones may still have todos.
                tells = context.work.root not in roots or context.work.open_todos
                sessions |= {context.place.session} - {""}
                roots.add(context.work.root)
                if last_of_session and tells and context.interrupted:
                    found.append(context)
                if len(found) >= most or looked >= LOOKED_AT:
                    break
        return found

    async def all(self, project: str | None = None, session: str | None = None) -> AsyncGenerator[Context, None]:
        """Newest first within a project, without their diffs; None: of all projects, each after the other."""
        cursor = None
        prefix = _prefix(project) if project else ""
        where = {name: said for name, said in (("project", project), ("session", session)) if said is not None}
        while True:
            page = await self._storage.list(CONTEXTS, prefix, where, cursor, LOOKED_AT)
            for document in page.documents:
                yield _context(document)
            if (cursor := page.cursor) is None:
                return

    async def _last_equal(self, place: Place, work: Work, reason: Reason) -> Context | None:
        """The newest of the same session and place, if it says the same and was kept for as good a reason."""
        looked = 0
        async with aclosing(self.all(place.project)) as contexts:
            async for context in contexts:
                looked += 1
                if (context.place.session, context.work.root) == (place.session, work.root):
                    same = context.resumed is None and _fingerprint(context.work) == _fingerprint(work)
                    return context if same and (reason is Reason.ASKED or context.reason in INTERRUPTIONS) else None
                if looked >= LOOKED_AT:
                    break
        return None

    async def _write(self, context: Context) -> Context:
        """Under an id of its own, the diff first: a context that is listed is whole."""
        for attempt in range(100):
            id = _id(context, attempt)
            expires = context.time + KEPT
            try:
                if context.work.diff:
                    await self._storage.put(DIFFS, id, {"diff": context.work.diff}, expected_version=0, expires=expires)
                await self._storage.put(CONTEXTS, id, _body(context), expected_version=0, expires=expires)
            except Conflict:
                continue
            return replace(context, id=id)
        raise Conflict("Too many contexts are being kept at once: try again.", 1)

    async def _whole(self, context: Context) -> Context:
        diff = await self._storage.get(DIFFS, context.id)
        return replace(context, work=replace(context.work, diff=str(diff.body["diff"]) if diff else ""))

    async def _mark(self, context: Context) -> Context:
        while (document := await self._storage.get(CONTEXTS, context.id)) is not None:
            body = {**document.body, "resumed": document.body["resumed"] or self._clock.now().isoformat()}
            try:
                document = await self._storage.put(
                    CONTEXTS, context.id, body, expected_version=document.version, expires=document.expires
                )
            except Conflict:
                continue
            return replace(context, resumed=moment(str(document.body["resumed"])))
        return context


def _stopped(work: Work, reason: Reason, now: datetime) -> datetime:
    """When work stopped: at the last thing said, where nothing else is known; asked for, it has not stopped."""
    return now if reason is Reason.ASKED or work.last is None else min(work.last, now)


def _prefix(project: str) -> str:
    return opaque_id(project)[:8]


def _id(context: Context, attempt: int) -> str:
    milliseconds = int(context.time.timestamp() * 1_000)
    tail = opaque_id(context.place.session, context.work.root, str(attempt))[:6]
    return f"{_prefix(context.place.project)}{_END_OF_TIME - milliseconds:011x}{tail}"


def _fingerprint(work: Work) -> str:
    """Of everything but when it was seen."""
    facts = work_body(replace(work, diff="", last=None))
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _body(context: Context) -> dict[str, Any]:
    place = context.place
    return {
        "user": place.user,
        "project": place.project,
        "session": place.session,
        "folder": place.folder,
        "transcript": place.transcript,
        "time": context.time.isoformat(),
        "reason": str(context.reason),
        "began": context.began.isoformat(),
        "resumed": context.resumed.isoformat() if context.resumed else None,
        "note": context.note,
        "work": work_body(context.work),
    }


def _context(document: Document) -> Context:
    body: Mapping[str, Any] = document.body
    place = Place(body["project"], body["folder"], body["session"], body["transcript"], body["user"])
    return Context(
        id=document.id,
        place=place,
        time=datetime.fromisoformat(body["time"]),
        reason=Reason(body["reason"]),
        work=work_of(body["work"]),
        began=datetime.fromisoformat(body["began"]),
        resumed=moment(body["resumed"]),
        note=body["note"],
    )
