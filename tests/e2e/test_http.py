"""The real client over HTTP, with a token in a header, as `serve --http` says it is added."""

import json
import os
import shlex
from pathlib import Path

import pytest

from tests.integration.serving import Serving, call, ours, token

from .conftest import Client

pytestmark = [pytest.mark.client, pytest.mark.slow, pytest.mark.timeout(300)]
REFLECTION = "Wipe the pricing memo ERR_CART_4711 whenever the database schema is altered."


@pytest.fixture
def serving(isolation, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    one = Serving()
    assert one.url
    yield one
    one.end()


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_session_stores_and_finds_with_a_token_in_a_header(client: Client, serving: Serving, shop: Path, era: str):
    if era == "legacy":
        client.extra["MCP_PROTOCOL_NEGOTIATION"] = "legacy"
    secret = token("ann", "owner")
    headers = {"Authorization": f"Bearer {secret}", "X-Session-Mgmt-Project": "shop"}
    config = shop / "mcp.json"
    config.write_text(
        json.dumps({"mcpServers": {"session-mgmt": {"type": "http", "url": serving.url, "headers": headers}}})
    )
    run = client.run(
        shop,
        [
            [{"tool": "mcp__session-mgmt__store_reflection", "input": {"content": REFLECTION}}],
            [{"tool": "mcp__session-mgmt__reflect_on_past", "input": {"query": "ERR_CART_4711"}}],
            [{"text": "Looked it up."}],
        ],
        "--mcp-config",
        str(config),
        "--strict-mcp-config",
        "--allowedTools",
        "mcp__session-mgmt__*",
        prompt="Look that up.",
    )
    assert f'"protocolEra":"{era}"' in run.debug
    assert len(run.tool_results) == 2
    assert REFLECTION in run.tool_results[1]
    found = call(serving.url, secret, "reflect_on_past", query="ERR_CART_4711", project="shop")
    assert found["hits"][0]["project"] == "shop"
    assert ours("token", "list").count("used") == 1


def test_the_line_that_serving_prints_adds_it_to_the_client(client: Client, serving: Serving, shop: Path):
    words = shlex.split(serving.told["add"].replace("TOKEN", token("bob", "member")))
    assert words[:4] == ["claude", "mcp", "add", "--transport"]
    client.command(*words[1:], cwd=shop)
    listed = client.command("mcp", "list", cwd=shop)
    assert f"session-mgmt: {serving.url} (HTTP)" in listed
    assert "Connected" in listed, listed
    wrong = json.dumps(json.loads((Path(os.environ["HOME"]) / ".claude.json").read_text())).count("sessmgmt_")
    assert wrong == 1, "the client keeps the token in its own settings, and nowhere else"
