"""What a project's files hold at a moment, and which of them were changed from one moment to another."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from session_mgmt_mcp.domain.runs.run import Tree
from session_mgmt_mcp.ports.file_digests import FileDigests
from session_mgmt_mcp.ports.git_repository import MOST_CHANGED, GitRepository
from session_mgmt_mcp.ports.project_files import ProjectFiles

GONE = ""
_LEFT_BY_TOOLS = frozenset(
    (
        *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".complexipy_cache"),
        *("htmlcov", ".crackerjack", ".oneiric_cache", ".pyscn", ".benchmarks", ".venv", "venv", "node_modules"),
    )
)
"""Folders that tools leave in a project: nobody edits in there."""
_REPORTS = frozenset((".coverage", "coverage.xml", "coverage.json", "coverage.lcov", "complexipy.json"))


class Trees:
    """Looks through git; outside of a repository at the text files of the folder, as many as are looked at."""

    def __init__(self, git: GitRepository, digests: FileDigests, files: ProjectFiles) -> None:
        self._git = git
        self._digests = digests
        self._files = files

    async def look(self, top: Path) -> Tree | None:
        """Now; `top` is the top of the project. None when git does not answer."""
        if await self._git.find(top) is None:
            survey = await self._files.survey(top)
            return Tree(None, _edited_by_hand(await self._digests.read(top, survey.texts)), whole=not survey.capped)
        state = await self._git.state(top)
        if state is None:
            return None
        listed = [one.path for one in state.changed if not one.submodule]
        paths = [path for path in listed if not _left_by_tools(path)]
        digests = await self._digests.read(top, paths)
        untracked = sum(one.state == "untracked" for one in state.changed)
        whole = len(state.changed) < MOST_CHANGED and untracked == state.untracked
        return Tree(state.head, {path: digests.get(path, GONE) for path in paths}, whole)

    async def edited(self, top: Path, before: Tree | None, now: Tree | None) -> Sequence[str] | None:
        """The files that changed since `before`, by path; None when that cannot be told. `now` is the present state."""
        if before is None or now is None or not (before.whole and now.whole):
            return None
        committed: set[str] = set()
        if before.head != now.head:
            if before.head is None or now.head is None:
                return None
            stat = await self._git.diff_stat(top, before.head)
            if stat is None:
                return None
            committed = {path for path in stat.files if not _left_by_tools(path)}
        digests = await self._digests.read(top, sorted(before.differing))
        changed = {path for path, was in before.differing.items() if digests.get(path, GONE) != was}
        fresh = (committed | now.differing.keys()) - before.differing.keys()
        return sorted(changed | fresh)


def _edited_by_hand(digests: Mapping[str, str]) -> dict[str, str]:
    return {path: digest for path, digest in digests.items() if not _left_by_tools(path)}


def _left_by_tools(path: str) -> bool:
    place = PurePosixPath(path)
    return place.name in _REPORTS or not _LEFT_BY_TOOLS.isdisjoint(place.parts)
