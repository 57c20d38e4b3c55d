"""What goes on in the background where somebody switched it on: folders watched, interruptions and activity noticed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from session_mgmt_mcp import connection, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.contexts import existing
from session_mgmt_mcp.domain import activity
from session_mgmt_mcp.domain.activity import ActiveFile, Insights, Summary
from session_mgmt_mcp.domain.activity_hours import Hour
from session_mgmt_mcp.domain.activity_monitor import Named
from session_mgmt_mcp.domain.interruption_monitor import Started
from session_mgmt_mcp.domain.interruptions import Interruption, Statistics, statistics
from session_mgmt_mcp.domain.monitors import Monitor


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of a stretch of time, and what was watched."""

    since: datetime
    until: datetime
    hours: Sequence[Hour]
    monitors: Sequence[Monitor]


async def watch(app: Application) -> None:
    """Goes on with what was on before, then forever; cancel it to stop."""
    await app.monitor.resume()
    await app.activity.resume()
    await asyncio.gather(app.monitor.run(), app.activity.run())


async def start(app: Application, watch_files: bool, folder: str | None) -> Started:
    """Raises Invalid, Unavailable."""
    place: Path = existing(folder or connection.current().folder)
    return await app.monitor.start(place, "default", watch_files)


async def stop(app: Application, project: str | None) -> list[tuple[Monitor, int]]:
    """Raises Invalid."""
    return await app.monitor.stop(await _project(app, project))


async def history(
    app: Application, user: str, hours: float | None, project: str | None
) -> tuple[list[Interruption], list[Monitor]]:
    """The newest first, and what is monitored. Raises Invalid."""
    named = await _project(app, project)
    return await app.interruptions.history(user, named, hours), await app.monitor.states(named)


async def figures(app: Application, user: str, project: str | None) -> tuple[Statistics, list[Monitor]]:
    """Of all that is kept. Raises Invalid."""
    found, monitors = await history(app, user, None, project)
    return statistics(found, app.times.zone), monitors


async def start_activity(app: Application, paths: Sequence[str] | None) -> list[Named]:
    """In the folders that are named, else in the caller's. Raises Invalid, Unavailable."""
    named = list(paths) if paths else [connection.current().folder]
    return await app.activity.start([existing(path, "project_paths") for path in named], "default")


async def active_files(app: Application, minutes: int, project: str | None) -> tuple[Seen, list[ActiveFile]]:
    """The last changed first. Raises Invalid."""
    seen = await _seen(app, timedelta(minutes=minutes), project)
    return seen, activity.active_files(seen.hours, seen.since, seen.until)


async def activity_summary(app: Application, hours: int, project: str | None) -> tuple[Seen, Summary]:
    """Raises Invalid."""
    seen = await _seen(app, timedelta(hours=hours), project)
    return seen, activity.summarised(seen.hours, seen.since, seen.until)


async def activity_insights(app: Application, hours: int, project: str | None) -> tuple[Seen, Insights]:
    """Raises Invalid."""
    seen = await _seen(app, timedelta(hours=hours), project)
    return seen, activity.insights(seen.hours, seen.since, seen.until)


async def _seen(app: Application, back: timedelta, project: str | None) -> Seen:
    until = app.activity.now()
    named = await _project(app, project)
    hours = await app.activity.hours(until - back, until, named)
    return Seen(until - back, until, hours, await app.activity.states())


async def _project(app: Application, name: str | None) -> str | None:
    """None stands for all; without a name, that of the caller. Raises Invalid."""
    scope = await recall.scope_within(app, name)
    return scope.projects[0] if scope.projects else None
