"""Handoffs made, kept once each, and found again."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from session_mgmt_mcp.domain.capture import CaptureService
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.handoff import LATE, Handoff, HandoffFacts, handoff_of
from session_mgmt_mcp.domain.handoff_document import body_of, handoff_from, same_work
from session_mgmt_mcp.domain.handoff_page import page
from session_mgmt_mcp.domain.llm.polish import asking, shown, without
from session_mgmt_mcp.domain.llm.polish_document import COLLECTION as SUMMARIES
from session_mgmt_mcp.domain.llm.polish_document import Kept, State, kept_from
from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.session_records import records_of
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.git_repository import Commit, DiffStat, GitRepository, WorkingState
from session_mgmt_mcp.ports.handoff_files import HandoffFiles
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.transcript_source import Outline, TranscriptSource
from session_mgmt_mcp.ports.vector_store import Condition, Field, Json, VectorStore

COLLECTION = "handoffs"
BY_PROJECT = "handoffs_by_project"
LISTED = 100  # of a project; older ones are found by their session
REMEMBERED = 3_000  # tokens of the memory, which is searched
WRITTEN = 20_000  # tokens of the file
TRIES = 20
SOURCE = "handoff"

Reminders = Callable[[str], Awaitable[Sequence[str]]]


async def no_reminders(project: str) -> Sequence[str]:
    return ()


class HandoffService:
    """Makes a session's handoff from what was captured of it and what git says, and gives the latest of a project."""

    def __init__(
        self,
        store: VectorStore,
        memory: MemoryService,
        storage: SessionStorage,
        files: HandoffFiles,
        capture: CaptureService,
        transcripts: TranscriptSource,
        git: GitRepository,
        clock: Clock,
        reminders: Reminders = no_reminders,
    ) -> None:
        self._store = store
        self._memory = memory
        self._storage = storage
        self._files = files
        self._capture = capture
        self._transcripts = transcripts
        self._git = git
        self._clock = clock
        self._reminders = reminders
        self._making: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def make(
        self,
        session: str,
        project: str,
        folder: str,
        started: datetime,
        base: str | None = None,
        transcript: str = "",
        ended: datetime | None = None,
    ) -> Handoff | None:
        """The session's handoff, stored: one document, one memory, one file, however often it is made.

        `base` is the commit that the session began at, `transcript` the client's file, `ended` None while it goes on. None
        when nothing happened. Raises Invalid for a name that cannot be stored, and what storing raises.
        """
        async with self._making.setdefault(session, asyncio.Lock()):
            facts = await self._facts(session, project, folder, started, base, transcript, ended)
            return await self._keep(facts)

    async def of(self, session: str) -> Handoff | None:
        """The handoff that a session left."""
        document = await self._storage.get(COLLECTION, session)
        return handoff_from(document.body) if document else None

    async def summary(self, session: str) -> Kept | None:
        """What became of the summary that a language model was to write of it; None: none was ever wanted."""
        document = await self._storage.get(SUMMARIES, session)
        return kept_from(document.body) if document else None

    async def summary_lines(self, handoff: Handoff, *, refs: bool = False) -> list[str]:
        """The summary as it stands in the handoff's page before the evidence; empty when there is none."""
        kept = await self.summary(handoff.session)
        if kept is None or (kept.polished is None and kept.state is not State.FAILED):
            return []
        if kept.polished is None:
            return without(kept.why)
        return shown(kept.polished, await digest_of(handoff), refs=refs)

    async def rewrite(self, session: str) -> None:
        """The page, after the summary that stands in it changed. Raises what storing raises."""
        async with self._making.setdefault(session, asyncio.Lock()):
            handoff = await self.of(session)
            if handoff is not None:
                await self._write(handoff)

    def file_of(self, handoff: Handoff) -> Path:
        """Where its page stands."""
        return self._files.where(handoff.project, handoff.session)

    async def latest(self, project: str) -> Handoff | None:
        """That of the project's session which ended last."""
        return next(iter(await self.recent(project, 1)), None)

    async def recent(self, project: str, n: int) -> list[Handoff]:
        """At most `n` of the project, the latest first."""
        found: list[Handoff] = []
        for session in await self._listed(project):
            if len(found) == n:
                break
            handoff = await self.of(session)
            if handoff is not None and handoff.project == project:
                found.append(handoff)
        return found

    async def _facts(
        self,
        session: str,
        project: str,
        folder: str,
        started: datetime,
        base: str | None,
        transcript: str,
        ended: datetime | None,
    ) -> HandoffFacts:
        outline = await self._read(transcript) if transcript else None
        where = Path(folder)
        repository = await self._git.find(where)
        commits, diff, state = await self._looked(where, base, started) if repository else ((), None, None)
        return HandoffFacts(
            session=session,
            project=project,
            folder=folder,
            started=started,
            now=self._clock.now(),
            ended=ended,
            root=str(repository.root) if repository else folder,
            records=await records_of(self._store, session),
            commits=commits,
            diff=diff,
            state=state,
            outline=outline,
            reminders=await self._reminders(project),
        )

    async def _looked(
        self, where: Path, base: str | None, started: datetime
    ) -> tuple[Sequence[Commit], DiffStat | None, WorkingState | None]:
        """Commits since the base, what the working files differ from it in, and how they stand."""
        return await asyncio.gather(
            self._git.commits_between(where, base) if base else self._git.log(where, started),
            self._git.diff_stat(where, base or "HEAD"),
            self._git.state(where),
        )

    async def _read(self, transcript: str) -> Outline | None:
        """What the transcript says now, after everything in it was taken in."""
        await self._capture.follow(Path(transcript))
        try:
            return await self._transcripts.outline(Path(transcript))
        except (NotFound, Invalid, Unavailable):
            return None  # it is gone; what was captured of it is not

    async def _keep(self, facts: HandoffFacts) -> Handoff | None:
        made = await asyncio.to_thread(handoff_of, facts)  # of a very long session it takes a second
        for _ in range(TRIES):
            known = await self._storage.get(COLLECTION, facts.session)
            if made is None:
                return handoff_from(known.body) if known else None
            kept = _with_what_was_seen(made, handoff_from(known.body)) if known else made
            body = body_of(kept)
            if known is not None and same_work(body, known.body):
                kept = handoff_from(known.body)
            else:
                try:
                    await self._storage.put(
                        COLLECTION, facts.session, body, expected_version=known.version if known else 0
                    )
                except Conflict:
                    continue
            await self._publish(kept)
            if known is not None and known.body.get("project") != kept.project:
                await self._withdraw(str(known.body.get("project")), kept.session)
            return kept
        raise Unavailable(f"Others keep writing the handoff of session {facts.session[:40]}: try again.")

    async def _publish(self, handoff: Handoff) -> None:
        """Whatever a crash left undone is done by the next make."""
        content = page(handoff, REMEMBERED, unasked=True)
        draft = Draft(
            content,
            handoff.project,
            Kind.HANDOFF,
            session=handoff.session,
            time=handoff.ended or handoff.made,
            source=SOURCE,
            trust=Trust.ASSISTANT,
            key=handoff.session,
        )
        await self._memory.replace(draft)
        await self._write(handoff)
        await self._list(handoff)

    async def _write(self, handoff: Handoff) -> None:
        summary = await self.summary_lines(handoff, refs=True)
        await self._files.write(handoff.project, handoff.session, page(handoff, WRITTEN, refs=True, before=summary))

    async def _withdraw(self, project: str, session: str) -> None:
        """From a project that the session has left: its folder became a repository, or was moved."""
        memory = opaque_id(project, Kind.HANDOFF, session)
        names: tuple[Field, ...] = ("parent", "id")
        for field in names:
            await self._store.delete([Condition(field, "=", memory)])
        await self._files.remove(project, session)

    async def _listed(self, project: str) -> list[str]:
        document = await self._storage.get(BY_PROJECT, opaque_id(project))
        return list(_sessions(document.body)) if document else []

    async def _list(self, handoff: Handoff) -> None:
        name, ended = opaque_id(handoff.project), (handoff.ended or handoff.made).isoformat()
        for _ in range(TRIES):
            known = await self._storage.get(BY_PROJECT, name)
            sessions = _sessions(known.body) if known else {}
            if sessions.get(handoff.session) == ended:
                return
            latest = sorted({**sessions, handoff.session: ended}.items(), key=lambda one: one[1], reverse=True)
            body: dict[str, Json] = {"project": handoff.project, "sessions": dict(latest[:LISTED])}
            try:
                await self._storage.put(BY_PROJECT, name, body, expected_version=known.version if known else 0)
            except Conflict:
                continue
            return
        raise Unavailable(f"Others keep writing the handoffs of {handoff.project}: try again.")


async def digest_of(handoff: Handoff) -> str:
    """Names the work that a summary is of."""
    asked = await asyncio.to_thread(asking, handoff)
    return asked.digest if asked else ""


def _sessions(body: Mapping[str, Json]) -> dict[str, str]:
    """When each ended, the latest first."""
    some = body.get("sessions")
    found = {str(name): str(time) for name, time in some.items()} if isinstance(some, Mapping) else {}
    return dict(sorted(found.items(), key=lambda one: one[1], reverse=True))


def _with_what_was_seen(made: Handoff, known: Handoff) -> Handoff:
    """Made long after the session's end, it keeps how the working files stood when somebody looked in time."""
    if made.uncommitted is not None or made.ended is None or made.made - made.ended <= LATE:
        return made
    lines = {one.path: one for one in known.files if one.added is not None}
    files = [replace(one, added=lines[one.path].added, deleted=lines[one.path].deleted) if one.path in lines else one
             for one in made.files]  # fmt: skip
    return replace(made, uncommitted=known.uncommitted, files=files)
