"""The session of whoever calls a tool."""

from pathlib import Path

from session_mgmt_mcp import connection
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.contexts import existing
from session_mgmt_mcp.domain.sessions import CONNECTION, Opening, Session
from session_mgmt_mcp.domain.text import opaque_id


def folder_of(working_directory: str | None) -> Path:
    """The folder that a call is about: the caller's unless it names one. Raises Invalid."""
    return existing(working_directory or connection.current().folder)


def session_name(app: Application) -> str:
    """The caller's session, by a name that no other machine has for one of its own."""
    caller = connection.current()
    return caller.session_id or f"{caller.session}@{app.sessions.machine}"


async def session_of(app: Application, folder: Path) -> Session:
    """The caller's session, opened if need be; a call about another folder has the session's own identity all the same."""
    caller = connection.current()
    known = await app.sessions.of_client(caller.client_pid, caller.session_id)
    if known is not None:
        return await app.sessions.seen(known.id) or known
    who = caller.user or str(caller.client_pid)
    id = caller.session_id or f"client-{opaque_id(app.sessions.machine, who, str(folder))}"
    opened = await app.sessions.open(Opening(id, str(folder), CONNECTION, "", caller.client_pid))
    return await app.sessions.seen(id) or opened


async def started(app: Application, folder: Path) -> Session:
    """The caller's session, which somebody wants kept wherever it is."""
    session = await session_of(app, folder)
    return await app.sessions.update(session.id, manual=True) if not session.manual else session
