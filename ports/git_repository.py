"""What git says about a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository as seen from one of its worktrees."""

    root: Path  # top of this worktree
    common_dir: Path  # real path of the shared .git: the same for every worktree, sub-folder and symlink
    branch: str | None  # None on a detached HEAD or before the first commit


@dataclass(frozen=True, slots=True)
class Tag:
    """Made at `time` (aware); of a tag without a date of its own, that of its commit."""

    name: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Rename:
    """A commit moved a file. Paths are from the top of the repository, with `/`."""

    before: str
    after: str


class GitRepository(Protocol):
    """What git knows of a folder: its repository, tags and renames. Reads only."""

    async def find(self, folder: Path) -> Repository | None:
        """The repository that `folder` lies in; None outside of one, or when the folder is gone."""

    async def resolve(self, folder: Path) -> Path | None:
        """The folder's real path; None when it is gone."""

    async def tags(self, folder: Path) -> Sequence[Tag]:
        """Of the repository that `folder` lies in, newest first; none outside of one."""

    async def renames(self, folder: Path) -> Sequence[Rename]:
        """In the history of the branch that `folder` is on, newest first; none outside of a repository.

        Of a very long history the older part may be missing.
        """

    async def worktrees(self, folder: Path) -> Sequence[Path]:
        """The tops of all worktrees of the repository that `folder` lies in; none outside of one."""
