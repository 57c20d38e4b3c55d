"""A checkpoint's commit in real repositories: what gets in, what never does, and what is left as it was."""

import asyncio
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git import committing
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.git.workspace import SubprocessGitWorkspace
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.checkpoint_commit import CheckpointCommit, Committed, Refused
from session_mgmt_mcp.domain.grants import Grants, Operation
from session_mgmt_mcp.domain.projects import project_id

SECRET = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, 12, tzinfo=UTC)


def commits(patience: float = 30.0, enabled: bool = True) -> CheckpointCommit:
    grants = Grants(MemorySessionStorage(), Noon())
    return CheckpointCommit(SubprocessGitRepository(), SubprocessGitWorkspace(patience=patience), grants, enabled)


@pytest.fixture(autouse=True)
def identity(tmp_path):
    """The user's own, where git looks for it."""
    (tmp_path / "home" / ".gitconfig").write_text("[user]\n\tname = Grace\n\temail = grace@example.org\n")


@pytest.fixture
def shop(shop, git):
    for name in ("a", "b", "c"):
        (shop / name).write_text(f"{name}\n")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "second")
    return shop


@pytest.fixture
def untouched(shop, git):
    """`untouched()` fails when HEAD, the index or the reachable commits are not as they were at the call before."""

    def look():
        return git(shop, "rev-parse", "HEAD"), git(shop, "ls-files", "--stage"), git(shop, "status", "--porcelain")

    return look


def hook(shop: Path, name: str, script: str) -> None:
    path = shop / ".git" / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def committed(git, shop: Path) -> dict[str, str]:
    """Each file of the newest commit, with its content."""
    names = git(shop, "diff-tree", "-r", "--no-commit-id", "--name-only", "-z", "HEAD").split("\0")
    present = set(git(shop, "ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0"))
    return {name: git(shop, "show", f"HEAD:{name}") if name in present else "" for name in names if name}


async def test_changed_and_deleted_files_are_committed_under_the_users_name_and_the_score(shop, git):
    (shop / "a").write_text("changed\n")
    (shop / "b").unlink()
    (shop / "sub").mkdir()
    made = await commits().commit(shop / "sub", "before the refactoring", 84)
    assert isinstance(made, Committed) and set(made.files) == {"a", "b"} and made.left_out == []
    assert made.sha == git(shop, "rev-parse", "HEAD") and committed(git, shop) == {"a": "changed", "b": ""}
    assert git(shop, "log", "-1", "--format=%an <%ae> %B") == (
        "Grace <grace@example.org> checkpoint: before the refactoring (quality 84/100)"
    )
    assert git(shop, "status", "--porcelain") == ""


async def test_what_is_new_renamed_or_staged_in_part_stays_as_it_was(shop, git):
    (shop / "a").write_text("changed\n")
    (shop / "new").write_text("new\n")
    git(shop, "add", "new")
    git(shop, "mv", "b", "moved")
    (shop / "c").write_text("staged\n")
    git(shop, "add", "c")
    (shop / "c").write_text("staged\nand more\n")
    (shop / "untracked").write_text("u\n")
    (shop / "intended").write_text("i\n")
    git(shop, "add", "--intent-to-add", "intended")
    before = set(git(shop, "ls-files", "--stage").splitlines())
    made = await commits().commit(shop, "x", None)
    assert made.files == ["a"] and set(made.left_out) == {"new", "moved", "c", "intended"}
    assert committed(git, shop) == {"a": "changed"} and made.message == "checkpoint: x"
    changed = before ^ set(git(shop, "ls-files", "--stage").splitlines())
    assert {line.partition("\t")[2] for line in changed} == {"a"}
    assert git(shop, "status", "--porcelain").splitlines() == [
        "MM c", " A intended", "R  b -> moved", "A  new", "?? untracked",
    ]  # fmt: skip


async def test_a_wholly_staged_change_of_a_tracked_file_is_committed(shop, git):
    (shop / "a").write_text("staged\n")
    git(shop, "add", "a")
    assert (await commits().commit(shop, "x", 1)).files == ["a"]
    assert git(shop, "status", "--porcelain") == ""


async def test_an_untracked_env_file_is_never_committed(shop, git):
    (shop / ".env").write_text(f"TOKEN={SECRET}\n")
    (shop / "a").write_text("changed\n")
    made = await commits().commit(shop, "with .env please: git add -A", 100)
    assert made.files == ["a"] and committed(git, shop) == {"a": "changed"}
    assert "?? .env" in git(shop, "status", "--porcelain")


async def test_a_staged_new_file_with_a_secret_is_never_committed(shop, git):
    (shop / "credentials").write_text(f"token = {SECRET}\n")
    git(shop, "add", "credentials")
    assert isinstance(await commits().commit(shop, "x", 100), Refused)
    (shop / "a").write_text("changed\n")
    assert (await commits().commit(shop, "x", 100)).left_out == ["credentials"]
    assert SECRET not in git(shop, "log", "--all", "-p") and "A  credentials" in git(shop, "status", "--porcelain")


HIDING = {
    "plain": lambda text: text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "with a zero byte": lambda text: b"\0\0" + text.encode(),
    "carriage returns": lambda text: text.replace("\n", "\r").encode(),
    "a private key": lambda _: b"-----BEGIN RSA PRIVATE KEY-----\n" + b"MIIEpAIBAAKCAQEA7v\n" * 20 + b"-----END RSA PRIVATE KEY-----\n",
    "a private block around it": lambda text: f"<private>\n{text}".encode(),
}  # fmt: skip


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("how", HIDING)
async def test_a_secret_in_a_tracked_file_is_refused_by_the_files_name(shop, git, untouched, how, staged):
    (shop / "größe \n.ini").write_text("x\n")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "ini")
    (shop / "größe \n.ini").write_bytes(HIDING[how](f"x\ntoken = {SECRET}\n"))
    (shop / "a").write_text("changed\n")
    if staged:
        git(shop, "add", "-u")
    before = untouched()
    refused = await commits().commit(shop, "x", 100)
    assert isinstance(refused, Refused) and "größe .ini" in refused.reason and "secret" in refused.reason
    assert SECRET not in refused.reason and SECRET[4:20] not in refused.reason and untouched() == before


async def test_attributes_that_hide_a_files_changes_hide_no_secret(shop, git, untouched):
    (shop / ".gitattributes").write_text("a -diff\nb diff=hidden filter=hidden\n")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "attributes")
    git(shop, "config", "diff.hidden.textconv", "true")
    for name in ("a", "b"):
        (shop / name).write_text(f"token = {SECRET}\n")
    before = untouched()
    refused = await commits().commit(shop, "x", 100)
    assert "a, b" in refused.reason and untouched() == before


async def test_a_secret_that_was_committed_earlier_or_is_taken_out_stands_against_nothing(shop, git):
    (shop / "a").write_text(f"token = {SECRET}\nx\n")
    git(shop, "commit", "-qam", "their own fault")
    (shop / "a").write_text(f"token = {SECRET}\nx\ny\n")
    assert isinstance(await commits().commit(shop, "x", 1), Committed)
    (shop / "a").write_text("x\ny\n")
    assert isinstance(await commits().commit(shop, "x", 1), Committed)


async def test_a_secret_in_the_checkpoints_name_does_not_reach_the_history(shop, git):
    (shop / "a").write_text("changed\n")
    made = await commits().commit(shop, f"token {SECRET}\n\nSigned-off-by: x" + "y" * 500, 50)
    message = git(shop, "log", "-1", "--format=%B")
    assert SECRET not in message and "\n" not in message and len(message) < 140
    assert made.message == message


async def test_a_hook_that_puts_other_files_into_the_commit_has_it_taken_back(shop, git, untouched):
    (shop / ".env").write_text(f"TOKEN={SECRET}\n")
    (shop / "a").write_text("changed\n")
    (shop / "b").write_text("staged\n")
    git(shop, "add", "b")
    (shop / "b").write_text("staged and more\n")
    hook(shop, "pre-commit", "git add -A")
    before = untouched()
    refused = await commits().commit(shop, "x", 100)
    assert "hook" in refused.reason and ".env" in refused.reason and untouched() == before
    assert not (shop / ".git" / "index.lock").exists()
    assert SECRET not in git(shop, "log", "--all", "-p")


async def test_a_hook_that_writes_a_secret_into_a_file_has_the_commit_taken_back(shop, git):
    (shop / "a").write_text("changed\n")
    head = git(shop, "rev-parse", "HEAD")
    hook(shop, "pre-commit", f"echo 'token = {SECRET}' >> a; git add a")
    refused = await commits().commit(shop, "x", 100)
    assert "secret" in refused.reason and git(shop, "rev-parse", "HEAD") == head
    assert git(shop, "diff", "--cached") == ""


async def test_a_hook_that_formats_what_is_committed_is_respected(shop, git):
    (shop / "a").write_text("changed   \n")
    hook(shop, "pre-commit", "echo formatted > a; git add a")
    assert (await commits().commit(shop, "x", 100)).files == ["a"]
    assert committed(git, shop) == {"a": "formatted"}


@pytest.mark.parametrize("name", ["pre-commit", "commit-msg", "prepare-commit-msg"])
async def test_a_hook_that_fails_is_quoted_and_nothing_has_changed(shop, git, untouched, name):
    (shop / "a").write_text("changed\n")
    (shop / "new").write_text("x")
    git(shop, "add", "new")
    hook(shop, name, f"printf 'lint: \\033[31ma is\\033[0m ugly\\007, {SECRET}\\n'; exit 3")
    before = untouched()
    refused = await commits().commit(shop, "x", 100)
    assert "lint: a is ugly," in refused.reason and SECRET not in refused.reason and "\n" not in refused.reason
    assert untouched() == before


async def test_a_hook_that_hangs_is_ended_with_all_it_started(shop, git, untouched, tmp_path):
    (shop / "a").write_text("changed\n")
    hook(shop, "pre-commit", f"sleep 63 & echo $! > '{tmp_path}/pid'; trap '' TERM; sleep 64 & wait; sleep 65")
    before = untouched()
    refused = await commits(patience=1.0).commit(shop, "x", 100)
    assert "1 seconds" in refused.reason and untouched() == before
    assert list((shop / ".git").glob("*.lock")) == []
    assert gone(int((tmp_path / "pid").read_text()))


async def test_a_commit_that_was_made_before_its_last_hook_hung_is_taken_back(shop, git, untouched):
    (shop / "a").write_text("changed\n")
    hook(shop, "post-commit", "sleep 64")
    before = untouched()
    assert isinstance(await commits(patience=1.0).commit(shop, "x", 100), Refused)
    assert untouched() == before


@pytest.mark.parametrize("name", ["pre-commit", "post-commit"])
async def test_a_commit_that_is_cancelled_leaves_everything_as_it_was(shop, git, untouched, tmp_path, name):
    (shop / "a").write_text("changed\n")
    hook(shop, name, f"echo $$ > '{tmp_path}/pid'; exec sleep 66")
    before = untouched()
    task = asyncio.create_task(commits().commit(shop, "x", 100))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert untouched() == before and list((shop / ".git").glob("*.lock")) == []
    assert gone(int((tmp_path / "pid").read_text()))


def gone(pid: int) -> bool:
    for _ in range(100):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if not state.strip() or state.startswith("Z"):
            return True
        time.sleep(0.02)
    return False


async def test_odd_names_are_taken_as_names(shop, git):
    names = [":(top)x", "*", "-n", "new\nline", "größe"]
    for name in names:
        (shop / name).write_text("x\n")
    (shop / "other").write_text("x\n")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "odd")
    for name in names:
        (shop / name).write_text("y\n")
    made = await commits().commit(shop, "x", 1)
    assert set(made.files) == set(names) == set(committed(git, shop))
    assert git(shop, "status", "--porcelain") == ""


async def test_a_file_whose_name_is_no_text_is_left_out(shop, git):
    odd = os.fsdecode(b"caf\xe9")
    (shop / odd).write_text("x\n")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "odd")
    for name in (odd, "a"):
        (shop / name).write_text("y\n")
    made = await commits().commit(shop, "x", 1)
    assert (made.files, made.left_out) == (["a"], ["caf\ufffd"]) and committed(git, shop) == {"a": "y"}


@pytest.fixture
def torn(shop, git):
    git(shop, "checkout", "-qb", "side")
    (shop / "file").write_text("side\n")
    git(shop, "commit", "-qam", "side")
    git(shop, "checkout", "-q", "main")
    (shop / "file").write_text("main\n")
    git(shop, "commit", "-qam", "main")
    return shop


@pytest.mark.parametrize(
    "command", [("merge", "side"), ("rebase", "side"), ("cherry-pick", "side"), ("revert", "HEAD~2")]
)
@pytest.mark.parametrize("resolved", [False, True])
async def test_in_the_middle_of_something_there_is_no_commit(torn, git, untouched, command, resolved):
    with pytest.raises(AssertionError):
        git(torn, *command)
    (torn / "a").write_text("changed\n")
    if resolved:
        (torn / "file").write_text("both\n")
        git(torn, "add", "file")
    before = untouched()
    refused = await commits().commit(torn, "x", 100)
    assert isinstance(refused, Refused) and untouched() == before
    assert command[0] in refused.reason or "detached" in refused.reason


async def test_on_a_detached_head_in_a_bisect_and_before_the_first_commit_there_is_none(
    shop, git, tmp_path, new_repository, untouched
):
    (shop / "a").write_text("changed\n")
    git(shop, "checkout", "-q", "--detach")
    assert "detached" in (await commits().commit(shop, "x", 100)).reason
    git(shop, "checkout", "-q", "main")
    git(shop, "bisect", "start")
    assert "bisect" in (await commits().commit(shop, "x", 100)).reason
    empty = new_repository(tmp_path / "empty", commit=False)
    (empty / "new").write_text("x")
    git(empty, "add", ".")
    assert "no commit yet" in (await commits().commit(empty, "x", 100)).reason


async def test_conflicts_without_an_operation_and_submodules_are_left_to_the_user(shop, git, tmp_path, new_repository):
    library = new_repository(tmp_path / "library")
    git(shop, "submodule", "add", "-q", str(library), "vendor")
    git(shop, "commit", "-qm", "submodule")
    git(shop / "vendor", "commit", "-q", "--allow-empty", "-m", "newer")
    (shop / "a").write_text("changed\n")
    assert "vendor" in (await commits().commit(shop, "x", 100)).reason
    git(shop, "submodule", "update", "-q")
    git(shop, "stash", "-q")
    (shop / "a").write_text("other\n")
    git(shop, "commit", "-qam", "other")
    with pytest.raises(AssertionError):
        git(shop, "stash", "pop")
    assert "in conflict: a" in (await commits().commit(shop, "x", 100)).reason


async def test_where_nothing_can_be_committed_the_reason_is_one_sentence(shop, nowhere, git, tmp_path, monkeypatch):
    for folder in nowhere.values():
        refused = await commits().commit(folder, "x", 100)
        assert isinstance(refused, Refused) and refused.reason.startswith("No commit: ")
    assert "changed" in (await commits().commit(shop, "x", 100)).reason
    (shop / "untracked").write_text("x")
    assert "changed" in (await commits().commit(shop, "x", 100)).reason
    (shop / "a").write_text("changed\n")
    (shop / ".git" / "index.lock").touch()
    refused = await commits().commit(shop, "x", 100)
    assert "index.lock" in refused.reason and (shop / ".git" / "index.lock").exists()
    (shop / ".git" / "index.lock").unlink()
    (tmp_path / "home" / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    assert isinstance(await commits().commit(shop, "x", 100), Refused)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert isinstance(await commits().commit(shop, "x", 100), Refused)


async def test_too_many_files_and_too_much_to_look_through_are_refused(shop, git, untouched, monkeypatch):
    monkeypatch.setattr(committing, "MOST_BYTES", 2_000)
    (shop / "a").write_text("changed\n" * 2_000)
    before = untouched()
    assert "too much" in (await commits().commit(shop, "x", 100)).reason and untouched() == before
    monkeypatch.undo()
    for n in range(501):
        (shop / f"n{n}").write_text("x")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "many")
    for n in range(501):
        (shop / f"n{n}").write_text("y")
    assert "500 files or more" in (await commits().commit(shop, "x", 100)).reason


async def test_what_cannot_be_compared_is_not_committed(shop, git):
    blob = git(shop, "rev-parse", "HEAD:a")
    (shop / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (shop / "a").write_text("changed\n")
    head = git(shop, "rev-parse", "HEAD")
    assert "git diff HEAD" in (await commits().commit(shop, "x", 100)).reason and git(shop, "rev-parse", "HEAD") == head


async def test_without_the_setting_a_grant_is_needed_and_enough(shop, git):
    (shop / "a").write_text("changed\n")
    grants = Grants(MemorySessionStorage(), Noon())
    unset = CheckpointCommit(SubprocessGitRepository(), SubprocessGitWorkspace(), grants)
    head = git(shop, "rev-parse", "HEAD")
    refused = await unset.commit(shop, "x", 1)
    assert "permissions" in refused.reason and "git_commit" in refused.reason and git(shop, "rev-parse", "HEAD") == head
    await grants.trust(Operation.QUALITY_FIX, "*", "Ada")
    assert isinstance(await unset.commit(shop, "x", 1), Refused)
    await grants.trust(Operation.GIT_COMMIT, project_id(shop / ".git"), "Ada")
    assert isinstance(await unset.commit(shop, "x", 1), Committed)


async def test_git_writes_with_the_users_settings_but_without_their_keys(shop, git, monkeypatch, tmp_path):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of mine")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    hook(shop, "pre-commit", f"env > '{tmp_path}/env'")
    (shop / "a").write_text("changed\n")
    assert isinstance(await commits().commit(shop, "x", 1), Committed)
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert "ANTHROPIC_API_KEY" not in seen and seen["SESSION_MGMT_GUARD"] == "1"
    assert git(shop, "log", "-1", "--format=%an") == "Somebody"


async def test_a_worktree_of_its_own_is_committed_in(shop, git, tmp_path):
    other = tmp_path / "other"
    git(shop, "worktree", "add", "-q", "-b", "other", str(other))
    (other / "a").write_text("changed\n")
    head = git(shop, "rev-parse", "HEAD")
    assert (await commits().commit(other, "x", 1)).sha == git(other, "rev-parse", "HEAD") != head
    assert git(shop, "rev-parse", "HEAD") == head


async def test_of_two_at_once_one_is_made_and_neither_takes_back_the_other(shop, git):
    for name in ("a", "b", "c"):
        (shop / name).write_text("changed\n")
    hook(shop, "pre-commit", "sleep 0.2")
    made = await asyncio.gather(*(commits().commit(shop, "x", 1) for _ in range(4)))
    [sha] = [one.sha for one in made if isinstance(one, Committed)]
    assert sha == git(shop, "rev-parse", "HEAD") and git(shop, "status", "--porcelain") == ""


async def test_a_commit_that_somebody_made_meanwhile_is_never_taken_back(shop, git, monkeypatch):
    (shop / "a").write_text("changed\n")
    really = committing._would_add

    def slowly(top, paths, timeout):
        answer = really(top, paths, timeout)
        git(shop, "commit", "-qam", "theirs")
        (shop / ".git" / "index.lock").touch()
        return answer

    monkeypatch.setattr(committing, "_would_add", slowly)
    assert isinstance(await commits().commit(shop, "x", 1), Refused)
    assert git(shop, "log", "-1", "--format=%s") == "theirs"


async def test_where_no_reflog_is_kept_a_commit_is_taken_back_all_the_same(shop, git, untouched):
    git(shop, "config", "core.logAllRefUpdates", "false")
    subprocess.run(["rm", "-r", str(shop / ".git" / "logs")], check=True)
    (shop / ".env").write_text("x")
    (shop / "a").write_text("changed\n")
    hook(shop, "pre-commit", "git add -A")
    before = untouched()
    assert ".env" in (await commits().commit(shop, "x", 1)).reason and untouched() == before
