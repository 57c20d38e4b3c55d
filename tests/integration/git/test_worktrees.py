"""Worktrees through a real client, in real repositories."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from session_mgmt_mcp import connection
from session_mgmt_mcp.adapters.git.workspace import SubprocessGitWorkspace
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.ports.errors import Invalid, Unavailable
from session_mgmt_mcp.settings import load

ERAS = ("legacy", "2026-07-28")


@pytest.fixture
async def client(product_in, shop):
    async with product_in(shop) as (_, client):
        yield client


@pytest.fixture
def beside(shop) -> Path:
    return shop.parent / "shop fix"


@pytest.fixture
def look(shop, git):
    """Everything that a refused call must leave as it was."""

    def now():
        return (
            git(shop, "worktree", "list", "--porcelain"), git(shop, "for-each-ref"), git(shop, "status", "--porcelain"),
            sorted(str(path) for path in shop.parent.rglob("*") if ".git" not in path.parts),
        )  # fmt: skip

    return now


async def add(client: Client, branch: str, path: Path | str, **more) -> dict:
    return (
        await client.call_tool("git_worktree_add", {"branch": branch, "path": str(path), **more})
    ).structured_content


async def remove(client: Client, path: Path | str, **more) -> dict:
    return (await client.call_tool("git_worktree_remove", {"path": str(path), **more})).structured_content


async def refused(client: Client, tool: str, **arguments) -> str:
    result = await client.call_tool(tool, {k: str(v) for k, v in arguments.items()}, raise_on_error=False)
    assert result.is_error
    text = result.content[0].text
    assert "\n" not in text and text.endswith(".") and "Traceback" not in text
    return text


async def test_a_worktree_with_a_new_branch_is_of_the_same_project_and_shares_its_memories(client, shop, beside, git):
    mine = (
        await client.call_tool("store_reflection", {"content": "The proxy listens on port 8081"})
    ).structured_content
    reply = await add(client, "feature/größe", beside, create_branch=True)
    assert (reply["path"], reply["branch"], reply["created"]) == (str(beside), "feature/größe", True)
    assert git(beside, "branch", "--show-current") == "feature/größe" and (beside / "file").read_text() == "x\n"
    there = connection.Connection(cwd=str(beside), project_dir=str(beside), session_id="s2")
    with connection.entered(there):
        found = (await client.call_tool("reflect_on_past", {"query": "proxy port"})).structured_content["hits"]
    assert [hit["id"] for hit in found] == [mine["id"]] and found[0]["project"] == reply["project"]


async def test_an_existing_branch_is_checked_out_also_from_a_sub_folder_and_one_of_a_remote_is_followed(
    client, shop, git, tmp_path
):
    git(shop, "branch", "fix")
    (shop / "src").mkdir()
    assert not (await add(client, "fix", tmp_path / "fix", working_directory=str(shop / "src")))["created"]
    git(tmp_path, "clone", "-q", "-b", "main", str(shop), "copy")
    copy = tmp_path / "copy"
    await add(client, "fix", tmp_path / "copy-fix", working_directory=str(copy))
    assert git(tmp_path / "copy-fix", "rev-parse", "--abbrev-ref", "@{upstream}") == "origin/fix"


async def test_what_cannot_be_added_is_refused_in_a_sentence_and_nothing_is_changed(
    client, shop, beside, git, tmp_path, new_repository, look
):
    git(shop, "branch", "fix")
    (tmp_path / "plain").mkdir()
    (tmp_path / "a-file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    other = new_repository(tmp_path / "other")
    empty = new_repository(tmp_path / "empty", commit=False)
    git(shop, "worktree", "add", "-q", "-b", "held", str(tmp_path / "held"))
    expected = {
        "exists": [{"path": tmp_path / name} for name in ("plain", "a-file", "dangling", "held")],
        "inside": [{"path": place} for place in (shop / "in", shop / ".git" / "in", other / "in", tmp_path / "held" / "in")],
        "no folder": [{"path": tmp_path / "gone" / "in"}, {"working_directory": tmp_path / "gone"}],
        "absolute": [{"path": "relative"}, {"path": f"{shop}/../up"}, {"working_directory": "."}, {"path": "/"}],
        "no git repository": [{"working_directory": tmp_path / "plain"}],
        "no branch": [{"branch": name} for name in ("missing", "HEAD", "-f", "HEAD~0", "--detach", "held^{}", "fi*")],
        "checked out": [{"branch": "main"}, {"branch": "held"}],
        "local branch": [{"branch": "fix", "create_branch": True}],
        "not a valid branch name": [{"branch": name, "create_branch": True} for name in ("a b", "-x", "-Dfix", "a..b", "@{-1}", "HEAD")],
        "no commit yet": [{"working_directory": empty, "create_branch": True}],
    }  # fmt: skip
    before = look()
    for words, calls in expected.items():
        for arguments in calls:
            text = await refused(client, "git_worktree_add", **{"branch": "fix", "path": beside, **arguments})
            assert words in text, (arguments, text)
    assert look() == before and not (tmp_path / "gone").exists()


async def test_around_a_bare_repository_there_is_room_for_worktrees(client, shop, git, tmp_path):
    git(tmp_path, "clone", "-q", "--bare", str(shop), "code/.bare")
    (tmp_path / "code" / ".git").write_text("gitdir: ./.bare\n")
    where = {"working_directory": str(tmp_path / "code")}
    await add(client, "fix", tmp_path / "code" / "fix", create_branch=True, **where)
    assert "inside" in await refused(
        client, "git_worktree_add", branch="main", path=tmp_path / "code" / ".bare" / "x", **where
    )
    assert (await remove(client, tmp_path / "code" / "fix", **where))["removed"]


async def test_a_worktree_whose_hook_fails_is_taken_back_with_its_branch(client, shop, beside, look, git):
    script = shop / ".git" / "hooks" / "post-checkout"
    script.parent.mkdir(exist_ok=True)
    script.write_text("#!/bin/sh\necho no room; exit 1\n")
    script.chmod(0o755)
    git(shop, "branch", "fix")
    before = look()
    for branch, create in (("new", True), ("fix", False)):
        text = await refused(client, "git_worktree_add", branch=branch, path=beside, create_branch=create)
        assert "no room" in text and look() == before


async def test_a_worktree_that_takes_too_long_or_is_cancelled_is_taken_back(shop, beside, look, tmp_path):
    script = shop / ".git" / "hooks" / "post-checkout"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"#!/bin/sh\ntouch '{tmp_path}/begun'; exec sleep 67\n")
    script.chmod(0o755)
    before = look()
    with pytest.raises(Unavailable):
        await SubprocessGitWorkspace(patience=0.5).add_worktree(shop, beside, "new", create=True)
    assert look() == before
    (tmp_path / "begun").unlink()
    task = asyncio.create_task(SubprocessGitWorkspace().add_worktree(shop, beside, "new", create=True))
    while not (tmp_path / "begun").exists():
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert look() == before
    assert "sleep 67" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


async def test_an_adapter_never_takes_back_what_it_did_not_make(shop, git, tmp_path, look):
    git(shop, "worktree", "add", "-q", "-b", "held", str(tmp_path / "held"))
    (tmp_path / "held" / "work").write_text("x")
    git(shop, "branch", "fix")
    before = look()
    works = SubprocessGitWorkspace()
    for path, branch, create in (
        (tmp_path / "held", "fix", False), (tmp_path / "held", "new", True), (tmp_path / "x", "fix", True),
        (tmp_path / "x", "held", False),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            await works.add_worktree(shop, path, branch, create)
    assert look() == before and (tmp_path / "held" / "work").exists()


@pytest.fixture
def held(shop, git, beside) -> Path:
    """A worktree with a branch of its own, and nothing in it that is not committed."""
    (shop / ".gitignore").write_text("*.log\n")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "ignore")
    git(shop, "worktree", "add", "-q", "-b", "held", str(beside))
    return beside


async def test_a_clean_worktree_is_removed_and_its_branch_stays(client, shop, held, git):
    (held / "ignored.log").write_text("x")
    reply = await remove(client, held)
    assert (reply["removed"], reply["branch"], reply["lost"]) == (True, "held", []) and not held.exists()
    assert "held" in git(shop, "branch") and git(shop, "worktree", "list").count("\n") == 0


def untracked(held: Path, git) -> str:
    (held / "notes").write_text("x")
    return "1 untracked file"


def changed(held: Path, git) -> str:
    (held / "file").write_text("x")
    return "1 uncommitted change"


def staged(held: Path, git) -> str:
    (held / "file").write_text("x")
    git(held, "add", ".")
    return "1 uncommitted change"


def adrift(held: Path, git) -> str:
    git(held, "checkout", "-q", "--detach")
    git(held, "commit", "-q", "--allow-empty", "-m", "adrift")
    return "commits that no branch leads to"


def unfinished(held: Path, git) -> str:
    git(held, "bisect", "start")
    return "an unfinished bisect"


WORK = [untracked, changed, staged, adrift, unfinished]


@pytest.mark.parametrize("work", WORK)
async def test_work_that_would_be_lost_is_named_and_stands_against_removing(client, held, git, look, work):
    lost = work(held, git)
    before = look()
    text = await refused(client, "git_worktree_remove", path=held)
    assert lost in text and "force=true" in text and look() == before
    reply = await remove(client, held, force=True)
    assert not reply["removed"] and reply["lost"] == [lost] and "confirm=true" in reply["summary"] and look() == before
    text = await refused(client, "git_worktree_remove", path=held, confirm=True)
    assert "force=true" in text and look() == before
    assert (await remove(client, held, force=True, confirm=True))["removed"] and not held.exists()


class Person:
    def __init__(self, action: str, value: bool | None = None) -> None:
        self.answer = (action, value)
        self.asked: list[str] = []

    async def __call__(self, message, response_type, params, context):
        self.asked.append(message)
        action, value = self.answer
        return ElicitResult(action=action, content=None if value is None else {"value": value})


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("confirm", [True, False])
@pytest.mark.parametrize(
    ("answer", "removed"), [(("accept", True), True), (("accept", False), False), (("cancel", None), False)]
)
async def test_who_can_be_asked_is_asked_before_work_is_lost(shop, held, git, era, answer, removed, confirm):
    untracked(held, git)
    person = Person(*answer)
    caller = connection.Connection(cwd=str(shop), project_dir=str(shop), session_id="s1")
    async with open_application(load(embedder="memory")) as app:
        with connection.entered(caller):
            async with Client(build_server(app), elicitation_handler=person, mode=era) as client:
                reply = await remove(client, held, force=True, confirm=confirm)
    assert reply["removed"] is removed is not held.exists()
    assert len(person.asked) == 1 and "1 untracked file" in person.asked[0]


async def test_what_cannot_be_removed_is_refused_in_a_sentence_and_nothing_is_changed(
    client, shop, held, git, tmp_path, new_repository, look
):
    other = new_repository(tmp_path / "other")
    git(shop, "worktree", "add", "-q", "-b", "locked", str(tmp_path / "locked"))
    git(shop, "worktree", "lock", "--reason", "on a stick", str(tmp_path / "locked"))
    (held / "src").mkdir()
    before = look()
    expected = {
        "main worktree": [{"path": shop}],
        "no worktree of": [{"path": place} for place in (other, tmp_path, tmp_path / "gone", held / "src")],
        "locked (on a stick)": [{"path": tmp_path / "locked"}],
        "where you are working": [{"path": held, "working_directory": held / "src"}],
        "no git repository": [{"path": held, "working_directory": tmp_path}],
        "absolute": [{"path": "relative"}, {"path": held, "working_directory": "x"}],
    }
    for words, calls in expected.items():
        for arguments in calls:
            for more in ({}, {"force": True, "confirm": True}):
                text = await refused(client, "git_worktree_remove", **arguments, **more)
                assert words in text, (arguments, text)
    assert look() == before


async def test_a_worktree_with_a_submodule_needs_force(client, shop, held, git, tmp_path, new_repository):
    library = new_repository(tmp_path / "library")
    git(held, "submodule", "add", "-q", str(library), "vendor")
    git(held, "commit", "-qm", "submodule")
    assert "submodules" in await refused(client, "git_worktree_remove", path=held)
    assert held.exists() and (await remove(client, held, force=True))["removed"]


async def test_a_worktree_whose_folder_is_gone_is_forgotten_by_git_and_remembered_by_its_project(
    client, shop, beside, git
):
    project = (await add(client, "fix", beside, create_branch=True))["project"]
    subprocess.run(["rm", "-r", str(beside)], check=True)
    assert (await remove(client, beside))["removed"] and git(shop, "worktree", "list").count("\n") == 0
    there = connection.Connection(cwd=str(beside), project_dir=str(beside), session_id="s2")
    with connection.entered(there):
        assert (await client.call_tool("permissions", {})).structured_content["project"] == project


async def test_a_link_to_a_worktree_names_it(client, shop, held, tmp_path):
    (tmp_path / "link").symlink_to(held)
    (tmp_path / "here").symlink_to(shop)
    reply = await remove(client, tmp_path / "link", working_directory=str(tmp_path / "here"))
    assert reply["removed"] and reply["path"] == str(held) and not held.exists()
