"""Which project a folder belongs to: a repository with all its worktrees and sub-folders, else the folder itself."""

import hashlib
import re
from pathlib import Path

from session_mgmt_mcp.ports.git_repository import GitRepository
from session_mgmt_mcp.ports.import_ledger import ImportLedger

UNKNOWN = "unknown"
_WORKTREE = re.compile(r"^(?P<root>.+?)[/\\](?:\.claude[/\\]worktrees|\.worktrees)[/\\][^/\\]")
_ID = re.compile(r"\S.*-[0-9a-f]{6}", re.DOTALL)
_REMEMBERED = 10_000


def project_id(place: Path | str) -> str:
    """`<name>-<6 hex>` of a repository's common directory, or of a folder outside of git.

    >>> project_id("/home/you/shop/.git")[:-6], project_id("/srv/git/shop.git")[:-6]
    ('shop-', 'shop-')
    """
    path = str(place)
    names = [name for name in re.split(r"[/\\]", path) if name]
    while len(names) > 1 and names[-1].startswith("."):  # /shop/.git, /shop/.bare
        names.pop()
    name = names[-1].removesuffix(".git") if names else "root"
    return f"{name}-{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


def bare_name(project: str) -> str:
    """A project's name without the hash of its folder; of what has none, the whole.

    >>> bare_name("my-shop-1a2b3c"), bare_name("my-shop")
    ('my-shop', 'my-shop')
    """
    return project[:-7] if is_id(project) else project


def is_id(name: str) -> bool:
    """Whether it names a folder's project exactly, one without memories included."""
    return bool(_ID.fullmatch(name))


class ProjectService:
    """Names projects, and remembers the name of a folder for the day when it is gone."""

    def __init__(self, git: GitRepository, ledger: ImportLedger) -> None:
        self._git = git
        self._ledger = ledger
        self._known: dict[tuple[str, str], str] = {}
        self._around: dict[str, str | None] = {}  # what a gone folder's parent says

    async def project_of(self, folder: str, home: str = "") -> str:
        """The project of `folder`; `home`, where the conversation began, decides when nothing else does."""
        key = (folder, home)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._forget()
            self._known[key] = await self._find(folder, home)
        return self._known[key]

    async def learn(self, folder: str) -> str:
        """Asks anew, as when a session starts: a folder may have become a repository meanwhile."""
        self._forget()
        return await self.project_of(folder)

    async def top_of(self, folder: Path) -> Path:
        """The top of the working tree that a folder lies in; outside of git, the folder."""
        repository = await self._git.find(folder)
        return repository.root if repository else folder

    def _forget(self) -> None:
        self._known.clear()
        self._around.clear()

    async def _find(self, folder: str, home: str) -> str:
        if not folder:
            return await self.project_of(home) if home else UNKNOWN
        real = await self._git.resolve(Path(folder)) if Path(folder).is_absolute() else None
        if real is None:
            return await self._of_gone(folder, home)
        repository = await self._git.find(real)
        known = await self._ledger.project_of(folder)
        if repository is not None:
            project = project_id(repository.common_dir)
        elif home and home != folder and Path(home) in Path(folder).parents:
            return await self.project_of(home)
        else:
            project = known or project_id(real)
        if project != known:
            await self._ledger.set_project(folder, project)
        return project

    async def _of_gone(self, folder: str, home: str) -> str:
        found = await self._ledger.project_of(folder) or await self._of_ancestor(folder)
        if found:
            return found
        if worktree := _WORKTREE.match(folder):
            return await self.project_of(worktree["root"])
        return await self.project_of(home) if home and home != folder else project_id(folder)

    async def _of_ancestor(self, folder: str) -> str | None:
        """The repository that the nearest known ancestor lies in. A plain folder claims nothing below it."""
        found: str | None = None
        passed: list[str] = []
        for parent in Path(folder).parents if Path(folder).is_absolute() else ():
            if (name := str(parent)) in self._around:
                found = self._around[name]
                break
            passed.append(name)
            known = await self._ledger.project_of(name)
            if known and known != project_id(name):
                found = known
                break
            if (real := await self._git.resolve(parent)) is not None:
                repository = await self._git.find(real)
                found = project_id(repository.common_dir) if repository else None
                break
        self._around |= dict.fromkeys(passed, found)
        return found
