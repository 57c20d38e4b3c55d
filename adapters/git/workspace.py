"""GitWorkspace through the `git` that is installed."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from session_mgmt_mcp.adapters.git import committing
from session_mgmt_mcp.adapters.git.process import ask
from session_mgmt_mcp.adapters.git.writing import run
from session_mgmt_mcp.ports.errors import Invalid, PortError
from session_mgmt_mcp.ports.git_workspace import Judge, Worktree

_LIST = ("worktree", "list", "--porcelain", "-z")
_BRANCHES = ("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
_REACHING = ("for-each-ref", "--count=1", "--contains=HEAD", "refs/heads", "refs/tags", "refs/remotes")


class SubprocessGitWorkspace:
    """GitWorkspace. `timeout` are the seconds for a question, `patience` those for a change, hooks included."""

    def __init__(self, timeout: float = 20.0, patience: float = 120.0) -> None:
        self._timeout = timeout
        self._patience = patience

    async def commit(self, folder: Path, paths: Sequence[str], message: str, judge: Judge) -> str:
        return await committing.commit(folder, paths, message, judge, self._timeout, self._patience)

    async def worktrees(self, folder: Path) -> Sequence[Worktree]:
        return await asyncio.to_thread(_worktrees, folder, self._timeout)

    async def find_branch(self, folder: Path, name: str) -> Literal["local", "remote"] | None:
        return await asyncio.to_thread(_find_branch, folder, name, self._timeout)

    async def add_worktree(self, folder: Path, path: Path, branch: str, create: bool) -> None:
        if os.path.lexists(path) or path in {worktree.path for worktree in await self.worktrees(folder)}:
            raise Invalid(f"{path} exists: name another path.")  # whatever is taken back below was made here
        if branch.startswith("-") or not await asyncio.to_thread(_well_formed, branch, folder, self._timeout):
            raise Invalid(f"{branch} is not a valid branch name: choose another one.")
        existed = await self.find_branch(folder, branch) == "local"
        which = ("-b", branch, "--", str(path)) if create else ("--", str(path), branch)
        try:
            await run(("worktree", "add", "--quiet", *which), folder, self._patience)
        except (PortError, asyncio.CancelledError):
            await asyncio.shield(self._take_back(folder, path, None if existed else branch))
            raise

    async def remove_worktree(self, folder: Path, path: Path, force: bool) -> None:
        await run(("worktree", "remove", *(("--force",) if force else ()), "--", str(path)), folder, self._patience)

    async def unreachable(self, folder: Path) -> bool:
        answer = await asyncio.to_thread(ask, _REACHING, folder, self._timeout)
        return answer.code == 0 and not answer.out

    async def _take_back(self, folder: Path, path: Path, branch: str | None) -> None:
        """A hook that fails after the checkout leaves the folder and a new branch behind."""
        with suppress(PortError):
            await run(("worktree", "remove", "--force", "--", str(path)), folder, self._timeout)
        if branch and await self.find_branch(folder, branch) == "local":
            with suppress(PortError):
                await run(("branch", "-D", "--", branch), folder, self._timeout)


def _worktrees(folder: Path, timeout: float) -> list[Worktree]:
    answer = ask(_LIST, folder, timeout)
    if answer.code != 0:
        return []
    blocks = [block.split(b"\0") for block in answer.out.removesuffix(b"\0").split(b"\0\0") if block]
    return [_worktree(block, main=number == 0) for number, block in enumerate(blocks)]


def _worktree(lines: Sequence[bytes], main: bool) -> Worktree:
    said = {name: value for name, _, value in (os.fsdecode(line).partition(" ") for line in lines)}
    head = said.get("HEAD", "")
    return Worktree(
        path=Path(said["worktree"]),
        branch=said["branch"].removeprefix("refs/heads/") if "branch" in said else None,
        head=head if head.strip("0") else None,
        main=main,
        bare="bare" in said,
        locked=said.get("locked"),
    )


def _well_formed(branch: str, folder: Path, timeout: float) -> bool:
    return ask(("check-ref-format", f"refs/heads/{branch}"), folder, timeout).code == 0


def _find_branch(folder: Path, name: str, timeout: float) -> Literal["local", "remote"] | None:
    refs = set(ask(_BRANCHES, folder, timeout).lines)
    if f"refs/heads/{name}" in refs:
        return "local"
    remotes = ask(("remote",), folder, timeout).lines
    return "remote" if any(f"refs/remotes/{remote}/{name}" in refs for remote in remotes) else None
