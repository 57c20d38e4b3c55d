"""Folders that are gone, with a git that knows only what the test says."""

from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger
from session_mgmt_mcp.domain.projects import UNKNOWN, ProjectService, project_id
from session_mgmt_mcp.ports.git_repository import Repository


class Git:
    """Folders that exist, and the repositories among them by their top."""

    def __init__(self, folders: list[str], repositories: tuple[str, ...] = ()) -> None:
        self.folders, self.repositories, self.asked = set(folders), repositories, 0

    async def resolve(self, folder: Path) -> Path | None:
        return folder if str(folder) in self.folders else None

    async def find(self, folder: Path) -> Repository | None:
        self.asked += 1
        for top in self.repositories:
            if folder.is_relative_to(top):
                return Repository(Path(top), Path(top, ".git"), "main")
        return None


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("/home/you/shop/.git", "shop"),
        ("/srv/shop.git", "shop"),
        ("/home/you/shop/.bare", "shop"),
        ("/home/you/shop/.git/modules/libs/pay", "pay"),
        ("/home/you/my shop", "my shop"),
        ("C:\\code\\shop\\.git", "shop"),
        ("/", "root"),
    ],
)
def test_a_project_is_named_after_its_repository(place, name):
    found, dash, digest = project_id(place).rpartition("-")
    assert (found, dash, len(digest)) == (name, "-", 6)


def test_two_places_of_one_name_are_two_projects():
    assert project_id("/a/shop/.git") != project_id("/b/shop/.git")


async def test_a_gone_folder_lies_in_the_repository_around_it():
    projects = ProjectService(Git(["/", "/c", "/c/shop"], ("/c/shop",)), MemoryImportLedger())
    assert await projects.project_of("/c/shop/old/part") == project_id("/c/shop/.git")


async def test_a_gone_folder_is_what_the_ledger_last_knew():
    ledger = MemoryImportLedger()
    await ledger.set_project("/w/fix", "shop-abc123")
    projects = ProjectService(Git(["/", "/w"]), ledger)
    assert await projects.project_of("/w/fix") == "shop-abc123"
    assert await projects.project_of("/w/fix/src") == "shop-abc123"


async def test_a_plain_folder_claims_nothing_that_is_gone_below_it():
    projects = ProjectService(Git(["/", "/home", "/home/you"]), MemoryImportLedger())
    home = await projects.project_of("/home/you")
    assert home == project_id("/home/you")
    assert await projects.project_of("/home/you/shop") == project_id("/home/you/shop")


@pytest.mark.parametrize("worktree", ["/c/shop/.claude/worktrees/fix", "/c/shop/.worktrees/2/src"])
async def test_a_gone_worktree_is_guessed_by_its_path(worktree):
    gone = ProjectService(Git(["/"]), MemoryImportLedger())
    assert await gone.project_of(worktree) == await gone.project_of("/c/shop") == project_id("/c/shop")
    here = ProjectService(Git(["/", "/c", "/c/shop"], ("/c/shop",)), MemoryImportLedger())
    assert await here.project_of(worktree) == project_id("/c/shop/.git")


async def test_where_nothing_is_known_the_conversation_stays_together():
    projects = ProjectService(Git(["/"]), MemoryImportLedger())
    assert await projects.project_of("/c/shop/cmd", home="/c/shop") == project_id("/c/shop")
    assert await projects.project_of("", home="/c/shop") == project_id("/c/shop")
    assert await projects.project_of("") == UNKNOWN


async def test_a_plain_sub_folder_belongs_to_where_the_conversation_began():
    projects = ProjectService(Git(["/", "/c", "/c/notes", "/c/notes/a"]), MemoryImportLedger())
    assert await projects.project_of("/c/notes/a", home="/c/notes") == project_id("/c/notes")
    assert await projects.project_of("/c/notes/a") == project_id("/c/notes/a")


async def test_a_folder_is_asked_about_once():
    git = Git(["/", "/c", "/c/shop"], ("/c/shop",))
    projects = ProjectService(git, MemoryImportLedger())
    assert {await projects.project_of("/c/shop") for _ in range(5)} == {project_id("/c/shop/.git")}
    assert git.asked == 1


async def test_a_path_of_another_system_is_never_looked_up_beside_this_process():
    git = Git(["/", ".", "shop"], (".", "shop"))
    projects = ProjectService(git, MemoryImportLedger())
    assert await projects.project_of("shop") == project_id("shop")
    assert (await projects.project_of("C:\\code\\shop\\.worktrees\\a")) == project_id("C:\\code\\shop")
    assert git.asked == 0


async def test_a_gone_folder_may_lie_however_deep():
    git = Git(["/", "/c", "/c/shop"], ("/c/shop",))
    projects = ProjectService(git, MemoryImportLedger())
    assert await projects.project_of("/c/shop" + "/gone" * 800) == project_id("/c/shop/.git")
    assert await projects.project_of("/c/shop" + "/gone" * 300 + "/other") == project_id("/c/shop/.git")
    assert git.asked == 1
