"""Notices that work is interrupted: a long gap, another project, another branch under a session; keeps how it stood."""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from session_mgmt_mcp.domain.contexts import ContextService, Reason
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.monitors import Monitor, Monitors
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.watching import GONE, Listener, Watching
from session_mgmt_mcp.domain.working import Observer, Place, Work
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import NotFound, PortError
from session_mgmt_mcp.ports.file_watcher import Burst
from session_mgmt_mcp.ports.git_repository import GitRepository
from session_mgmt_mcp.ports.vector_store import Condition, VectorStore

QUIET = timedelta(seconds=60)  # after which a project is taken to rest when files change in another one
UNANSWERED = 4  # a session that was not seen to finish its turn may be silent so many gaps long
OWN_DOING = timedelta(minutes=2)  # a git command of the session so shortly before a checkout made it
LOOK_EVERY = 10.0  # seconds between two looks at a place whose files keep changing
SETTLE = 2.0  # seconds between a checkout and the look at it: its command is written down by then
TICK = 15.0
WAITING = 1_000  # events that are not dealt with yet; then the oldest go
_BY_GIT = re.compile(r"\b(?:git|gh|jj|hg|arc)\b")


@dataclass(frozen=True, slots=True)
class Started:
    """`folders` the system watches for it; 0 when files are not watched. `already`: it was on."""

    monitor: Monitor
    folders: int
    already: bool


@dataclass(slots=True)
class _Session:
    """A session at work in a monitored place."""

    place: Place
    last: datetime  # the last sign of life
    waiting: bool = False  # its turn is over: the user is to say something
    left: str = ""  # the context that was kept when work stopped


@dataclass(slots=True)
class _Monitored:
    monitor: Monitor
    listener: Listener | None = None
    folders: int = 0
    session: _Session | None = None
    work: Work | None = None  # as it was seen last
    changed: datetime | None = None  # when a file changed last
    looking: asyncio.Task[None] | None = None
    due: float | None = None  # when it is to be looked at, by the loop's clock
    sooner: asyncio.Event = field(default_factory=asyncio.Event)
    kept: int = 0


class InterruptionMonitor:
    """Watches what was asked for, until it is told to stop. What it has seen is a context with its reason."""

    def __init__(
        self,
        contexts: ContextService,
        observer: Observer,
        monitors: Monitors,
        watching: Watching,
        projects: ProjectService,
        git: GitRepository,
        store: VectorStore,
        clock: Clock,
        gap: timedelta,
        on_trouble: Callable[[Exception], None] = lambda _: None,
        *,
        settle: float = SETTLE,
        look_every: float = LOOK_EVERY,
        tick: float = TICK,
    ) -> None:
        self._contexts = contexts
        self._observer = observer
        self._monitors = monitors
        self._watching = watching
        self._projects = projects
        self._git = git
        self._store = store
        self._clock = clock
        self._gap = gap
        self._on_trouble = on_trouble
        self._settle = settle
        self._look_every = look_every
        self._tick = tick
        self._on: dict[Path, _Monitored] = {}
        self._active: Path | None = None  # where somebody works, as far as that was seen
        self._events: deque[Mapping[str, Any]] = deque(maxlen=WAITING)
        self._wake = asyncio.Event()
        self._turning = asyncio.Lock()  # what is switched off while it is taken up again stays off
        self._known: set[str] = set()  # sessions that were heard of since this began
        self._roots: dict[str, Path | None] = {}  # by the folder that an event named

    @property
    def busy(self) -> bool:
        """Whether something is watched."""
        return bool(self._on)

    async def start(self, folder: Path, user: str, watch_files: bool) -> Started:
        """From now on, over restarts. Raises Invalid, NotFound, Unavailable; then nothing is on."""
        async with self._turning:
            root = await self._root(folder)
            if root is None:
                raise NotFound(f"There is no folder {folder} to watch: name one that exists.")
            already = root in self._on
            if already:
                await self._leave(root)
            project = await self._projects.project_of(str(root))
            monitor = Monitor("interruption", project, str(root), self._clock.now(), user, watch_files)
            watched = await self._watch(monitor)
            try:
                watched.monitor = await self._monitors.put(monitor)
            except BaseException:
                await self._leave(root)
                raise
            return Started(watched.monitor, watched.folders, already)

    async def stop(self, project: str | None) -> list[tuple[Monitor, int]]:
        """Those of a project, None: all; and how many interruptions each has seen since this process watches."""
        async with self._turning:
            stopped: list[tuple[Monitor, int]] = []
            for monitor in await self._monitors.all("interruption", project):
                if monitor.state != "on":
                    continue
                watched = await self._leave(Path(monitor.folder))
                stopped.append((await self._monitors.finish(monitor, "off"), watched.kept if watched else 0))
            return stopped

    async def states(self, project: str | None) -> list[Monitor]:
        """What is on, and what was, newest first."""
        return list(await self._monitors.all("interruption", project))

    def sees(self, root: Path) -> Work | None:
        """How work stood at a monitored root when it was looked at last."""
        watched = self._on.get(root)
        return watched.work if watched else None

    async def resume(self) -> None:
        """Goes on with what was on when the last process ended; what cannot go on has ended, and says why."""
        async with self._turning:
            for monitor in await self._monitors.all("interruption"):
                if monitor.state == "on" and Path(monitor.folder) not in self._on:
                    try:
                        await self._watch(monitor)
                    except PortError as error:
                        await self._monitors.finish(monitor, "ended", str(error))

    async def close(self) -> None:
        """Watches nothing more; what was on stays so for the next process."""
        for root in list(self._on):
            await self._leave(root)

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Takes a hook's event."""
        session, folder = event.get("session_id"), event.get("cwd")
        if not isinstance(session, str) or not isinstance(folder, str):
            return
        if self._on or (event.get("event") == "UserPromptSubmit" and session not in self._known):
            self._events.append({**event, "heard": self._clock.now()})
            self._wake.set()

    async def run(self) -> None:
        """Forever; cancel it to stop."""
        while True:
            try:
                async with asyncio.timeout(self._tick):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self.catch_up()

    async def catch_up(self) -> None:
        """Deals with the events that wait, then looks for gaps. What goes wrong with one stops no other."""
        while self._events:
            await self._tried(self._deal_with(self._events.popleft()))
        for watched in list(self._on.values()):
            await self._tried(self._look_for_gap(watched))

    async def _tried(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:
            self._on_trouble(error)

    # what hooks tell

    async def _deal_with(self, event: Mapping[str, Any]) -> None:
        id, name, heard = event["session_id"], event.get("event"), event["heard"]
        project = await self._projects.project_of(event["cwd"])
        prompted = name == "UserPromptSubmit"
        if prompted and id not in self._known:
            self._known.add(id)
            await self._contexts.taken_up(id, project)
        if not self._on:
            return
        if name == "SessionStart":
            self._roots.clear()  # a folder may have become a repository meanwhile
        root = await self._root_of(event["cwd"])
        if prompted:
            await self._worked_in(root, heard)
        watched = self._on.get(root) if root else None
        if watched is None or event.get("agent_id"):
            return
        place = Place(project, str(root), id, str(event.get("transcript_path") or ""), watched.monitor.user)
        known = watched.session if watched.session and watched.session.place.session == id else None
        if name == "SessionEnd":
            watched.session = None if known else watched.session
            return
        if prompted and known and known.left:
            await self._contexts.taken_up(id, project)
        left = "" if prompted or known is None else known.left
        watched.session = _Session(place, heard, name in ("Stop", "SessionStart"), left)
        if prompted:
            self._look_soon(watched, 0.0)

    async def _worked_in(self, root: Path | None, now: datetime) -> None:
        """Somebody works in `root`: what was worked on before is left, if it rests unfinished."""
        before = self._on.get(self._active) if self._active and self._active != root else None
        self._active = root
        session = before.session if before else None
        if before is None or session is None or session.left:
            return
        if now - session.last < self._gap:  # else it was a gap, and is kept as that
            note = f"to {await self._projects.project_of(str(root))}" if root else ""
            await self._keep(before, session, Reason.PROJECT_SWITCH, note=note)

    async def _look_for_gap(self, watched: _Monitored) -> None:
        session = watched.session
        if session is None or session.left:
            return
        limit = self._gap if session.waiting else self._gap * UNANSWERED
        if self._clock.now() - session.last >= limit:
            await self._keep(watched, session, Reason.LONG_GAP)

    async def _keep(
        self, watched: _Monitored, session: _Session, reason: Reason, work: Work | None = None, note: str = ""
    ) -> None:
        """Work that leaves nothing unfinished is interrupted by nobody."""
        seen = work or await self._observer.look(session.place)
        began = self._clock.now() if reason is Reason.BRANCH_SWITCH else session.last
        if not seen.unfinished:
            session.left = "nothing"
            return
        kept = await self._contexts.keep_seen(session.place, seen, reason, note=note, began=began)
        session.left = kept.context.id if reason is not Reason.BRANCH_SWITCH else ""
        watched.kept += kept.new

    # what files tell

    async def _watch(self, monitor: Monitor) -> _Monitored:
        root = Path(monitor.folder)
        watched = _Monitored(monitor)
        if monitor.watch_files:

            async def on_burst(burst: Burst) -> None:
                await self._changed(root, watched, burst)

            async def on_end(why: str) -> None:
                await self._ended(root, why)

            listener = Listener(root, on_burst, on_end)
            watched.folders = await self._watching.listen(listener)
            watched.listener = listener
        elif await self._git.resolve(root) is None:
            raise NotFound(GONE)
        self._on[root] = watched
        self._look_soon(watched, 0.0)  # what a checkout leaves is known only if it was seen before
        return watched

    async def _changed(self, root: Path, watched: _Monitored, burst: Burst) -> None:
        now = self._clock.now()
        watched.changed = now
        active = self._on.get(self._active) if self._active else None
        if active is not None and self._active != root:
            last = max(filter(None, (active.session.last if active.session else None, active.changed)), default=None)
            if last is None or now - last >= QUIET:
                await self._tried(self._worked_in(root, now))
        self._look_soon(watched, self._settle if burst.head else self._look_every)

    def _look_soon(self, watched: _Monitored, seconds: float) -> None:
        """One look for many changes, at the earliest time that was asked for."""
        due = asyncio.get_running_loop().time() + seconds
        if watched.due is None or due < watched.due:
            watched.due = due
            watched.sooner.set()
        if watched.looking is None or watched.looking.done():
            watched.looking = asyncio.create_task(self._look_when_due(watched))

    async def _look_when_due(self, watched: _Monitored) -> None:
        while watched.due is not None:
            watched.sooner.clear()
            wait = watched.due - asyncio.get_running_loop().time()
            if wait > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(watched.sooner.wait(), wait)
                continue
            watched.due = None
            await self._tried(self._look(watched))

    async def _look(self, watched: _Monitored) -> None:
        place = watched.session.place if watched.session else None
        root = Path(watched.monitor.folder)
        before = watched.work
        now = await self._observer.look(place or Place(watched.monitor.project, str(root)))
        watched.work = now
        if not now.there:
            await self._ended(root, GONE)
        elif before is not None and place is not None and before.branch != now.branch:
            await self._branch_switched(watched, before, now)

    async def _branch_switched(self, watched: _Monitored, before: Work, now: Work) -> None:
        session = watched.session
        if session is None:
            return
        await self._observer.heard(session.place.transcript)  # the checkout came after the conversation was read
        if await self._own_doing(session.place.session):
            return
        # What the conversation tells is as true now as before the checkout; git's part is as it was.
        left = replace(before, prompts=now.prompts, todos=now.todos, running=now.running, files=now.files)
        await self._keep(watched, session, Reason.BRANCH_SWITCH, left, f"to {now.branch or 'no branch'}")

    async def _own_doing(self, session: str) -> bool:
        """Whether the session ran something of git shortly before, or still runs something."""
        where = [
            Condition("session", "=", session),
            Condition("kind", "=", Kind.ACTION),
            Condition("parent", "=", ""),
            Condition("time", ">", self._clock.now() - OWN_DOING * 5),
        ]
        since = self._clock.now() - OWN_DOING
        for record in (await self._store.listed(where, "newest", None, 50)).records:
            call = record.metadata.get("call")
            if not isinstance(call, Mapping) or not call.get("command"):
                continue
            if call.get("ok") is None or (record.time >= since and _BY_GIT.search(str(call["command"]))):
                return True
        return False

    async def _ended(self, root: Path, why: str) -> None:
        watched = self._on.pop(root, None)
        if watched is not None:
            if watched.listener is not None:
                await self._watching.leave(watched.listener)
            await self._monitors.finish(watched.monitor, "ended", why)

    async def _leave(self, root: Path) -> _Monitored | None:
        watched = self._on.pop(root, None)
        if watched is not None:
            if watched.looking is not None:
                watched.looking.cancel()
                await asyncio.wait([watched.looking])
            if watched.listener is not None:
                await self._watching.leave(watched.listener)
        return watched

    async def _root_of(self, folder: str) -> Path | None:
        if folder not in self._roots:
            if len(self._roots) >= WAITING:
                self._roots.clear()
            self._roots[folder] = await self._root(Path(folder))
        return self._roots[folder]

    async def _root(self, folder: Path) -> Path | None:
        """Top of the worktree, else the folder itself; None when it is gone."""
        real = await self._git.resolve(folder) if folder.is_absolute() else None
        found = await self._git.find(real) if real else None
        return found.root if found else real
