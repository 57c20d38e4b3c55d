"""Quality runs as the tools ask for them, for the connection that asks."""

from dataclasses import dataclass

from session_mgmt_mcp import connection
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.contexts import existing
from session_mgmt_mcp.domain.grants import Operation
from session_mgmt_mcp.domain.runs.service import Finished, Wish
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.quality_runner import Capabilities, Progressed


@dataclass(frozen=True, slots=True)
class Health:
    """What each runner can do in a project, the preferred first; `may_fix`: whether runs may change its files."""

    folder: str
    project: str
    runners: list[Capabilities | Unavailable]
    may_fix: bool
    chosen: str  # the user's setting


async def run(
    app: Application,
    command: str,
    args: str,
    folder: str | None,
    timeout: float,
    ai_agent: bool,
    runner: str | None,
    progressed: Progressed,
) -> Finished:
    """Raises Invalid, Unsupported, Unavailable."""
    caller = connection.current()
    place = existing(folder or caller.folder)
    wish = Wish(place, command, args, timeout, ai_agent, runner or "", caller.session_id)
    return await app.runs.run(wish, progressed)


async def health(app: Application, folder: str | None = None) -> Health:
    """Raises Invalid."""
    place = await app.runs.place(existing(folder or connection.current().folder))
    runners = await app.runs.capabilities(place.folder)
    granted = {grant.operation for grant in await app.grants.of(place.project)}
    chosen = app.settings.quality_runner
    return Health(str(place.folder), place.project, runners, Operation.QUALITY_FIX in granted, chosen)
