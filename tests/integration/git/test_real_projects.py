"""Real conversations, as if they had been held in a repository of the test's own."""

import pytest
from session_mgmt_mcp import connection

pytestmark = pytest.mark.shared


@pytest.fixture
async def opened(shared, product_in, shop, tmp_path):
    """The smallest real transcripts, with the test's repository in the place of theirs."""
    folder = tmp_path / "projects" / "-shop"
    folder.mkdir(parents=True)
    found = sorted((shared / "claude-code" / "real-projects").rglob("*.jsonl"), key=lambda path: path.stat().st_size)
    for path in found[:6]:
        text = path.read_text().replace('"/home/dev/cli"', f'"{shop}"').replace('"/home/dev/cli/', f'"{shop}/')
        (folder / path.name).write_text(text)
    async with product_in(shop) as (app, client):
        await app.capture.import_paths([folder])
        yield app, client


async def ask(client, tool: str, **arguments) -> dict:
    return (await client.call_tool(tool, arguments)).structured_content


async def test_a_worktree_has_the_memories_of_its_repository_from_its_first_to_after_its_last_moment(
    opened, shop, tmp_path
):
    _, client = opened
    mine = await ask(client, "quick_search", query="test")
    assert mine["count"] > 0
    added = await ask(client, "git_worktree_add", branch="fix", path=str(tmp_path / "fix"), create_branch=True)
    assert mine["by_project"] == {added["project"]: mine["count"]}
    with connection.entered(connection.Connection(cwd=added["path"], project_dir=added["path"], session_id="s2")):
        there = await ask(client, "quick_search", query="test")
        assert (there["count"], there["best"]["id"]) == (mine["count"], mine["best"]["id"])
    assert (await ask(client, "git_worktree_remove", path=added["path"]))["removed"]
    with connection.entered(connection.Connection(cwd=added["path"], project_dir=added["path"], session_id="s2")):
        assert (await ask(client, "quick_search", query="test"))["count"] == mine["count"]


async def test_a_grant_is_given_to_a_project_by_the_name_it_is_known_under(opened, shop):
    app, client = opened
    project = await app.projects.project_of(str(shop))
    there = connection.Connection(cwd="/elsewhere", project_dir="/elsewhere", session_id="s2")
    with connection.entered(there):
        reply = await ask(client, "permissions", action="trust", operation="git_commit", project="shop")
        assert reply["project"] == project and (await ask(client, "permissions"))["allowed"] == []
    assert [line["operation"] for line in (await ask(client, "permissions"))["allowed"]] == ["git_commit"]
