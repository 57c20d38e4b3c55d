"""Contexts of a real repository and a session's transcript, kept and brought back through a real client."""

import asyncio
import shutil
from pathlib import Path

import pytest
from fastmcp import Client
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.contexts import CONTEXTS, DIFFS, Reason
from session_mgmt_mcp.domain.working import Place

SECRET = "sk-ant-" + "api03-" + "x9Y8z7W6v5U4t3S2r1Q0" * 4


@pytest.fixture
async def product(product_in, desk):
    async with product_in(desk.root, desk.session) as opened:
        yield opened


@pytest.fixture
def client(product) -> Client:
    return product[1]


@pytest.fixture
def app(product) -> Application:
    return product[0]


async def call(client: Client, name: str, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def refused(client: Client, name: str, **arguments) -> str:
    result = await client.call_tool(name, arguments, raise_on_error=False)
    assert result.is_error
    text = result.content[0].text
    assert "\n" not in text and "Traceback" not in text
    return text


def told(reply) -> set[tuple[str, str]]:
    return {(one["what"], one["path"]) for one in reply["mismatches"]}


async def test_a_context_is_what_git_and_the_transcript_say(client, desk):
    desk.write("cart.py", "# the cart\n")
    desk.write("neu ü.py", "new\n")
    kept = await call(client, "create_session_context")
    assert (kept["branch"], kept["head"]) == ("main", desk.git("rev-parse", "HEAD").strip())
    assert [(one["path"], one["state"]) for one in kept["changed"]] == [
        ("cart.py", "modified"),
        ("neu ü.py", "untracked"),
    ]
    assert [(one["path"], one["use"]) for one in kept["files"]] == [("cart.py", "edited"), ("price.py", "read")]
    assert kept["prompts"] == ["Make the cart keep its prices", "Round them to cents"]
    assert kept["todos"] == [
        {"text": "Round prices", "state": "in_progress"}, {"text": "Read the cart", "state": "completed"},
    ]  # fmt: skip
    assert kept["running"] == ["sleep 900"]
    assert "1 uncommitted file, 1 untracked" in kept["summary"] and "1 open todo" in kept["summary"]


async def test_a_context_comes_back_with_its_diff_and_says_that_everything_matches(client, desk):
    desk.write("cart.py", "# the cart\n")
    kept = await call(client, "create_session_context")
    for name in (desk.session, kept["id"]):
        back = await call(client, "restore_session_context", session_id=name)
        assert (back["id"], back["mismatches"], back["there"]) == (kept["id"], [], True)
        assert "-# cart.py\n+# the cart\n" in back["diff"] and "Everything still matches." in back["summary"]


async def test_exactly_what_no_longer_matches_is_told(client, desk):
    desk.write("cart.py", "# the cart\n")
    desk.write("note.txt", "n\n")
    await call(client, "create_session_context")
    desk.git("switch", "-q", "-c", "other")
    desk.write("cart.py", "# another cart\n")
    desk.write("über.py", "changed\n")
    (desk.root / "note.txt").unlink()
    back = await call(client, "restore_session_context", session_id=desk.session)
    assert told(back) == {("branch", ""), ("changed_since", "cart.py"), ("gone", "note.txt"), ("dirty", "über.py")}
    assert "branch is other, was main" in back["summary"] and "3 files" in back["summary"]


async def test_what_was_committed_meanwhile_is_told(client, desk):
    desk.write("über.py", "changed\n")
    await call(client, "create_session_context")
    desk.git("commit", "-qam", "second")
    back = await call(client, "restore_session_context", session_id=desk.session)
    assert told(back) == {("head", ""), ("clean", "über.py")}


async def test_of_a_folder_that_is_gone_the_context_is_still_there(client, desk):
    desk.write("cart.py", "# the cart\n")
    await call(client, "create_session_context")
    shutil.rmtree(desk.root)
    back = await call(client, "restore_session_context", session_id=desk.session)
    assert told(back) == {("folder", "")} and not back["there"] and "is gone" in back["summary"]
    assert "+# the cart" in back["diff"] and back["prompts"]


async def test_restoring_changes_nothing_on_disk(client, desk):
    desk.write("cart.py", "# the cart\n")
    await call(client, "create_session_context")
    desk.git("checkout", "-q", "--", ".")
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in desk.root.rglob("*")}
    await call(client, "restore_session_context", session_id=desk.session)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in desk.root.rglob("*")} == before


async def test_what_has_not_changed_is_kept_once_unless_forced(client, desk, app):
    first = await call(client, "preserve_current_context", session_id=desk.session)
    again = await call(client, "preserve_current_context", session_id=desk.session)
    assert first["stored"] and not again["stored"] and again["id"] == first["id"]
    assert (await call(client, "preserve_current_context", session_id=desk.session, force=True))["id"] != first["id"]
    desk.write("price.py", "cheaper\n")
    assert (await call(client, "preserve_current_context", session_id=desk.session))["stored"]
    desk.prompt("And the taxes")
    assert (await call(client, "preserve_current_context", session_id=desk.session))["stored"]
    assert len((await app.storage.list(CONTEXTS)).documents) == 4


async def test_no_secret_is_kept(client, desk, app):
    desk.write("cart.py", f'KEY = "{SECRET}"\n')
    desk.prompt(f"use {SECRET} for the shop")
    desk.call("TodoWrite", todos=[{"content": f"rotate {SECRET}", "status": "pending", "activeForm": "x"}])
    await call(client, "create_session_context")
    back = await call(client, "restore_session_context", session_id=desk.session)
    assert "[redacted:" in back["diff"] and any("[redacted:" in said for said in back["prompts"])
    assert SECRET not in str(back)
    for collection in (CONTEXTS, DIFFS):
        documents = (await app.storage.list(collection)).documents
        assert documents and SECRET not in str([document.body for document in documents])


async def test_of_interrupted_work_the_newest_of_each_session_is_told_until_it_is_restored(app, client, desk):
    project = await app.projects.project_of(str(desk.root))
    left = (desk.session, project, str(desk.root), str(desk.transcript))
    desk.write("cart.py", "# the cart\n")
    await app.contexts.preserve(*left, Reason.LONG_GAP)
    desk.prompt("on with it")
    ended = await app.contexts.preserve(*left, Reason.SESSION_END)
    assert [one.id for one in await app.contexts.interrupted(project)] == [ended.id]
    assert (await app.contexts.preserve(*left, Reason.SESSION_LOST)).id == ended.id
    await call(client, "restore_session_context", session_id=desk.session)
    assert await app.contexts.interrupted(project) == []


async def test_work_that_left_nothing_open_interrupted_nobody(app, desk):
    project = await app.projects.project_of(str(desk.root))
    ended = await app.contexts.preserve("s9", project, str(desk.root), "", Reason.SESSION_END)
    assert not ended.work.unfinished and await app.contexts.interrupted(project) == []


async def test_a_folder_without_git_has_a_context_too(product_in, tmp_path):
    folder = tmp_path / "plain"
    folder.mkdir()
    async with product_in(folder) as (_, client):
        kept = await call(client, "create_session_context")
        assert (kept["branch"], kept["changed"]) == (None, []) and "in no repository" in kept["summary"]


async def test_a_repository_without_commits_has_a_context_too(product_in, tmp_path, desk):
    from_scratch = tmp_path / "fresh"
    from_scratch.mkdir()
    (from_scratch / "a.py").write_text("a\n")
    shutil.copytree(desk.root / ".git", from_scratch / ".git")
    for gone in ("refs/heads/main", "logs/HEAD", "index"):
        (from_scratch / ".git" / gone).unlink(missing_ok=True)
    async with product_in(from_scratch) as (_, client):
        kept = await call(client, "create_session_context")
        assert kept["head"] is None and [one["path"] for one in kept["changed"]] == ["a.py"]


async def test_a_bare_repository_and_a_machine_without_git_have_contexts_without_git(
    product_in, desk, tmp_path, monkeypatch
):
    bare = tmp_path / "shop.git"
    desk.git("clone", "-q", "--bare", str(desk.root), str(bare))
    async with product_in(bare) as (_, client):
        kept = await call(client, "create_session_context")
        assert (kept["branch"], kept["changed"]) == (None, []) and "in no repository" in kept["summary"]
    monkeypatch.setenv("PATH", str(tmp_path))
    async with product_in(desk.root, desk.session) as (_, client):
        kept = await call(client, "create_session_context")
        assert kept["branch"] is None and kept["prompts"] and "in no repository" in kept["summary"]
        back = await call(client, "restore_session_context", session_id=kept["id"])
        assert back["mismatches"] == []
    monkeypatch.undo()


async def test_contexts_that_are_kept_at_once_are_all_kept(app, desk):
    project = await app.projects.project_of(str(desk.root))
    place = Place(project, str(desk.root), desk.session)
    work = await app.contexts._observer.look(place)
    kept = await asyncio.gather(*(app.contexts.keep_seen(place, work, Reason.ASKED, force=True) for _ in range(20)))
    assert len({one.context.id for one in kept}) == 20
    assert len((await app.storage.list(CONTEXTS)).documents) == 20


async def test_wrong_arguments_are_answered_in_one_sentence(client, tmp_path, desk):
    assert "absolute" in await refused(client, "create_session_context", working_directory="shop")
    assert "no folder" in await refused(client, "create_session_context", working_directory=str(tmp_path / "gone"))
    assert "no folder" in await refused(client, "create_session_context", working_directory=str(desk.root / "cart.py"))
    assert "belongs to shop-" in await refused(client, "create_session_context", project_id="*")
    assert "No project is known" in await refused(client, "create_session_context", project_id="blog")
    assert "no session 'nobody'" in await refused(client, "preserve_current_context", session_id="nobody")
    assert "No context is kept of 'nobody'" in await refused(client, "restore_session_context", session_id="nobody")
    assert "No context is kept" in await refused(client, "restore_session_context", session_id="../../etc")
    kept = await call(client, "create_session_context", user_id="ada", project_id="shop")
    assert kept["project"].startswith("shop-")


async def test_a_reply_holds_its_budget(product_in, desk):
    desk.write("cart.py", "".join(f"line {n} of the cart\n" for n in range(20_000)))
    for n in range(200):
        desk.write(f"new/{n:03}.py", "x\n")
    async with product_in(desk.root, desk.session, max_tokens=900) as (_, client):
        for name, arguments in (
            ("create_session_context", {}),
            ("restore_session_context", {"session_id": desk.session}),
        ):
            text = (await client.call_tool(name, arguments)).content[0].text
            assert len(text) < 900 * 5 and "Cut to 900 tokens." in text and "Round prices" in text


class TestSwitchingWorktrees:
    @pytest.fixture
    def fix(self, desk, tmp_path) -> Path:
        desk.git("worktree", "add", "-q", str(tmp_path / "shop-fix"), "-b", "fix")
        return tmp_path / "shop-fix"

    async def test_the_one_is_kept_and_the_other_given_back(self, client, desk, fix):
        desk.write("cart.py", "# the cart\n")
        there = await call(client, "git_worktree_switch", from_path=str(desk.root), to_path=str(fix))
        assert (there["to"], there["branch"], there["restored"], there["stored"]) == (str(fix), "fix", None, True)
        (fix / "price.py").write_text("fixed\n")
        (fix / "deep").mkdir()
        back = await call(client, "git_worktree_switch", from_path=str(fix / "deep"), to_path=str(desk.root))
        assert back["restored"]["id"] == there["kept"] and back["restored"]["mismatches"] == []
        assert "+# the cart" in back["restored"]["diff"]
        desk.write("cart.py", "# meddled\n")
        again = await call(client, "git_worktree_switch", from_path=str(desk.root), to_path=str(fix))
        assert again["restored"]["branch"] == "fix" and "+fixed" in again["restored"]["diff"]

    async def test_no_file_and_no_folder_is_changed(self, client, desk, fix):
        before = (desk.git("status", "--porcelain=v2", "--branch"), Path.cwd())
        await call(client, "git_worktree_switch", from_path=str(desk.root), to_path=str(fix))
        assert (desk.git("status", "--porcelain=v2", "--branch"), Path.cwd()) == before

    async def test_only_worktrees_of_one_repository_are_switched(self, client, desk, fix, tmp_path):
        (tmp_path / "plain").mkdir()
        shutil.copytree(desk.root, tmp_path / "copy")
        plain, copy = str(tmp_path / "plain"), str(tmp_path / "copy")
        root = str(desk.root)
        assert "in no worktree" in await refused(client, "git_worktree_switch", from_path=root, to_path=plain)
        assert "in no worktree" in await refused(client, "git_worktree_switch", from_path=plain, to_path=root)
        assert "is no worktree of" in await refused(client, "git_worktree_switch", from_path=root, to_path=copy)
        assert "the same worktree" in await refused(client, "git_worktree_switch", from_path=root, to_path=root)
        assert "no folder" in await refused(client, "git_worktree_switch", from_path=root, to_path=str(fix / "gone"))
