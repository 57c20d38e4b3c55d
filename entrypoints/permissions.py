"""What the person at the client has allowed, and the rules by which Claude Code itself asks no more."""

import getpass
from collections.abc import Iterable, Mapping

from session_mgmt_mcp import recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.grants import ALL, Grant, Operation
from session_mgmt_mcp.ports.errors import Invalid

SERVERS = ("mcp__session-mgmt__", "mcp__plugin_session-mgmt_mem__")
"""How Claude Code names our tools: registered by hand or by `setup`, and as a plugin."""

GATED: Mapping[Operation, tuple[str, ...]] = {
    Operation.GIT_COMMIT: ("checkpoint",),
    Operation.DEPENDENCY_SYNC: ("start",),
    Operation.QUALITY_FIX: ("crackerjack_run", "execute_crackerjack_command"),
    Operation.REPO_WRITE: ("start", "end"),
    Operation.HTTP_EXPOSURE: (),
}


async def place(app: Application, project: str | None) -> str:
    """The project that a grant is for: the caller's, a named one, or `*`. Raises Invalid."""
    return ALL if project == ALL else await recall.project_named(app, project)


def named(action: str, operation: Operation | None) -> Operation:
    """Raises Invalid without one."""
    if operation is None:
        raise Invalid(f"operation: {action} needs one of {', '.join(Operation)}; see action=status.")
    return operation


async def trust(app: Application, operation: Operation, project: str, client: str) -> Grant:
    return await app.grants.trust(operation, project, f"{_user()}{f' ({client})' if client else ''}")


async def revoke(app: Application, operation: Operation, project: str) -> str:
    """What came of it, in a sentence."""
    if await app.grants.revoke(operation, project):
        return f"{operation} is revoked in {place_name(project)}."
    return f"{operation} was not allowed in {place_name(project)} itself."


async def revoke_all(app: Application, project: str) -> str:
    gone = await app.grants.revoke_all(project)
    return f"Revoked in {place_name(project)}: {', '.join(gone) or 'nothing was allowed'}."


def place_name(project: str) -> str:
    return "all projects" if project == ALL else project


def rules(grants: Iterable[Grant], destructive: Mapping[str, bool]) -> dict[str, dict[str, list[str]]]:
    """For Claude Code's settings.json: asked is before what is destructive, gives permission, or is not granted.

    `destructive` says it of each tool that is published.
    """
    granted = {grant.operation for grant in grants}
    gated = {tool for operation, tools in GATED.items() if operation not in granted for tool in tools}
    ask = [name for name in destructive if destructive[name] or name in gated or name == "permissions"]
    allow = [name for name in destructive if name not in ask]
    return {"permissions": {"allow": _written(allow), "ask": _written(ask)}}


def _written(tools: Iterable[str]) -> list[str]:
    return [f"{server}{tool}" for server in SERVERS for tool in sorted(tools)]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
