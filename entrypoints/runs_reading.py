"""What stored quality runs tell, as the tools ask for it, for the connection that asks."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from session_mgmt_mcp import connection
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.contexts import existing
from session_mgmt_mcp.domain.runs.effectiveness import Effect, effects
from session_mgmt_mcp.domain.runs.outputs import OutputPage
from session_mgmt_mcp.domain.runs.patterns import Patterns, patterns
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.domain.runs.series import Series, current, series
from session_mgmt_mcp.domain.runs.trends import Trend, trends
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.quality_runner import Command

PAGE = 16_000  # characters of an output
MOST_HELD = 300  # runs at once: of 3,000 tests each they fill 100 MB


@dataclass(frozen=True, slots=True)
class Stored:
    """So many runs of a project in the last days; `newest`: the last one of all, where there was none of them."""

    project: str
    days: int
    now: datetime
    count: int
    newest: Run | None = None
    cut: bool = False  # there may have been more

    @property
    def lately(self) -> str:
        return f"in the last {counted(self.days, 'day')}{', the newest' if self.cut else ''}"

    @property
    def nothing(self) -> str:
        """What to do where no run is stored of the time that was asked for; empty where one is."""
        if self.count:
            return ""
        if self.newest is None:
            return "No quality run of this project is stored: call crackerjack_run, with the command test or all."
        day = f"{self.newest.at:%Y-%m-%d}"
        return f"No quality run {self.lately}; the newest is of {day}: ask for more days, or call crackerjack_run."


@dataclass(frozen=True, slots=True)
class Measured:
    """`series`: all, of each metric the one that was measured last first; `trends`: of those."""

    stored: Stored
    series: Sequence[Series]
    trends: Sequence[Trend]


@dataclass(frozen=True, slots=True)
class Listed:
    """`runs`: those of the command that was asked for, oldest first, of all that are stored; `effects`: of that command."""

    stored: Stored
    command: Command | None
    runs: Sequence[Run]
    effects: Sequence[Effect]


@dataclass(frozen=True, slots=True)
class Opened:
    """One run, and what it printed from `offset` on."""

    run: Run
    offset: int
    output: OutputPage


@dataclass(frozen=True, slots=True)
class Told:
    """What the tests of stored runs tell."""

    stored: Stored
    patterns: Patterns


async def measured(app: Application, folder: str | None, days: int) -> Measured:
    """Raises Invalid."""

    def read(runs: Iterator[Run]) -> tuple[int, list[Series], list[Trend]]:
        seen = 0

        def each() -> Iterator[Run]:
            nonlocal seen
            for run in runs:
                seen += 1
                yield run

        found = series(each())
        return seen, found, trends(current(found))

    project, now = await _project(app, folder), app.runs.history.now()
    count, found, told = await app.runs.history.read(project, now - timedelta(days=days), read)
    return Measured(await _stored(app, project, days, now, count), found, told)


async def listed(app: Application, command: Command | None, days: int, folder: str | None) -> Listed:
    """Raises Invalid."""
    stored, runs = await _read(app, folder, days)
    worth = await asyncio.to_thread(effects, runs)
    some = [run for run in runs if command in (None, run.command)]
    return Listed(stored, command, some, [one for one in worth if command in (None, one.command)])


async def opened(app: Application, id: str, offset: int, folder: str | None) -> Opened:
    """One run of the project, and a page of what it printed. Raises Invalid."""
    run = await app.runs.history.get(id)
    if run is None or run.project != await _project(app, folder):
        raise Invalid(f"run: no run {id[:120]!r} of this project is stored; take an id that crackerjack_history lists.")
    return Opened(run, offset, await app.runs.history.output(id, offset, PAGE))


async def told(app: Application, days: int, folder: str | None) -> Told:
    """Raises Invalid."""
    stored, runs = await _read(app, folder, days)
    return Told(stored, await asyncio.to_thread(patterns, runs))


async def _read(app: Application, folder: str | None, days: int) -> tuple[Stored, Sequence[Run]]:
    project, now = await _project(app, folder), app.runs.history.now()
    runs = await app.runs.history.since(project, now - timedelta(days=days), most=MOST_HELD)
    return await _stored(app, project, days, now, len(runs), cut=len(runs) == MOST_HELD), runs


async def _stored(app: Application, project: str, days: int, now: datetime, count: int, cut: bool = False) -> Stored:
    return Stored(project, days, now, count, None if count else await app.runs.history.last(project), cut)


async def _project(app: Application, folder: str | None) -> str:
    return await app.projects.project_of(str(existing(folder or connection.current().folder)))
