"""Notes which files change in folders that somebody named, and which programs run meanwhile; off until it is started."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from session_mgmt_mcp.domain import activity_hours
from session_mgmt_mcp.domain.activity_hours import Hour, full_hour
from session_mgmt_mcp.domain.monitors import Monitor, Monitors, State
from session_mgmt_mcp.domain.programs import telling
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.watching import Listener, Watching
from session_mgmt_mcp.ports.activity_source import ActivitySource
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Invalid, PortError
from session_mgmt_mcp.ports.file_watcher import Burst
from session_mgmt_mcp.ports.session_storage import SessionStorage

MOST = 20  # folders at a time
TICK = 60.0  # seconds between two looks at the programs, and between two writes


@dataclass(frozen=True, slots=True)
class Named:
    """A folder that was named. `within` is the one that it lies in and that is watched in its place."""

    monitor: Monitor
    folders: int
    within: str = ""


class ActivityMonitor:
    """Keeps counts by the minute for seven days: no content, no window titles, no arguments of programs."""

    def __init__(
        self,
        monitors: Monitors,
        watching: Watching,
        source: ActivitySource,
        storage: SessionStorage,
        projects: ProjectService,
        clock: Clock,
        on_trouble: Callable[[Exception], None] = lambda _: None,
        tick: float = TICK,
    ) -> None:
        self._monitors = monitors
        self._watching = watching
        self._source = source
        self._storage = storage
        self._projects = projects
        self._clock = clock
        self._on_trouble = on_trouble
        self._tick = tick
        self._on: dict[Path, tuple[Monitor, Listener]] = {}
        self._unwritten: dict[str, Hour] = {}
        self._writing = asyncio.Lock()
        self._turning = asyncio.Lock()  # what is switched off while it is taken up again stays off

    @property
    def busy(self) -> bool:
        """Whether something is watched."""
        return bool(self._on)

    async def start(self, folders: Sequence[Path], user: str) -> list[Named]:
        """From now on, over restarts; those that are on already stay on. Raises Invalid, NotFound, Unavailable."""
        async with self._turning:
            wanted = sorted(set(folders))
            if len(set(self._on) | set(wanted)) > MOST:
                raise Invalid(
                    f"project_paths: at most {MOST} folders are watched at a time; stop_app_monitoring ends all."
                )
            before = set(self._on)
            try:
                return [await self._start(folder, user) for folder in wanted]
            except BaseException:
                for folder in set(self._on) - before:
                    await self._end(folder, "off")
                raise

    async def stop(self) -> list[Monitor]:
        """All of them."""
        async with self._turning:
            await self.flush()
            await self.close()
            on = [monitor for monitor in await self._monitors.all("activity") if monitor.state == "on"]
            return [await self._monitors.finish(monitor, "off") for monitor in on]

    async def states(self) -> list[Monitor]:
        """What is on, and what was, newest first."""
        return list(await self._monitors.all("activity"))

    async def resume(self) -> None:
        """Goes on with what was on when the last process ended; what cannot go on has ended, and says why."""
        async with self._turning:
            for monitor in await self._monitors.all("activity"):
                if monitor.state == "on" and Path(monitor.folder) not in self._on:
                    try:
                        await self._watch(monitor)
                    except PortError as error:
                        await self._monitors.finish(monitor, "ended", str(error))

    async def close(self) -> None:
        """Watches nothing more, and writes what was noted; what was on stays so for the next process."""
        for _, listener in self._on.values():
            await self._watching.leave(listener)
        self._on.clear()
        await self._tried(self.flush())

    async def run(self) -> None:
        """Forever; cancel it to stop."""
        while True:
            await asyncio.sleep(self._tick)
            await self.look()
            await self._tried(self.flush())

    async def look(self) -> None:
        """Notes which programs run, while something is watched."""
        if self._on:
            await self._tried(self._look())

    def now(self) -> datetime:
        return self._clock.now()

    async def hours(self, since: datetime, until: datetime, project: str | None) -> list[Hour]:
        """What is kept of [since, until], this very minute included; of the machine's programs also for one project."""
        await self.flush()
        hours = await activity_hours.read(self._storage, since, until)
        return [hour for hour in hours if project is None or hour.project in ("", project)]

    async def flush(self) -> None:
        """What was noted before is stored."""
        async with self._writing:
            while self._unwritten:
                id, hour = next(iter(self._unwritten.items()))
                del self._unwritten[id]
                try:
                    await activity_hours.write(self._storage, hour)
                except BaseException:
                    self._unwritten.setdefault(id, Hour(hour.start, hour.project, hour.folder)).add(hour)
                    raise

    async def _tried(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:
            self._on_trouble(error)

    async def _look(self) -> None:
        now = self._clock.now()
        for name in telling(await self._source.programs()):
            self._noted(Hour(full_hour(now))).programs.setdefault(name, set()).add(now.minute)

    async def _start(self, folder: Path, user: str) -> Named:
        around = next((root for root in self._on if root != folder and folder.is_relative_to(root)), None)
        if around is not None:
            return Named(self._on[around][0], 0, str(around))
        project = await self._projects.project_of(str(folder))
        monitor = Monitor("activity", project, str(folder), self._clock.now(), user)
        watched = await self._watch(monitor)
        kept = await self._monitors.put(monitor)
        for inner in [root for root in self._on if root != folder and root.is_relative_to(folder)]:
            await self._end(inner, "off")
        return Named(kept, watched)

    async def _watch(self, monitor: Monitor) -> int:
        root = Path(monitor.folder)
        if root in self._on:
            await self._watching.leave(self._on.pop(root)[1])

        async def on_burst(burst: Burst) -> None:
            self._changed(monitor, burst)

        async def on_end(why: str) -> None:
            await self._tried(self._end(root, "ended", why))

        listener = Listener(root, on_burst, on_end)
        folders = await self._watching.listen(listener)
        self._on[root] = monitor, listener
        return folders

    async def _end(self, root: Path, state: State, why: str = "") -> None:
        known = self._on.pop(root, None)
        if known is not None:
            monitor, listener = known
            await self._watching.leave(listener)
            await self._monitors.finish(monitor, state, why)

    def _changed(self, monitor: Monitor, burst: Burst) -> None:
        now = self._clock.now()
        hour = self._noted(Hour(full_hour(now), monitor.project, monitor.folder))
        for change in burst.files:
            hour.note(redact(change.path).text, now.minute)
        if burst.more:
            hour.more[now.minute] += burst.more

    def _noted(self, hour: Hour) -> Hour:
        return self._unwritten.setdefault(hour.id, hour)
