"""search_by_file, through a real client."""

import shutil
import subprocess
from collections import Counter

import pytest


def git(folder, *args):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)


async def test_edits_reads_commands_and_mentions_come_newest_first(desk):
    session = desk.session()
    cart = str(desk.folder / "src" / "cart.py")
    session.user("Totals in src/cart.py are wrong")
    session.call("Read", file_path=cart)
    session.edit(cart, "a", "total = round(sum(prices), 2)")
    session.bash("pytest tests/test_cart.py src/cart.py")
    session.edit(cart, failed="String to replace not found in file.")
    session.call("Read", file_path=str(desk.folder / "tests" / "cart.py"))
    reply = await desk.ask("search_by_file", file_path="src/cart.py")
    assert [hit["use"] for hit in reply["hits"]] == ["mentioned", "run", "edited", "read", "mentioned"]
    assert reply["hits"][2]["snippet"] == "total = round(sum(prices), 2)" and reply["hits"][2]["ok"]
    assert (
        reply["total"] == 5 and reply["tools"] == {"Bash": 1, "Edit": 2, "Read": 1} and reply["sessions"] == {"s1": 5}
    )
    assert reply["others"] == ["tests/cart.py"]
    assert "5 of 5 memories of cart.py in 1 session," in reply["summary"]


async def test_every_way_to_name_a_file_finds_it(desk):
    desk.session().edit(str(desk.folder / "src" / "cart.py"))
    for name in ("src/cart.py", "cart.py", "./src/cart.py", str(desk.folder / "src" / "cart.py")):
        assert (await desk.ask("search_by_file", file_path=name))["total"] == 1, name
    for name in ("art.py", "src/cart", "lib/cart.py", "cart.pyi"):
        reply = await desk.ask("search_by_file", file_path=name)
        assert reply["total"] == 0 and reply["summary"].startswith("Nothing is remembered"), name
    assert "file_path" in await desk.refused("search_by_file", file_path="  ")


async def test_a_bare_name_says_which_files_it_may_be(desk):
    session = desk.session()
    session.edit(str(desk.folder / "src" / "cart.py"))
    session.edit(str(desk.folder / "tests" / "cart.py"))
    reply = await desk.ask("search_by_file", file_path="cart.py")
    assert {name.removeprefix(str(desk.folder)) for name in reply["names"]} == {"/src/cart.py", "/tests/cart.py"}
    assert "Several files have that name" in reply["summary"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
async def test_a_file_is_found_in_other_worktrees_and_under_its_former_names(desk, tmp_path):
    git(desk.folder, "init", "-q", "-b", "main")
    (desk.folder / "old place").mkdir()
    (desk.folder / "old place" / "bäsket.py").write_text("total = 0\n" * 20)
    git(desk.folder, "add", ".")
    git(desk.folder, "commit", "-qm", "first")
    git(desk.folder, "mv", "old place/bäsket.py", "cart.py")
    git(desk.folder, "commit", "-qm", "moved")
    git(desk.folder, "worktree", "add", "-q", str(tmp_path / "elsewhere"), "-b", "side")
    desk.session("s1", day=1).edit(str(desk.folder / "old place" / "bäsket.py"))
    desk.session("s2", tmp_path / "elsewhere", day=2).edit(str(tmp_path / "elsewhere" / "cart.py"))
    for name in ("cart.py", "old place/bäsket.py", str(desk.folder / "cart.py")):
        reply = await desk.ask("search_by_file", file_path=name)
        assert [hit["session"] for hit in reply["hits"]] == ["s2", "s1"], name
        assert set(reply["paths"]) >= {"cart.py", "old place/bäsket.py"} and "renamed" in reply["summary"]


async def test_another_project_is_seen_only_when_asked_for(desk, tmp_path):
    (tmp_path / "bank").mkdir()
    desk.session("s1", tmp_path / "bank").edit(str(tmp_path / "bank" / "cart.py"))
    assert (await desk.ask("search_by_file", file_path="cart.py"))["total"] == 0
    assert (await desk.ask("search_by_file", file_path="cart.py", project="*"))["total"] == 1


async def test_a_reply_holds_its_budget(desk):
    session = desk.session()
    for n in range(50):
        session.edit(str(desk.folder / f"{'deep/' * 30}{n}" / "cart.py"), "a", "word " * 200)
    reply = await desk.ask("search_by_file", file_path="cart.py", limit=50)
    assert reply["total"] == 50 and len(str(reply)) < 16_000


@pytest.mark.shared
async def test_real_sessions_tell_what_was_done_with_a_file(real):
    reply = await real.ask("search_by_file", file_path="cmd/entire/cli/config.go", project="*", limit=50)
    assert reply["total"] > 10 and reply["tools"]["Edit"] >= 2
    assert all(name.replace("\\", "/").endswith("config.go") for name in reply["names"])
    assert any("/.worktrees/" in name or "/wks/" in name for name in reply["names"])
    uses = Counter(hit["use"] for hit in reply["hits"])
    assert uses["edited"] and uses["read"]
    times = [hit["time"] for hit in reply["hits"]]
    assert times == sorted(times, reverse=True)


async def test_within_a_second_edits_come_before_reads_before_mentions(desk):
    session = desk.session()
    session.line("user", "See src/cart.py", timestamp="2026-03-01T10:00:04.900Z")
    session.lines = 3
    session.edit(str(desk.folder / "src" / "cart.py"))
    session.lines = 3
    session.path = session.path.with_name("s2.jsonl")
    session.call("Read", file_path=str(desk.folder / "src" / "cart.py"))
    reply = await desk.ask("search_by_file", file_path="src/cart.py")
    assert len({hit["time"] for hit in reply["hits"]}) == 1
    assert [hit["use"] for hit in reply["hits"]] == ["edited", "read", "mentioned"]
