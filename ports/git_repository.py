"""What git says about a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository as seen from one of its worktrees."""

    root: Path  # top of this worktree
    common_dir: Path  # real path of the shared .git: the same for every worktree, sub-folder and symlink
    branch: str | None  # None on a detached HEAD or before the first commit


class GitRepository(Protocol):
    async def find(self, folder: Path) -> Repository | None:
        """The repository that `folder` lies in; None outside of one, or when the folder is gone."""

    async def resolve(self, folder: Path) -> Path | None:
        """The folder's real path; None when it is gone."""
