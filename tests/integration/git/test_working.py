"""What a worktree looks like, told by real git over real files."""

import os
import subprocess
import threading

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.ports.git_repository import MOST_CHANGED, Changed, Operation

ODD = ["größe.txt", "two words", 'quoted".py', "new\nline", "# branch.head evil", "? x", "-n", ":(top)", "日本"]


@pytest.fixture
def asks() -> SubprocessGitRepository:
    return SubprocessGitRepository()


async def test_a_clean_worktree_tells_its_branch_and_head(asks, shop, git):
    found = await asks.state(shop)
    assert (found.branch, found.head) == ("main", git(shop, "rev-parse", "HEAD"))
    assert (found.upstream, found.ahead, found.behind, found.operation) == (None, 0, 0, None)
    assert (found.changed, found.untracked) == ((), 0)


async def test_each_kind_of_change_is_told_untracked_files_last(asks, shop, git):
    for name in ("modified", "staged", "deleted", "gone", "before"):
        (shop / name).write_text(f"{name}\n" * 9)
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "more")
    (shop / "sub").mkdir()
    (shop / "modified").write_text("other")
    (shop / "staged").write_text("other")
    git(shop, "add", "staged")
    (shop / "deleted").unlink()
    git(shop, "rm", "-q", "gone")
    git(shop, "mv", "before", "sub/after")
    (shop / "added").write_text("new")
    git(shop, "add", "added")
    (shop / "sub" / "untracked").write_text("new")
    (shop / "a-first").write_text("new")
    found = await asks.state(shop / "sub")
    assert set(found.changed) == {
        Changed("added", "added", staged=True), Changed("deleted", "deleted"), Changed("gone", "deleted", staged=True),
        Changed("modified", "modified"), Changed("staged", "modified", staged=True),
        Changed("sub/after", "renamed", staged=True), Changed("sub/untracked", "untracked"),
        Changed("a-first", "untracked"),
    }  # fmt: skip
    assert [one.state for one in found.changed][-2:] == ["untracked"] * 2 and found.untracked == 2


async def test_odd_names_come_as_they_are(asks, shop, git):
    names = [*ODD, "na\ufffdve"]
    for name in names:
        (shop / name).write_text("a\nb\n")
    found = await asks.state(shop)
    assert {one.path for one in found.changed} == set(names) and found.untracked == len(names)
    git(shop, "--literal-pathspecs", "add", "--", *names)
    git(shop, "commit", "-qm", "odd")
    assert set(await asks.tracked(shop)) == {*names, "file"}
    for name in names:
        (shop / name).write_text("c\n")
    assert (await asks.diff_stat(shop)).files == dict.fromkeys(names, (1, 2))
    git(shop, "commit", "-qam", "more")
    [newest, *_] = await asks.log(shop)
    assert (set(newest.files), newest.insertions, newest.deletions) == (set(names), len(names), 2 * len(names))


async def test_names_that_are_no_text_can_be_shown_and_those_for_opening_files_opened(asks, shop, git):
    odd = os.fsdecode(b"caf\xe9.log")
    (shop / odd).write_text("a\n")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "odd")
    git(shop, "update-ref", os.fsdecode(b"refs/heads/\xe9"), "HEAD")
    git(shop, "update-ref", os.fsdecode(b"refs/tags/\xe9"), "HEAD")
    git(shop, "symbolic-ref", "HEAD", os.fsdecode(b"refs/heads/\xe9"))
    (shop / odd).write_text("b\n")
    (shop / ".gitignore").write_text("*.log\n")
    state = await asks.state(shop)
    shown = [
        state.branch, state.changed[0].path, *(await asks.diff_stat(shop)).files, (await asks.log(shop))[0].files[0],
        *(await asks.branches(shop)), (await asks.find(shop)).branch, (await asks.tags(shop))[0].name,
        await asks.diff(shop),
    ]  # fmt: skip
    assert all(isinstance(one, str) and one.encode() for one in shown) and shown[:3] == [
        "\ufffd",
        "caf\ufffd.log",
        "caf\ufffd.log",
    ]
    assert odd in await asks.tracked(shop)
    assert await asks.ignored(shop, [odd, f"new {odd}"]) == {f"new {odd}"}


async def test_a_file_that_was_named_like_a_header_changes_nothing_in_the_answer(asks, shop, git):
    for name in ("# branch.head evil", "? x"):
        (shop / name).write_text(f"{name}\n" * 9)
    git(shop, "add", "--", "# branch.head evil", "./? x")
    git(shop, "commit", "-qm", "odd")
    git(shop, "mv", "# branch.head evil", "plain")
    git(shop, "mv", "? x", "other")
    found = await asks.state(shop)
    assert (found.branch, found.untracked) == ("main", 0)
    assert {(one.path, one.state) for one in found.changed} == {("plain", "renamed"), ("other", "renamed")}


async def test_a_detached_head_has_no_branch_and_an_empty_repository_no_head(asks, shop, git, tmp_path, new_repository):
    git(shop, "checkout", "-q", "--detach")
    assert (await asks.state(shop)).branch is None
    empty = new_repository(tmp_path / "empty", commit=False)
    (empty / "new").write_text("x")
    found = await asks.state(empty)
    assert (found.branch, found.head, found.untracked) == ("main", None, 1)
    assert await asks.diff_stat(empty) is None
    assert (await asks.diff(empty), await asks.log(empty), await asks.tracked(empty)) == ("", [], [])


async def test_ahead_and_behind_are_counted_against_the_upstream(asks, shop, git, tmp_path):
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "-q", str(shop), str(copy))
    for n in range(2):
        git(shop, "commit", "-q", "--allow-empty", "-m", f"theirs {n}")
    for n in range(3):
        git(copy, "commit", "-q", "--allow-empty", "-m", f"mine {n}")
    git(copy, "fetch", "-q")
    found = await asks.state(copy)
    assert (found.upstream, found.ahead, found.behind) == ("origin/main", 3, 2)


@pytest.fixture
def torn(shop, git):
    """Branches main and side that change the same line."""
    git(shop, "checkout", "-qb", "side")
    (shop / "file").write_text("side\n")
    git(shop, "commit", "-qam", "side")
    git(shop, "checkout", "-q", "main")
    (shop / "file").write_text("main\n")
    git(shop, "commit", "-qam", "main")
    return shop


@pytest.mark.parametrize(
    ("command", "operation"),
    [
        (("merge", "side"), Operation.MERGE),
        (("rebase", "side"), Operation.REBASE),
        (("rebase", "--apply", "side"), Operation.REBASE),
        (("cherry-pick", "side"), Operation.CHERRY_PICK),
        (("revert", "HEAD~1"), Operation.REVERT),
    ],
)
async def test_what_somebody_is_in_the_middle_of_is_named_with_the_conflict(asks, torn, git, command, operation):
    with pytest.raises(AssertionError):
        git(torn, *command)
    found = await asks.state(torn)
    assert found.operation == operation
    assert [(one.path, one.state) for one in found.changed] == [("file", "conflicted")]


async def test_a_bisect_and_a_sequence_between_two_picks_are_seen(asks, torn, git):
    git(torn, "bisect", "start")
    assert (await asks.state(torn)).operation == Operation.BISECT
    git(torn, "bisect", "reset")
    git(torn, "commit", "-q", "--allow-empty", "-m", "empty")
    with pytest.raises(AssertionError):
        git(torn, "cherry-pick", "side", "main")
    git(torn, "checkout", "-q", "HEAD", "--", "file")
    git(torn, "commit", "-q", "--allow-empty", "-m", "resolved by hand")
    assert (await asks.state(torn)).operation == Operation.CHERRY_PICK


async def test_an_operation_belongs_to_its_own_worktree(asks, torn, git, tmp_path):
    other = tmp_path / "other"
    git(torn, "worktree", "add", "-q", "-b", "third", str(other))
    with pytest.raises(AssertionError):
        git(torn, "merge", "side")
    assert (await asks.state(other)).operation is None
    with pytest.raises(AssertionError):
        git(other, "merge", "side")
    assert (await asks.state(other)).operation == Operation.MERGE


async def test_a_moved_submodule_is_a_change_and_edits_within_it_are_not(asks, shop, git, tmp_path, new_repository):
    library = new_repository(tmp_path / "library")
    git(shop, "submodule", "add", "-q", str(library), "vendor")
    git(shop, "commit", "-qm", "submodule")
    (shop / "vendor" / "file").write_text("edited")
    assert (await asks.state(shop)).changed == ()
    git(shop / "vendor", "commit", "-qam", "edited")
    assert (await asks.state(shop)).changed == (Changed("vendor", "modified", submodule=True),)
    assert await asks.tracked(shop) == [".gitmodules", "file"]


async def test_a_diff_is_of_tracked_files_staged_or_not(asks, shop, git):
    (shop / "other").write_text("o\n")
    git(shop, "add", "other")
    (shop / "file").write_text("changed\n")
    (shop / "untracked").write_text("u\n")
    patch = await asks.diff(shop)
    assert "+changed" in patch and "+o" in patch and "untracked" not in patch
    assert (await asks.diff_stat(shop)).files == {"file": (1, 1), "other": (1, 0)}
    first = git(shop, "rev-parse", "HEAD")
    git(shop, "commit", "-qam", "second")
    stat = await asks.diff_stat(shop, first)
    assert (stat.files, stat.insertions, stat.deletions) == ({"file": (1, 1), "other": (1, 0)}, 2, 1)
    for base in ("0" * 40, "main", "--output=x", ""):
        assert await asks.diff_stat(shop, base) is None


async def test_a_diff_that_is_too_long_ends_with_a_whole_file(asks, shop, git):
    for name in ("a", "b", "c"):
        (shop / name).write_text(f"diff --git {name}\n" * 50)
    git(shop, "add", ".")
    whole = await asks.diff(shop)
    ends = [0, *(at for at in range(len(whole)) if whole.startswith("diff --git a/", at) and at), len(whole)]
    assert len(ends) == 4
    for most in (0, 1, ends[1], ends[1] + 1, ends[2] - 1, ends[2], ends[3] - 1, ends[3]):
        cut = await asks.diff(shop, most_bytes=most)
        assert len(cut) == max(end for end in ends if end <= most)


async def test_binary_files_count_no_lines_and_renames_are_one_file(asks, shop, git):
    (shop / "picture").write_bytes(b"\0\1\2")
    git(shop, "mv", "file", "renamed")
    git(shop, "add", ".")
    assert (await asks.diff_stat(shop)).files == {"picture": (0, 0), "renamed": (0, 0)}


async def test_tracked_files_are_told_from_the_folder_and_once_in_a_conflict(asks, torn, git):
    (torn / "src").mkdir()
    (torn / "src" / "a.py").write_text("a")
    git(torn, "add", ".")
    git(torn, "commit", "-qm", "src")
    assert await asks.tracked(torn / "src") == ["a.py"]
    with pytest.raises(AssertionError):
        git(torn, "merge", "side")
    assert await asks.tracked(torn) == ["file", "src/a.py"]


async def test_of_many_changes_the_first_are_listed_and_all_untracked_ones_counted(asks, shop):
    for n in range(MOST_CHANGED + 20):
        (shop / f"new-{n:04}").touch()
    (shop / "file").write_text("changed")
    found = await asks.state(shop)
    assert len(found.changed) == MOST_CHANGED and found.untracked == MOST_CHANGED + 20
    assert found.changed[0] == Changed("file", "modified")


@pytest.mark.parametrize("damaged", ["index", "HEAD", "config"])
async def test_a_damaged_repository_is_told_of_as_far_as_git_can(asks, shop, damaged):
    (shop / ".git" / damaged).write_bytes(b"\0damaged\n")
    (shop / "file").write_text("changed\n")
    assert await asks.state(shop) is None and await asks.diff_stat(shop) is None and await asks.diff(shop) == ""


async def test_what_cannot_be_read_does_not_cost_the_answer(asks, shop):
    (shop / "closed").mkdir()
    (shop / "closed" / "new").touch()
    for path in (shop / "file", shop / "closed"):
        path.chmod(0)
    found = await asks.state(shop)
    (shop / "closed").chmod(0o700)
    assert found.branch == "main" and {one.state for one in found.changed} <= {"modified", "untracked"}


async def test_where_there_is_no_worktree_nothing_is_told(asks, nowhere):
    for what, folder in nowhere.items():
        assert await asks.state(folder) is None, what
        assert await asks.diff_stat(folder) is None, what
        assert await asks.diff(folder) == "", what
        assert await asks.tracked(folder) is None, what
        assert await asks.ignored(folder, ["a"]) == frozenset(), what
    for what in {*nowhere} - {"bare", "inside .git"}:
        assert (await asks.log(nowhere[what]), await asks.branches(nowhere[what])) == ([], []), what


async def test_without_git_nothing_is_told(asks, shop, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (await asks.state(shop), await asks.diff_stat(shop), await asks.diff(shop)) == (None, None, "")
    assert (await asks.log(shop), await asks.branches(shop), await asks.tracked(shop)) == ([], [], None)
    assert await asks.ignored(shop, ["file"]) == frozenset()


async def test_a_git_that_hangs_is_ended_with_all_it_started(shop, tmp_path, monkeypatch):
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\necho x; sleep 61 & echo $! >> '{tmp_path}/pids'; wait\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    asks = SubprocessGitRepository(timeout=0.2, patience=0.2)
    assert (await asks.state(shop), await asks.log(shop), await asks.tracked(shop)) == (None, [], None)
    threads = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for thread in threads:
        thread.join(5)
    for pid in (tmp_path / "pids").read_text().split():
        state = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False).stdout
        assert not state.strip() or state.startswith("Z"), "a child is still running"
