"""GitRepository through the `git` that is installed: read-only questions, of which nothing in a repository is run."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from session_mgmt_mcp.adapters.git import history, ignoring, renames, working
from session_mgmt_mcp.adapters.git.process import ask, text
from session_mgmt_mcp.ports.git_repository import Commit, DiffStat, Rename, Repository, Tag, WorkingState

_FIND = ("rev-parse", "--git-common-dir", "--show-toplevel", "--abbrev-ref", "HEAD")
_TAGS = (
    *("for-each-ref", "--sort=-creatordate", "--count=1000"),
    *("--format=%(creatordate:unix) %(refname:strip=2)", "refs/tags"),
)
_HEAD = ("rev-parse", "--verify", "HEAD")
_WORKTREES = ("worktree", "list", "--porcelain", "-z")
HEADS_KEPT = 8


class SubprocessGitRepository:
    """GitRepository. Where git is missing, too slow or of no help, a folder lies in no repository.

    `timeout` are the seconds for a question about names, `patience` those for one about all files or a long history.
    """

    def __init__(self, timeout: float = 5.0, patience: float = 20.0) -> None:
        self._timeout = timeout
        self._patience = max(timeout, patience)
        self._moved: dict[str, Sequence[Rename]] = {}  # by the commit that HEAD is

    async def find(self, folder: Path) -> Repository | None:
        return await asyncio.to_thread(_find, folder, self._timeout)

    async def resolve(self, folder: Path) -> Path | None:
        return await asyncio.to_thread(_resolve, folder)

    async def tags(self, folder: Path) -> Sequence[Tag]:
        return await asyncio.to_thread(_tags, folder, self._timeout)

    async def renames(self, folder: Path) -> Sequence[Rename]:
        return await asyncio.to_thread(self._renames, folder)

    async def worktrees(self, folder: Path) -> Sequence[Path]:
        return await asyncio.to_thread(_worktrees, folder, self._timeout)

    async def state(self, folder: Path) -> WorkingState | None:
        return await asyncio.to_thread(working.state, folder, self._patience)

    async def log(self, folder: Path, since: datetime | None = None, limit: int = 500) -> Sequence[Commit]:
        return await asyncio.to_thread(history.log, folder, since, limit, self._patience)

    async def commits_between(self, folder: Path, base: str, limit: int = 500) -> Sequence[Commit]:
        return await asyncio.to_thread(history.commits_between, folder, base, limit, self._patience)

    async def diff_stat(self, folder: Path, base: str = "HEAD") -> DiffStat | None:
        return await asyncio.to_thread(working.diff_stat, folder, base, self._patience)

    async def diff(self, folder: Path, most_bytes: int = 200_000) -> str:
        return await asyncio.to_thread(working.diff, folder, most_bytes, self._patience)

    async def branches(self, folder: Path) -> Sequence[str]:
        return await asyncio.to_thread(history.branches, folder, self._timeout)

    async def tracked(self, folder: Path) -> Sequence[str] | None:
        return await asyncio.to_thread(working.tracked, folder, self._patience)

    async def ignored(self, folder: Path, paths: Sequence[str]) -> frozenset[str]:
        return await asyncio.to_thread(ignoring.ignored, folder, paths, self._patience)

    def _renames(self, folder: Path) -> Sequence[Rename]:
        [head, *_] = [*ask(_HEAD, folder, self._timeout).lines, ""]
        if not head:
            return []
        if head not in self._moved:
            while len(self._moved) >= HEADS_KEPT:
                self._moved.pop(next(iter(self._moved)), None)
            self._moved[head] = renames.read(folder, self._timeout)
        return self._moved[head]


def _find(folder: Path, timeout: float) -> Repository | None:
    # A bare repository has no top, and one without commits no HEAD: git answers what it can, then fails.
    answer = ask(_FIND, folder, timeout)
    common, top, branch, *_ = [*answer.lines, "", "", ""]
    if not common or answer.code is None:
        return None
    common_dir = Path(os.path.realpath(folder / common))
    return Repository(
        root=Path(top) if top else common_dir,
        common_dir=common_dir,
        branch=text(os.fsencode(branch)) if branch and branch != "HEAD" else None,
    )


def _worktrees(folder: Path, timeout: float) -> list[Path]:
    answer = ask(_WORKTREES, folder, timeout).fields
    return [Path(os.fsdecode(line[9:])) for line in answer if line.startswith(b"worktree ")]


def _tags(folder: Path, timeout: float) -> list[Tag]:
    parts = (line.partition(" ") for line in text(ask(_TAGS, folder, timeout).out).split("\n"))
    return [Tag(name, datetime.fromtimestamp(int(at), UTC)) for at, _, name in parts if at.isdecimal() and name]


def _resolve(folder: Path) -> Path | None:
    try:
        return Path(os.path.realpath(folder)) if folder.is_dir() else None
    except (OSError, ValueError):
        return None
