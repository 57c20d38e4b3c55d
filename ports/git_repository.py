"""What git says about a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol


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


class Operation(StrEnum):
    """What somebody is in the middle of."""

    MERGE = "merge"
    REBASE = "rebase"
    CHERRY_PICK = "cherry-pick"
    REVERT = "revert"
    BISECT = "bisect"


@dataclass(frozen=True, slots=True)
class Changed:
    """A tracked file that differs from HEAD, or that nobody tracks yet. Paths are from the top of the repository."""

    path: str
    state: Literal["modified", "added", "deleted", "renamed", "conflicted", "untracked"]
    staged: bool = False
    partly: bool = False  # staged, and changed again since
    submodule: bool = False


@dataclass(frozen=True, slots=True)
class WorkingState:
    """A worktree at one moment."""

    branch: str | None  # None on a detached HEAD
    head: str | None  # full hash; None before the first commit
    upstream: str | None
    ahead: int
    behind: int
    operation: Operation | None
    changed: Sequence[Changed]  # at most MOST_CHANGED, untracked ones last
    untracked: int  # all of them, also those not listed


@dataclass(frozen=True, slots=True)
class Commit:
    """`files` are paths from the top of the repository; binary files count no lines."""

    sha: str
    time: datetime  # of the author, aware
    author: str
    subject: str
    body: str
    files: Sequence[str]
    insertions: int
    deletions: int


@dataclass(frozen=True, slots=True)
class DiffStat:
    """What differs, by file: lines added and deleted."""

    files: Mapping[str, tuple[int, int]]
    insertions: int
    deletions: int


MOST_CHANGED = 500


class GitRepository(Protocol):
    """What git knows of a folder: its repository, history and working state. Reads only.

    Names are valid Unicode, what is no UTF-8 replaced by U+FFFD, so that they can be shown and stored; those of
    `tracked` and `ignored` are as Python opens them.
    """

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

    async def state(self, folder: Path) -> WorkingState | None:
        """Of the worktree that `folder` lies in; None outside of one, in a bare repository, or when git does not answer."""

    async def log(self, folder: Path, since: datetime | None = None, limit: int = 500) -> Sequence[Commit]:
        """Commits that HEAD reaches, newest first, those committed after `since`; none outside of a repository."""

    async def commits_between(self, folder: Path, base: str, limit: int = 500) -> Sequence[Commit]:
        """Commits that HEAD reaches and `base` (a hash) does not, newest first; none when `base` is unknown."""

    async def diff_stat(self, folder: Path, base: str = "HEAD") -> DiffStat | None:
        """What the working files differ from `base` in, staged or not; None when that cannot be told."""

    async def diff(self, folder: Path, most_bytes: int = 200_000) -> str:
        """The patch from HEAD to the working files, staged or not, of tracked files; cut at a file's end when too long."""

    async def branches(self, folder: Path) -> Sequence[str]:
        """Local branches, the most recently committed first."""

    async def tracked(self, folder: Path) -> Sequence[str] | None:
        """Every tracked file below `folder`, from `folder`, with `/`; None outside of a repository."""

    async def ignored(self, folder: Path, paths: Sequence[str]) -> frozenset[str]:
        """Those of `paths` (absolute, or from `folder`) that git ignores; tracked files never are."""
