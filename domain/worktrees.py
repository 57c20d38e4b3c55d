"""One more worktree of a repository, or one less: what stands against it is said before anything is changed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.git_repository import GitRepository, Repository, WorkingState
from session_mgmt_mcp.ports.git_workspace import GitWorkspace, Worktree

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Removal:
    """A worktree that may be removed. `lost` is what would go with it for good, each in a few words."""

    folder: Path  # another one of the same repository, from which to remove it
    path: Path
    branch: str | None
    lost: Sequence[str]


class WorktreeService:
    """Adds and removes worktrees. All of a repository are one project, so that they share their memories."""

    def __init__(self, git: GitRepository, workspace: GitWorkspace) -> None:
        self._git = git
        self._workspace = workspace

    async def add(self, folder: Path, path: Path, branch: str, create: bool) -> Path:
        """A new worktree at `path`, with `branch` or a new one of that name from HEAD; its real path. Raises Invalid."""
        repository = await self._repository(folder)
        place = await self._free(path, repository, branch)
        worktrees = await self._workspace.worktrees(folder)
        if worktrees and not worktrees[0].bare and worktrees[0].head is None:
            raise Invalid(f"working_directory: {repository.root} has no commit yet: make the first one.")
        await self._check_branch(folder, branch, create, worktrees)
        await self._workspace.add_worktree(folder, place, branch, create)
        return place

    async def removal(self, folder: Path, path: Path) -> Removal:
        """What removing it would mean. Raises Invalid where it cannot be removed."""
        repository = await self._repository(folder)
        real = await self._git.resolve(path)
        worktrees = await self._workspace.worktrees(folder)
        found = next((one for one in worktrees if one.path in {real, path}), None)
        if found is None:
            raise Invalid(f"path: {path} is no worktree of {repository.root}; these are: {_listed(worktrees)}.")
        if found.main:
            raise Invalid(f"path: {path} is the main worktree, which cannot be removed: name another one.")
        if found.locked is not None:
            why = f" ({found.locked})" if found.locked else ""
            raise Invalid(f"path: {path} is locked{why}: unlock it with git worktree unlock.")
        if repository.root == found.path:
            raise Invalid(f"path: {path} is where you are working: call from another worktree of the repository.")
        return Removal(repository.root, found.path, found.branch, await self._lost(found) if real else ())

    async def remove(self, removal: Removal, force: bool) -> None:
        """Removes the folder; its branch stays. Without `force` git looks once more. Raises Invalid."""
        if removal.lost and not force:
            raise Invalid(
                f"path: {removal.path} holds {joined(removal.lost)}: commit that, or give force=true to lose it."
            )
        await self._workspace.remove_worktree(removal.folder, removal.path, force)

    async def _repository(self, folder: Path) -> Repository:
        found = await self._git.find(folder)
        if found is None:
            raise Invalid(f"working_directory: {folder} lies in no git repository: name a folder that does.")
        return found

    async def _free(self, path: Path, repository: Repository, branch: str) -> Path:
        parent = await self._git.resolve(path.parent)
        if parent is None:
            raise Invalid(f"path: there is no folder {path.parent}: make it first, or name another one.")
        place = parent / path.name
        around = await self._git.find(parent)
        # Around a bare repository there is no worktree to be inside of.
        if around and (around.root != around.common_dir or around.common_dir in (parent, *parent.parents)):
            name = re.sub(r"[^\w.-]+", "-", branch).strip("-.") or "worktree"
            beside = repository.root.with_name(f"{repository.root.name}-{name}")
            raise Invalid(f"path: {path} lies inside {around.root}: name one outside, as {beside}.")
        return place

    async def _check_branch(self, folder: Path, branch: str, create: bool, worktrees: Sequence[Worktree]) -> None:
        if other := next((one.path for one in worktrees if one.branch == branch), None):
            raise Invalid(f"branch: {branch} is checked out in {other}: name another one.")
        where = await self._workspace.find_branch(folder, branch)
        if create and where:
            raise Invalid(f"branch: there is a {where} branch {branch}: leave create_branch out to use it.")
        if not create and where is None:
            raise Invalid(f"branch: there is no branch {branch}: create_branch=true makes it.")

    async def _lost(self, worktree: Worktree) -> list[str]:
        state = await self._git.state(worktree.path)
        if state is None:
            return ["what git cannot tell"]
        adrift = worktree.branch is None and await self._workspace.unreachable(worktree.path)
        return [*_uncommitted(state), *(["commits that no branch leads to"] if adrift else [])]


def _uncommitted(state: WorkingState) -> list[str]:
    changed = sum(one.state != "untracked" for one in state.changed)
    return [
        *([counted(changed, "uncommitted change")] if changed else []),
        *([counted(state.untracked, "untracked file")] if state.untracked else []),
        *([f"an unfinished {state.operation}"] if state.operation else []),
    ]


def joined(parts: Sequence[str]) -> str:
    """
    >>> joined(["a"]), joined(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _listed(worktrees: Sequence[Worktree]) -> str:
    others = [str(one.path) for one in worktrees if not one.main]
    more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    return (", ".join(others[:SHOWN]) or "none besides the main one") + more
