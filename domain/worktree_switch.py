"""From one worktree of a repository to another one: the context of the first is kept, that of the second given back."""

from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp.domain.contexts import ContextService, Preserved, Reason, Restored
from session_mgmt_mcp.domain.working import Place
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.git_repository import GitRepository, Repository


@dataclass(frozen=True, slots=True)
class Switched:
    """`restored` is None when nothing was kept of the worktree that is gone to."""

    root: str
    branch: str | None
    kept: Preserved
    restored: Restored | None


class WorktreeSwitch:
    """Moves nobody and touches no file: it says what there is to go on with."""

    def __init__(self, git: GitRepository, contexts: ContextService) -> None:
        self._git = git
        self._contexts = contexts

    async def switch(self, left: Place, to: Path) -> Switched:
        """From the worktree of `left` to that of `to`. Raises Invalid unless both are worktrees of one repository."""
        here, there = await self._worktree("from_path", Path(left.folder)), await self._worktree("to_path", to)
        if here.common_dir != there.common_dir:
            raise Invalid(f"to_path: {there.root} is no worktree of {here.root}: name two of one repository.")
        if here.root == there.root:
            raise Invalid(f"to_path: {to} lies in the same worktree as from_path: name another one.")
        kept = await self._contexts.keep(left, Reason.WORKTREE_SWITCH, note=f"to {there.root}")
        before = await self._contexts.newest_at(left.project, str(there.root))
        restored = await self._contexts.restore(before) if before else None
        return Switched(str(there.root), there.branch, kept, restored)

    async def _worktree(self, argument: str, folder: Path) -> Repository:
        found = await self._git.find(folder)
        if found is None or found.root == found.common_dir:
            raise Invalid(f"{argument}: {folder} lies in no worktree of a git repository; name one that does.")
        return found
