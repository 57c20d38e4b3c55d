"""What every GitRepository does."""

from datetime import UTC, datetime
from pathlib import Path

from session_mgmt_mcp.contracts.git_samples import new_repository, run_git
from session_mgmt_mcp.ports.git_repository import Changed, GitRepository, Operation


class GitRepositoryContract:
    """Subclass it and give a `git` fixture: an adapter; and `worktree`: a folder as `new_repository` makes it."""

    async def test_a_folder_is_found_in_its_repository(self, git: GitRepository, worktree: Path) -> None:
        (worktree / "sub").mkdir()
        found = await git.find(worktree / "sub")
        assert found and (found.root, found.common_dir, found.branch) == (worktree, worktree / ".git", "main")
        assert await git.resolve(worktree / "sub" / "..") == worktree
        assert [top.name for top in await git.worktrees(worktree)] == [worktree.name]

    async def test_changes_are_told_untracked_ones_last(self, git: GitRepository, worktree: Path) -> None:
        (worktree / "a").write_text("new\n")
        (worktree / "file").write_text("changed\n")
        state = await git.state(worktree)
        assert state and (state.branch, state.head) == ("main", run_git(worktree, "rev-parse", "HEAD"))
        assert list(state.changed) == [Changed("file", "modified"), Changed("a", "untracked")] and state.untracked == 1
        assert (state.upstream, state.ahead, state.behind, state.operation) == (None, 0, 0, None)

    async def test_an_unfinished_operation_and_a_detached_head_are_told(
        self, git: GitRepository, worktree: Path
    ) -> None:
        run_git(worktree, "bisect", "start")
        run_git(worktree, "checkout", "-q", "--detach")
        state = await git.state(worktree)
        assert state and state.operation is Operation.BISECT and state.branch is None and state.head

    async def test_the_difference_is_that_of_tracked_files(self, git: GitRepository, worktree: Path) -> None:
        (worktree / "a").write_text("new\n")
        (worktree / "file").write_text("y\nz\n")
        stat = await git.diff_stat(worktree)
        assert stat and dict(stat.files) == {"file": (2, 1)} and (stat.insertions, stat.deletions) == (2, 1)
        patch = await git.diff(worktree)
        assert "+z" in patch and "new" not in patch and await git.diff(worktree, most_bytes=10) == ""

    async def test_history_is_told_newest_first(self, git: GitRepository, worktree: Path) -> None:
        base = run_git(worktree, "rev-parse", "HEAD")
        when = datetime(2026, 3, 1, 12, tzinfo=UTC)
        run_git(worktree, "mv", "file", "größe")
        run_git(worktree, "commit", "-qm", "moved\n\nwhy", GIT_AUTHOR_DATE=when.isoformat())
        [newest, first] = await git.log(worktree)
        assert (newest.time, newest.author, newest.subject, newest.body) == (when, "Ada", "moved", "why")
        assert tuple(newest.files) == ("größe",) and first.sha == base and first.insertions == 1
        assert [one.sha for one in await git.commits_between(worktree, base)] == [newest.sha]
        assert await git.commits_between(worktree, "0" * 40) == [] and len(await git.log(worktree, limit=1)) == 1
        assert [(one.before, one.after) for one in await git.renames(worktree)] == [("file", "größe")]

    async def test_branches_and_tags_are_told(self, git: GitRepository, worktree: Path) -> None:
        run_git(worktree, "branch", "fix")
        run_git(worktree, "tag", "v1")
        assert set(await git.branches(worktree)) == {"main", "fix"}
        assert [tag.name for tag in await git.tags(worktree)] == ["v1"]

    async def test_tracked_and_ignored_files_are_told_apart(self, git: GitRepository, worktree: Path) -> None:
        (worktree / ".gitignore").write_text("*.log\nfile\n")
        (worktree / "new").touch()
        assert await git.tracked(worktree) == ["file"]
        assert await git.ignored(worktree, ["a.log", "file", "new", "gone/b.log"]) == {"a.log", "gone/b.log"}

    async def test_outside_of_a_repository_nothing_is_told(self, git: GitRepository, tmp_path: Path) -> None:
        for folder in (tmp_path, tmp_path / "gone"):
            assert await git.find(folder) is None and await git.state(folder) is None
            assert await git.tracked(folder) is None and await git.diff_stat(folder) is None
            assert await git.diff(folder) == "" and await git.ignored(folder, ["a"]) == frozenset()
            for none in (git.log(folder), git.branches(folder), git.tags(folder), git.renames(folder)):
                assert list(await none) == []
            assert list(await git.worktrees(folder)) == []

    async def test_before_the_first_commit_there_is_no_head(self, git: GitRepository, tmp_path: Path) -> None:
        empty = new_repository(tmp_path / "empty", commit=False)
        state = await git.state(empty)
        assert state and state.head is None and list(await git.log(empty)) == [] == await git.tracked(empty)
