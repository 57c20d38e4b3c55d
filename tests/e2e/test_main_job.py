"""What one session stored and said, another one in another worktree finds; a stranger's project never does.

Everything is registered by our own `setup` and captured by its hooks while the client works.
"""

import json
from pathlib import Path

import pytest
from session_mgmt_mcp import asking

from .conftest import Client, Run, git, make_repository, ours, search, start_hub, wait_until

pytestmark = pytest.mark.client

REFLECTION = "Wipe the pricing memo ERR_CART_4711 whenever the database schema is altered."
SAID = "The intermittent checkout failure came from two workers that raced for one port; zibeline locks it now."
QUESTIONS = {
    "reflection by meaning": ("what must be cleared after changing tables?", REFLECTION),
    "reflection by word": ("ERR_CART_4711", REFLECTION),
    "said by meaning": ("why did buying break now and then?", SAID),
    "said by word": ("zibeline", SAID),
}
ALLOWED = ("--allowedTools", "mcp__session-mgmt__*,Write,Edit,Bash")
RECALL = "mcp__session-mgmt__reflect_on_past"


@pytest.fixture
def embedder() -> str:
    return "onnx"


def ask(client: Client, cwd: Path) -> Run:
    turns = [[{"tool": RECALL, "input": {"query": query}}] for query, _ in QUESTIONS.values()]
    return client.run(cwd, [*turns, [{"text": "Looked it up."}]], *ALLOWED, prompt="Look that up.")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("era", ["modern", pytest.param("legacy", marks=pytest.mark.slow)])
def test_another_worktree_remembers_and_another_project_does_not(client: Client, tmp_path: Path, era: str):
    if era == "legacy":
        client.extra["MCP_PROTOCOL_NEGOTIATION"] = "legacy"
    shop = make_repository(tmp_path / "the shop")
    fix = tmp_path / "shop-fix"
    git(shop, f"git worktree add -q -b fix '{fix}'")
    stranger = make_repository(tmp_path / "stranger")
    assert ours("setup", "--yes", cwd=shop).returncode == 0
    start_hub()

    first = client.run(
        shop,
        [
            [{"tool": "mcp__session-mgmt__store_reflection", "input": {"content": REFLECTION, "tags": ["cart"]}}],
            [{"tool": "Write", "input": {"file_path": str(shop / "cart.py"), "content": "total = 1\n"}}],
            [{"tool": "Edit", "input": {"file_path": str(shop / "cart.py"), "old_string": "1", "new_string": "2"}}],
            [{"tool": "Bash", "input": {"command": "cat cart.py", "description": "look"}}],
            [{"text": SAID}],
        ],
        *ALLOWED,
        prompt="Find out what is wrong with the till.",
    )
    assert {RECALL, "mcp__session-mgmt__store_reflection"} <= first.tools
    assert f'"protocolEra":"{era}"' in first.debug
    assert len(first.tool_results) == 4
    assert "error" not in first.tool_results[0].lower()
    wait_until(lambda: any("zibeline" in hit["snippet"] for hit in search("zibeline", shop)))
    wait_until(lambda: asking.hub_status()["pending_embeddings"] == 0)

    second = ask(client, fix)
    for (question, expected), result in zip(QUESTIONS.values(), second.tool_results, strict=True):
        assert expected in result, f"{question} did not find it: {result[:2000]}"

    third = ask(client, stranger)
    assert len(third.tool_results) == len(QUESTIONS)
    projects = {hit["project"] for result in third.tool_results for hit in json.loads(result)["hits"]}
    assert all(project.startswith("stranger-") for project in projects)
    for text in (REFLECTION, SAID):
        assert text not in third.said_to_the_model

    actions = [hit for hit in search("cart.py", fix) if hit["kind"] == "action"]
    assert any("cart.py" in hit["snippet"] for hit in actions)
