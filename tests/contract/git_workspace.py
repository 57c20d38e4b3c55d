"""What every GitWorkspace does."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from session_mgmt_mcp.contracts.git_samples import run_git
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.git_workspace import GitWorkspace, Worktree


def nothing_against_it(added: Mapping[str, str]) -> str:
    return ""


def look(worktree: Path) -> tuple[str, ...]:
    """What a call that fails leaves as it was."""
    asked = (("for-each-ref",), ("ls-files", "--stage"), ("status", "--porcelain"), ("worktree", "list", "--porcelain"))
    return tuple(run_git(worktree, *question) for question in asked)


class GitWorkspaceContract:
    """Subclass it and give a `workspace` fixture: an adapter; and `worktree`: a folder as `new_repository` makes it.

    The user that the adapter runs for has a name and an address.
    """

    async def test_only_the_given_files_are_committed(self, workspace: GitWorkspace, worktree: Path) -> None:
        (worktree / "file").write_text("y\n")
        (worktree / "new").write_text("staged\n")
        run_git(worktree, "add", "new")
        sha = await workspace.commit(worktree, ["file"], "checkpoint: noon", nothing_against_it)
        assert run_git(worktree, "log", "-1", "--format=%H %s") == f"{sha} checkpoint: noon"
        assert run_git(worktree, "diff-tree", "-r", "--name-only", "--no-commit-id", sha) == "file"
        assert run_git(worktree, "status", "--porcelain") == "A  new"

    async def test_the_judge_sees_what_is_added_and_its_word_holds(
        self, workspace: GitWorkspace, worktree: Path
    ) -> None:
        (worktree / "file").write_text("x\ny\n")
        before, seen = look(worktree), []

        def against(added: Mapping[str, str]) -> str:
            seen.append(dict(added))
            return "not now"

        with pytest.raises(Invalid, match="not now"):
            await workspace.commit(worktree, ["file"], "x", against)
        assert seen == [{"file": "y"}] and look(worktree) == before

    async def test_a_judge_that_objects_to_the_commit_itself_has_it_taken_back(
        self, workspace: GitWorkspace, worktree: Path
    ) -> None:
        (worktree / "file").write_text("y\n")
        before, answers = look(worktree), iter(["", "no"])
        with pytest.raises(Invalid, match="no"):
            await workspace.commit(worktree, ["file"], "x", lambda _: next(answers))
        assert look(worktree) == before

    async def test_nothing_to_commit_is_an_error(self, workspace: GitWorkspace, worktree: Path) -> None:
        before = look(worktree)
        with pytest.raises(Invalid):
            await workspace.commit(worktree, ["file"], "x", nothing_against_it)
        assert look(worktree) == before

    async def test_a_worktree_is_added_listed_and_removed(
        self, workspace: GitWorkspace, worktree: Path, tmp_path: Path
    ) -> None:
        head, path = run_git(worktree, "rev-parse", "HEAD"), tmp_path / "fix it"
        await workspace.add_worktree(worktree, path, "fix", create=True)
        listed = [Worktree(worktree, "main", head, main=True), Worktree(path, "fix", head)]
        assert list(await workspace.worktrees(path)) == listed and (path / "file").read_text() == "x\n"
        await workspace.remove_worktree(worktree, path, force=False)
        assert list(await workspace.worktrees(worktree)) == listed[:1] and not path.exists()
        assert await workspace.find_branch(worktree, "fix") == "local"
        await workspace.add_worktree(worktree, path, "fix", create=False)

    async def test_what_is_there_is_never_written_over(
        self, workspace: GitWorkspace, worktree: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "there").mkdir()
        run_git(worktree, "branch", "fix")
        before = look(worktree)
        for path, branch, create in (("there", "fix", False), ("new", "fix", True), ("new", "main", False)):
            with pytest.raises(Invalid):
                await workspace.add_worktree(worktree, tmp_path / path, branch, create)
        assert look(worktree) == before and list((tmp_path / "there").iterdir()) == []

    async def test_uncommitted_work_is_removed_by_force_alone(
        self, workspace: GitWorkspace, worktree: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "fix"
        await workspace.add_worktree(worktree, path, "fix", create=True)
        (path / "new").touch()
        with pytest.raises(Invalid):
            await workspace.remove_worktree(worktree, path, force=False)
        assert (path / "new").exists()
        await workspace.remove_worktree(worktree, path, force=True)
        assert not path.exists()

    async def test_commits_that_no_name_leads_to_are_told(self, workspace: GitWorkspace, worktree: Path) -> None:
        run_git(worktree, "checkout", "-q", "--detach")
        assert not await workspace.unreachable(worktree)
        run_git(worktree, "commit", "-q", "--allow-empty", "-m", "adrift")
        assert await workspace.unreachable(worktree)

    async def test_outside_of_a_repository_there_is_nothing_to_do(
        self, workspace: GitWorkspace, tmp_path: Path
    ) -> None:
        assert list(await workspace.worktrees(tmp_path)) == [] and await workspace.find_branch(tmp_path, "main") is None
        with pytest.raises(Invalid):
            await workspace.commit(tmp_path, ["file"], "x", nothing_against_it)
        with pytest.raises(Invalid):
            await workspace.add_worktree(tmp_path, tmp_path / "new", "main", create=False)
