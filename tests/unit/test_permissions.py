"""The tool `permissions`, through a real client: what is allowed, asked for, revoked."""

import json

import pytest
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from mcp_types import Implementation
from session_mgmt_mcp import connection
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.domain.grants import ALL, Operation
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load

ERAS = ("legacy", "2026-07-28")


async def call(client: Client, **arguments) -> dict:
    return (await client.call_tool("permissions", arguments)).structured_content


async def refused(client: Client, **arguments) -> str:
    result = await client.call_tool("permissions", arguments, raise_on_error=False)
    assert result.is_error and "\n" not in result.content[0].text
    return result.content[0].text


@pytest.fixture
async def opened(product_in, shop):
    async with product_in(shop) as (app, client):
        yield app, client


@pytest.fixture
def client(opened) -> Client:
    return opened[1]


async def test_at_first_nothing_is_allowed_and_each_operation_is_explained(client):
    reply = await call(client)
    assert reply["allowed"] == [] and set(reply["not_allowed"]) == set(Operation) and reply["rules"] is None
    assert reply["project"].startswith("shop-") and "nothing" in reply["summary"]


async def test_what_is_trusted_is_allowed_here_alone_with_who_and_since_when(opened):
    app, client = opened
    reply = await call(client, action="trust", operation="git_commit")
    [line] = reply["allowed"]
    assert (line["operation"], line["scope"]) == ("git_commit", "project") and line["who"] and line["since"]
    assert "git_commit" not in reply["not_allowed"] and "until it is revoked" in reply["summary"]
    assert (await call(client, action="status"))["allowed"] == [line]
    assert await app.grants.require(Operation.GIT_COMMIT, reply["project"])
    assert await app.grants.of("blog-1") == []


async def test_all_projects_are_named_by_a_star(opened):
    app, client = opened
    reply = await call(client, action="trust", operation="repo_write", project="*")
    assert reply["project"] == ALL and reply["allowed"][0]["scope"] == "all"
    assert (await call(client))["allowed"][0]["scope"] == "all"
    assert await app.grants.require(Operation.REPO_WRITE, "any")
    assert "itself" in (await call(client, action="revoke", operation="repo_write"))["summary"]
    assert (await call(client, action="revoke", operation="repo_write", project="*"))["allowed"] == []


async def test_what_is_revoked_is_gone(client):
    for operation in ("git_commit", "quality_fix", "repo_write"):
        await call(client, action="trust", operation=operation)
    reply = await call(client, action="revoke", operation="quality_fix")
    assert [line["operation"] for line in reply["allowed"]] == ["git_commit", "repo_write"]
    reply = await call(client, action="revoke_all")
    assert reply["allowed"] == [] and "git_commit, repo_write" in reply["summary"]


async def test_a_grant_outlives_the_process_that_kept_it(product_in, shop):
    async with product_in(shop) as (_, client):
        given = await call(client, action="trust", operation="git_commit")
    async with product_in(shop, session="s2") as (_, client):
        assert (await call(client))["allowed"] == given["allowed"]


async def test_wrong_words_are_answered_in_one_sentence(client):
    for action in ("trust", "revoke"):
        assert "git_commit, dependency_sync" in await refused(client, action=action)
    assert "action" in await refused(client, action="grant", operation="git_commit")
    assert "operation" in await refused(client, action="trust", operation="rm -rf")
    assert "No project is known" in await refused(client, project="blog")
    assert (await call(client))["allowed"] == []


async def test_the_rules_ask_for_what_is_destructive_or_not_granted(client):
    rules = json.loads(json.dumps((await call(client, rules=True))["rules"]))["permissions"]
    tools = {tool.name: tool for tool in await client.list_tools()}
    for server in ("mcp__session-mgmt__", "mcp__plugin_session-mgmt_mem__"):
        assert f"{server}reflect_on_past" in rules["allow"]
        assert {f"{server}reset_reflection_database", f"{server}permissions"} <= set(rules["ask"])
    named = {kind: {rule.split("__", 2)[2] for rule in rules[kind]} for kind in rules}
    assert named["allow"] | named["ask"] == set(tools) and not named["allow"] & named["ask"]
    assert not any(tools[name].annotations.destructive_hint for name in named["allow"])


class Person:
    """Answers what a client asks them."""

    def __init__(self, action: str, value: bool | None = None) -> None:
        self.answer = (action, value)
        self.asked: list[str] = []

    async def __call__(self, message, response_type, params, context):
        self.asked.append(message)
        action, value = self.answer
        return ElicitResult(action=action, content=None if value is None else {"value": value})


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("answer", "allowed"),
    [(("accept", True), 1), (("accept", False), 0), (("decline", None), 0), (("cancel", None), 0)],
)
async def test_a_person_who_can_be_asked_has_the_word(shop, era, answer, allowed):
    person = Person(*answer)
    caller = connection.Connection(cwd=str(shop), project_dir=str(shop), session_id="s1")
    async with open_application(load(embedder="memory")) as app:
        with connection.entered(caller):
            async with Client(build_server(app), elicitation_handler=person, mode=era) as client:
                reply = await call(client, action="trust", operation="git_commit")
                assert len(reply["allowed"]) == allowed
                assert (allowed == 1) is ("did not agree" not in reply["summary"])
                assert len(person.asked) == 1 and "git_commit in shop-" in person.asked[0]
                await call(client, action="revoke_all")
                await call(client)
                assert len(person.asked) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_the_client_is_named_with_the_user(era):
    who = Implementation(name="Claude Code", version="3")
    async with (
        open_application(load(embedder="memory")) as app,
        Client(build_server(app), mode=era, client_info=who) as client,
    ):
        reply = await call(client, action="trust", operation="git_commit", project="*")
    assert reply["allowed"][0]["who"].endswith("(Claude Code)")
