"""What git is asked to do: a commit, a worktree more, a worktree less."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Worktree:
    """One of the worktrees of a repository."""

    path: Path
    branch: str | None  # None on a detached HEAD
    head: str | None  # full hash; None before the first commit
    main: bool = False  # the one that the repository was made with; it cannot be removed
    bare: bool = False
    locked: str | None = None  # why, as far as that was said


Judge = Callable[[Mapping[str, str]], str]
"""The lines that a commit adds, by file, empty where it only takes some away: what speaks against it, or nothing."""


class GitWorkspace(Protocol):
    """What git does for its user: with their settings, their identity and their hooks.

    Each call does the whole or leaves everything as it was, also when it is cancelled. What git or a hook said goes
    into the message of the error; it may hold anything.
    """

    async def commit(self, folder: Path, paths: Sequence[str], message: str, judge: Judge) -> str:
        """Commits these tracked files as they are on disk; the full hash. `paths` are from the top of the repository.

        What is staged of other files stays staged and stays out. `judge` looks before, and again at what the commit
        really holds, since a hook may have added to it. Raises Invalid when it objects, with its words, when git or a
        hook refuses, and when there is too much to look through; Unavailable when that takes too long.
        """

    async def worktrees(self, folder: Path) -> Sequence[Worktree]:
        """All of the repository that `folder` lies in, the main one first; none outside of one."""

    async def find_branch(self, folder: Path, name: str) -> Literal["local", "remote"] | None:
        """Where there is a branch of this name."""

    async def add_worktree(self, folder: Path, path: Path, branch: str, create: bool) -> None:
        """A new folder in which `branch` is checked out: a new one from HEAD, or one that exists.

        Raises Invalid when git or a hook refuses; Unavailable when that takes too long.
        """

    async def remove_worktree(self, folder: Path, path: Path, force: bool) -> None:
        """Removes the folder; its branch stays. `force`: also with what was never committed.

        Raises Invalid when git refuses; Unavailable when that takes too long.
        """

    async def unreachable(self, folder: Path) -> bool:
        """Whether HEAD holds commits that no branch and no tag leads to."""
