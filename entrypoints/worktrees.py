"""Worktrees as the tools ask for them, from where the caller works."""

from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp import connection
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.contexts import existing
from session_mgmt_mcp.domain.worktrees import Removal
from session_mgmt_mcp.ports.errors import Invalid


@dataclass(frozen=True, slots=True)
class Added:
    """A new worktree; `project` is that of all worktrees of its repository."""

    path: Path
    branch: str
    created: bool
    project: str


async def add(app: Application, branch: str, path: str, folder: str | None, create: bool) -> Added:
    """Raises Invalid, Unavailable; then nothing has changed."""
    here = existing(folder or connection.current().folder)
    made = await app.worktrees.add(here, _absolute(path), branch, create)
    return Added(made, branch, create, await app.projects.learn(str(made)))


async def removal(app: Application, path: str, folder: str | None) -> Removal:
    """What removing it would mean. Raises Invalid."""
    return await app.worktrees.removal(existing(folder or connection.current().folder), _absolute(path))


async def remove(app: Application, wanted: Removal, force: bool) -> str:
    """The project that it belonged to, which its folder stays known for. Raises Invalid, Unavailable."""
    project = await app.projects.project_of(str(wanted.path))
    await app.worktrees.remove(wanted, force)
    return project


def _absolute(path: str) -> Path:
    if "\0" in path or not Path(path).is_absolute() or not Path(path).name or ".." in Path(path).parts:
        raise Invalid(f"path: give an absolute path without .., not {path[:200]!r}.")
    return Path(path)
