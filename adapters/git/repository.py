"""GitRepository through the `git` that is installed: read-only questions with a fixed argv, a small environment and a deadline."""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from session_mgmt_mcp.adapters.git import renames
from session_mgmt_mcp.ports.git_repository import Rename, Repository, Tag

_GIT = (
    "git",
    "-c", "safe.directory=*",  # a repository of another user is a project all the same; nothing of it is run
    "-c", "core.fsmonitor=false",
)  # fmt: skip
_ASK = (*_GIT, "rev-parse", "--git-common-dir", "--show-toplevel", "--abbrev-ref", "HEAD")
_TAGS = (
    *(*_GIT, "for-each-ref", "--sort=-creatordate", "--count=1000"),
    *("--format=%(creatordate:unix) %(refname:strip=2)", "refs/tags"),
)
_HEAD = ("git", "-c", "safe.directory=*", "rev-parse", "--verify", "HEAD")
_WORKTREES = ("git", "-c", "safe.directory=*", "worktree", "list", "--porcelain", "-z")
HEADS_KEPT = 8
_KEPT = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP")
_FIXED = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "SESSION_MGMT_GUARD": "1",  # hooks of ours below this process do nothing
}


class SubprocessGitRepository:
    """GitRepository. Where git is missing, too slow or of no help, a folder lies in no repository."""

    def __init__(self, timeout: float = 5.0) -> None:
        self._timeout = timeout
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

    def _renames(self, folder: Path) -> Sequence[Rename]:
        [head, *_] = [*_asked(_HEAD, folder, self._timeout), ""]
        if not head:
            return []
        if head not in self._moved:
            while len(self._moved) >= HEADS_KEPT:
                self._moved.pop(next(iter(self._moved)), None)
            self._moved[head] = renames.read(folder, _environment(), self._timeout)
        return self._moved[head]


def _environment() -> dict[str, str]:
    return _FIXED | {name: os.environ[name] for name in _KEPT if name in os.environ}


def _asked(argv: Sequence[str], folder: Path, timeout: float) -> list[str]:
    """The lines of git's answer; none when it gives none in time."""
    try:
        answer = subprocess.run(
            argv,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return []
    return os.fsdecode(answer.stdout).splitlines()


def _find(folder: Path, timeout: float) -> Repository | None:
    # A bare repository has no top, and one without commits no HEAD: git answers what it can, then fails.
    common, top, branch, *_ = [*_asked(_ASK, folder, timeout), "", "", ""]
    if not common:
        return None
    common_dir = Path(os.path.realpath(folder / common))
    return Repository(
        root=Path(top) if top else common_dir,
        common_dir=common_dir,
        branch=branch if branch and branch != "HEAD" else None,
    )


def _worktrees(folder: Path, timeout: float) -> list[Path]:
    answer = "\n".join(_asked(_WORKTREES, folder, timeout)).split("\0")
    return [Path(line.removeprefix("worktree ")) for line in answer if line.startswith("worktree ")]


def _tags(folder: Path, timeout: float) -> list[Tag]:
    parts = (line.partition(" ") for line in _asked(_TAGS, folder, timeout))
    return [Tag(name, datetime.fromtimestamp(int(at), UTC)) for at, _, name in parts if at.isdecimal() and name]


def _resolve(folder: Path) -> Path | None:
    try:
        return Path(os.path.realpath(folder)) if folder.is_dir() else None
    except (OSError, ValueError):
        return None
