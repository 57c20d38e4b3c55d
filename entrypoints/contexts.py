"""Contexts as the tools ask for them, for the connection that asks."""

from pathlib import Path

from session_mgmt_mcp import connection, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.contexts import Preserved, Reason, Restored
from session_mgmt_mcp.domain.working import Place
from session_mgmt_mcp.domain.worktree_switch import Switched
from session_mgmt_mcp.ports.errors import Invalid


async def create(app: Application, user: str, project: str | None, folder: str | None) -> Preserved:
    """Keeps how work stands in `folder` now, for the caller's session. Raises Invalid."""
    caller = connection.current()
    place = await _place(app, caller.session_id, existing(folder or caller.folder), user)
    if project and place.project not in ((await recall.scope_within(app, project)).projects or ()):
        raise Invalid(f"project_id: {place.folder} belongs to {place.project}; leave project_id out.")
    return await app.contexts.keep(place, Reason.ASKED, force=True)


async def preserve(app: Application, session: str, force: bool) -> Preserved:
    """Keeps how work of a session stands now. Raises Invalid."""
    caller = connection.current()
    known = await app.session_places.find(session)
    if known is None and session != caller.session_id:
        raise Invalid(f"session_id: no session {session[:80]!r} is known; give that of a session that was captured.")
    folder = known.folder if known and known.folder else caller.folder
    place = await _place(app, session, Path(folder) if folder else existing(folder))
    return await app.contexts.keep(place, Reason.ASKED, force=force)


async def restore(app: Application, name: str) -> Restored:
    """Raises NotFound."""
    return await app.contexts.restore(await app.contexts.find(name))


async def switch(app: Application, from_path: str, to_path: str) -> Switched:
    """Raises Invalid."""
    left, to = existing(from_path, "from_path"), existing(to_path, "to_path")
    return await app.worktree_switch.switch(await _place(app, connection.current().session_id, left), to)


def existing(folder: str, argument: str = "working_directory") -> Path:
    """The real path of a folder that a caller names. Raises Invalid."""
    if not folder and connection.current().remote:
        raise Invalid(f"{argument}: over HTTP your folder cannot be seen; name one of the server's, by its whole path.")
    if not folder or "\0" in folder or not Path(folder).is_absolute():
        raise Invalid(f"{argument}: give an absolute path, not {folder[:200]!r}.")
    try:
        real = Path(folder).resolve(strict=True)
    except (OSError, RuntimeError):
        raise Invalid(f"{argument}: there is no folder {folder[:200]}; name one that exists.") from None
    if not real.is_dir():
        raise Invalid(f"{argument}: {folder[:200]} is no folder; name one that exists.")
    return real


async def _place(app: Application, session: str, folder: Path, user: str = "default") -> Place:
    known = await app.session_places.find(session)
    project = await app.projects.project_of(str(folder))
    return Place(project, str(folder), session, known.transcript if known else "", user)
