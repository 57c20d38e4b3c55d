"""File names that are no text reach the tools that tell of them: their answers stay readable, their storage whole."""

import os

import pytest

LATIN = os.fsdecode(b"caf\xe9.py")


@pytest.fixture
async def client(product_in, shop, git, tmp_path):
    (tmp_path / "home" / ".gitconfig").write_text("[user]\n\tname = Grace\n\temail = grace@example.org\n")
    (shop / LATIN).write_text("x\n")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "odd")
    (shop / LATIN).write_text("y\n")
    (shop / "file").write_text("y\n")
    (shop / f"new {LATIN}").write_text("y\n")
    async with product_in(shop) as (_, client):
        yield client


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("create_session_context", {}),
        ("quality_monitor", {}),
        ("checkpoint", {}),
        ("checkpoint", {"commit": True}),
        ("git_worktree_remove", {"path": "PATH"}),
        ("status", {}),
        ("start", {}),
        ("end", {}),
    ],
)
async def test_each_tool_that_looks_at_a_worktree_answers(client, shop, git, tmp_path, tool, arguments):
    await client.call_tool("permissions", {"action": "trust", "operation": "git_commit"})
    if tool == "git_worktree_remove":
        git(shop, "worktree", "add", "-q", "-b", "fix", str(tmp_path / LATIN))
        (tmp_path / LATIN / "new").touch()
        arguments = {"path": str(shop.parent), "working_directory": str(shop)}
        answer = await client.call_tool(tool, arguments, raise_on_error=False)
        assert answer.is_error and "caf?" in answer.content[0].text.encode().decode()
        return
    answer = await client.call_tool(tool, arguments)
    answer.content[0].text.encode()
    if arguments.get("commit"):
        assert git(shop, "log", "-1", "--format=%s").startswith("checkpoint: ")
        assert answer.structured_content["commit"] == git(shop, "rev-parse", "HEAD")
