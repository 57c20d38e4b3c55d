"""A member's token opens a closed set of tools, and nothing of the owner's comes along."""

from datetime import UTC, datetime, timedelta

import pytest
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.tools.members import MEMBER_TOOLS
from session_mgmt_mcp.tools.registry import TOOLS

from .conftest import said

PUBLISHED = {spec.name for spec in TOOLS}


async def listed(caller, what, era):
    ask = caller.modern if era == "modern" else caller.shaken
    return said(await ask(f"{what}/list"))


@pytest.mark.parametrize("era", ["modern", "shaken"])
async def test_lists_shrink_to_what_a_member_may(served, era):
    member, owner = await served.caller("bob"), await served.caller("ann", Role.OWNER)
    for caller in (member, owner):
        await caller.shake_hands()
    tools = {tool["name"] for tool in (await listed(member, "tools", era))["result"]["tools"]}
    assert tools == MEMBER_TOOLS
    assert {tool["name"] for tool in (await listed(owner, "tools", era))["result"]["tools"]} == PUBLISHED
    for what in ("prompts", "resources"):
        assert (await listed(owner, what, era))["result"][what]
        assert not (await listed(member, what, era)).get("result", {}).get(what)


@pytest.mark.parametrize("era", ["modern", "shaken"])
async def test_every_other_tool_refuses_a_member_in_a_sentence(served_over_http, era):
    from session_mgmt_mcp.http.limits import Limits

    async with served_over_http(Limits(burst=10_000)) as served:
        member = await served.caller("bob")
        await member.shake_hands()
        for name in sorted(PUBLISHED - MEMBER_TOOLS):
            answer = await member.call(name, era=era)
            assert answer["isError"] is True, name
            assert answer["content"][0]["text"].startswith(f"{name} is not for members: "), answer


async def test_a_member_reads_no_resource_and_no_prompt(served):
    member = await served.caller("bob")
    owner = await served.caller("ann", Role.OWNER, **{"x-session-mgmt-project": "shop"})
    uri = "session-mgmt://memory/digest"
    assert "result" in said(await owner.modern("resources/read", uri=uri, name=uri))
    assert "error" in said(await member.modern("resources/read", uri=uri, name=uri))
    assert "result" in said(await owner.modern("prompts/get", name="status"))
    assert "error" in said(await member.modern("prompts/get", name="status"))


async def test_what_a_member_sees_of_the_server_names_no_place_of_it(served, isolation):
    member = await served.caller("bob")
    owner = await served.caller("ann", Role.OWNER)
    info = await owner.call("server_info")
    assert info["structuredContent"]["data_dir"]
    for tool in ("server_info", "health_check"):
        answer = str(await member.call(tool))
        assert "/" not in answer.replace("io.modelcontextprotocol/serverInfo", ""), answer


async def test_a_member_has_serverless_sessions_and_teams_of_their_own_and_learns_of_no_project_here(served):
    project = {"x-session-mgmt-project": "shop"}
    owner = await served.caller("ann", Role.OWNER, **{"x-session-mgmt-project": "shop-1a2b3c"})
    await owner.call("store_reflection", content="The till is locked by zibeline.")
    bob, eve = await served.caller("bob", **project), await served.caller("eve", **project)
    made = await bob.call("create_serverless_session", user_id="bob", session_data={"step": 1})
    assert not made["isError"], made
    id = made["structuredContent"]["session"]["id"]
    assert "1a2b3c" not in str(made)
    assert "step" in str(await bob.call("get_serverless_session", session_id=id))
    assert "step" not in str(await eve.call("get_serverless_session", session_id=id))
    assert (await eve.call("create_serverless_session", user_id="bob", session_data={}))["isError"]
    assert not (await bob.call("create_team", team_id="core", name="Core"))["isError"]
    shared = await bob.call("share_with_team", team_id="core", content="Rebuild the index after a restore.")
    assert not shared["isError"], shared
    assert "Rebuild" in str(await bob.call("search_team_knowledge", query="index restore"))
    assert "Rebuild" not in str(await eve.call("search_team_knowledge", query="index restore"))
    assert "zibeline" not in str(await bob.call("search_team_knowledge", query="zibeline"))


async def test_the_owners_reminders_go_to_the_owner_only(served):
    project = {"x-session-mgmt-project": "shop"}
    owner, member = await served.caller("ann", Role.OWNER, **project), await served.caller("bob", **project)
    made = await owner.call("create_natural_reminder", title="Feed the cat", time_expression="in 1 minute")
    assert not made["isError"], made
    later = datetime.now(UTC) + timedelta(minutes=5)
    clock = served.app.reminders._clock
    clock.now = lambda: later
    try:
        assert "Feed the cat" not in str(await member.call("ping"))
        assert "Feed the cat" in str(await owner.call("ping"))
        assert "Feed the cat" not in str(await owner.call("ping")), "it was delivered once"
    finally:
        del clock.now
