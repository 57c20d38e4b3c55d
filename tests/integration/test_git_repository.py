"""Real git: what is one project, and what is another."""

import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git import renames
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger
from session_mgmt_mcp.domain.projects import ProjectService

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *args: str) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)


def new_repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "file").write_text("x")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "my code" / "shop")


@pytest.fixture
def projects() -> ProjectService:
    return ProjectService(SubprocessGitRepository(), MemoryImportLedger())


async def test_worktrees_sub_folders_and_links_of_a_repository_are_one_project_and_submodules_their_own(
    shop: Path, tmp_path: Path, projects: ProjectService
):
    library = new_repository(tmp_path / "library")
    git(shop, "submodule", "add", "-q", str(library), "vendor/library")
    git(shop, "commit", "-q", "-m", "submodule")
    (shop / "src" / "deep").mkdir(parents=True)
    git(shop, "worktree", "add", "-q", str(tmp_path / "shop-fix"), "-b", "fix")
    git(shop, "worktree", "add", "-q", str(shop / ".claude" / "worktrees" / "a"), "-b", "a")
    git(shop, "worktree", "add", "-q", "--detach", str(shop / ".worktrees" / "2"))
    (tmp_path / "link").symlink_to(shop / "src")
    places = {
        "top": shop,
        "sub-folder": shop / "src" / "deep",
        "worktree beside": tmp_path / "shop-fix",
        "worktree of Claude Code": shop / ".claude" / "worktrees" / "a",
        "worktree inside": shop / ".worktrees" / "2",
        "link": tmp_path / "link",
        "submodule": shop / "vendor" / "library",
        "the submodule's origin": library,
        "outside": tmp_path,
    }
    named = {place: (await projects.project_of(str(folder))).rpartition("-") for place, folder in places.items()}
    shops = {place for place, name in named.items() if name == named["top"]}
    assert shops == {
        "top", "sub-folder", "worktree beside", "worktree of Claude Code", "worktree inside", "link",
    }  # fmt: skip
    assert len(set(named.values())) == 4
    assert [named[p][0] for p in ("top", "submodule", "the submodule's origin")] == ["shop", "library", "library"]


async def test_git_says_root_and_branch(shop: Path, tmp_path: Path):
    ask = SubprocessGitRepository().find
    (shop / "src").mkdir()
    git(shop, "worktree", "add", "-q", "--detach", str(tmp_path / "detached"))
    found = await ask(shop / "src")
    assert (found.root, found.common_dir, found.branch) == (shop, shop / ".git", "main")
    detached = await ask(tmp_path / "detached")
    assert (detached.root, detached.common_dir, detached.branch) == (tmp_path / "detached", shop / ".git", None)
    git(tmp_path, "init", "-q", "empty")
    assert (await ask(tmp_path / "empty")).branch is None
    git(tmp_path, "clone", "-q", "--bare", str(shop), "bare.git")
    assert (await ask(tmp_path / "bare.git")).common_dir == tmp_path / "bare.git"


async def test_where_git_has_no_answer_there_is_no_repository(shop: Path, tmp_path: Path, monkeypatch):
    ask = SubprocessGitRepository().find
    for folder in (tmp_path, tmp_path / "gone", shop / "file", Path("a\0b")):
        assert await ask(folder) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await ask(shop) is None


async def test_a_git_that_hangs_is_left_alone(shop: Path, tmp_path: Path, monkeypatch):
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    assert await SubprocessGitRepository(timeout=0.2).find(shop) is None


async def test_a_worktree_that_was_removed_stays_with_its_project(shop: Path, tmp_path: Path, projects: ProjectService):
    worktree = tmp_path / "shop-fix"
    git(shop, "worktree", "add", "-q", str(worktree), "-b", "fix")
    project = await projects.learn(str(worktree))
    git(shop, "worktree", "remove", str(worktree))
    assert await projects.learn(str(worktree)) == project
    assert await projects.learn(str(worktree / "src")) == project


async def test_a_folder_that_became_a_repository_is_seen_when_a_session_starts(tmp_path, projects: ProjectService):
    folder = tmp_path / "plain"
    folder.mkdir()
    before = await projects.project_of(str(folder))
    git(folder, "init", "-q")
    assert await projects.project_of(str(folder)) == before
    after = await projects.learn(str(folder))
    assert after != before
    assert await projects.project_of(str(folder)) == after
    assert before.startswith("plain-")
    assert after.startswith("plain-")


async def test_tags_come_newest_first_with_their_times(shop):
    git(shop, "tag", "v1.0")
    git(shop, "-c", "user.name=n", "tag", "-a", "-m", "x", "release/ä 2".replace(" ", "-"))
    found = await SubprocessGitRepository().tags(shop / "missing" / "..")
    assert list(found) == []
    found = await SubprocessGitRepository().tags(shop)
    assert {tag.name for tag in found} == {"v1.0", "release/ä-2"}
    assert all(tag.time.tzinfo and tag.time.year >= 2024 for tag in found)
    assert [tag.time for tag in found] == sorted((tag.time for tag in found), reverse=True)


async def test_outside_of_a_repository_there_are_no_tags(tmp_path):
    assert await SubprocessGitRepository().tags(tmp_path) == []


async def test_renames_are_told_newest_first_and_whatever_the_name(tmp_path):
    shop = new_repository(tmp_path / "shop")
    names = ["file", "two words", 'größe\n\t"quoted".py', "R100", "deep/er/x"]
    (shop / "deep" / "er").mkdir(parents=True)
    for before, after in pairwise(names):
        git(shop, "mv", before, after)
        git(shop, "commit", "-qm", "moved")
    asks = SubprocessGitRepository()
    found = await asks.renames(shop / "deep")
    assert [(one.before, one.after) for one in found] == list(pairwise(names))[::-1]
    git(shop, "mv", "deep/er/x", "y")
    git(shop, "commit", "-qm", "moved again")
    assert (await asks.renames(shop))[0].after == "y"
    assert await asks.renames(tmp_path) == [] and await asks.renames(tmp_path / "gone") == []


async def test_a_history_that_is_read_once_is_not_read_again(tmp_path, monkeypatch):
    shop = new_repository(tmp_path / "shop")
    git(shop, "mv", "file", "moved")
    git(shop, "commit", "-qm", "moved")
    asks = SubprocessGitRepository()
    first = await asks.renames(shop)
    monkeypatch.setattr(renames, "read", lambda *_: pytest.fail("read again"))
    assert await asks.renames(shop) == first != []


def test_an_answer_that_was_cut_off_loses_only_its_last_record():
    whole = b"R100\0a\0b\0R090\0c d\0e\0"
    for end in range(len(whole) + 1):
        found = [(one.before, one.after) for one in renames.parsed(whole[:end])]
        assert found == [("a", "b"), ("c d", "e")][: len(found)] and (len(found) == 2) is (end == len(whole))


async def test_all_worktrees_of_a_repository_are_named(tmp_path):
    shop = new_repository(tmp_path / "shop")
    git(shop, "worktree", "add", "-q", str(tmp_path / "two words"), "-b", "side")
    tops = await SubprocessGitRepository().worktrees(tmp_path / "two words")
    assert {top.name for top in tops} == {"shop", "two words"}
    assert await SubprocessGitRepository().worktrees(tmp_path) == []
