"""What goes on in the background where somebody switched it on: folders watched, interruptions noticed."""

from pathlib import Path

from session_mgmt_mcp import connection, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.contexts import existing
from session_mgmt_mcp.domain.interruption_monitor import Started
from session_mgmt_mcp.domain.interruptions import Interruption, Statistics, statistics
from session_mgmt_mcp.domain.monitors import Monitor


async def watch(app: Application) -> None:
    """Goes on with what was on before, then forever; cancel it to stop."""
    await app.monitor.resume()
    await app.monitor.run()


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


async def _project(app: Application, name: str | None) -> str | None:
    """None stands for all; without a name, that of the caller. Raises Invalid."""
    scope = await recall.scope_within(app, name)
    return scope.projects[0] if scope.projects else None
