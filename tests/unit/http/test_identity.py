"""Each request is its token's user's, whatever else goes on at the same time, and in both ways of shaking hands."""

import asyncio

import pytest
from fastmcp import Context
from fastmcp.server.middleware import Middleware
from session_mgmt_mcp import connection, users
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.ports.errors import PortError

from .conftest import said


def add_whoami(server):
    @server.tool
    async def whoami(context: Context, pause: float = 0) -> dict:
        await asyncio.sleep(pause)
        await context.report_progress(1, 1)
        caller = connection.current()
        app = context.lifespan_context["application"]
        return {
            "user": caller.user,
            "role": caller.role,
            "project": caller.project,
            "acting": users.acting(app, None),
            "folder": caller.folder,
            "pid": caller.client_pid,
        }


@pytest.fixture
async def told(served_over_http):
    async with served_over_http(owner=add_whoami) as served:
        yield served


@pytest.mark.parametrize("era", ["modern", "shaken"])
async def test_two_users_at_once_are_each_themselves(told, era):
    callers = {
        user: await told.caller(user, Role.OWNER, **{"x-session-mgmt-project": f"{user}s"}) for user in ("ann", "ben")
    }
    for caller in callers.values():
        await caller.shake_hands()
    asked = [(user, pause) for pause in (0.05, 0.0, 0.02) for user in callers]
    answers = await asyncio.gather(*(callers[user].call("whoami", era=era, pause=pause) for user, pause in asked))
    for (user, _), answer in zip(asked, answers, strict=True):
        assert answer["structuredContent"] == {
            "user": user,
            "role": "owner",
            "project": f"{user}s",
            "acting": user,
            "folder": "",
            "pid": 0,
        }


async def test_in_one_session_each_request_has_the_project_it_names(told):
    caller = await told.caller("ann", Role.OWNER)
    await caller.shake_hands()
    for project in ("shop", "till"):
        caller.headers["x-session-mgmt-project"] = project
        assert (await caller.call("whoami", era="shaken"))["structuredContent"]["project"] == project


async def test_a_session_is_nobody_elses(told):
    ann, ben = await told.caller("ann", Role.OWNER), await told.caller("ben", Role.OWNER)
    anns_other = await told.caller("ann", Role.OWNER)
    bob = await told.caller("bob")
    await ann.shake_hands()
    for other in (ben, anns_other, bob):
        other.session = ann.session
        stolen = await other.shaken("tools/list")
        assert stolen.status_code == 404, stolen.text
        headers = {**other.headers, **ann.session, "accept": "text/event-stream"}
        assert (await told.http.get("/mcp", headers=headers)).status_code == 404
        assert (await told.http.delete("/mcp", headers=headers)).status_code == 404
    assert "result" in said(await ann.shaken("tools/list"))


async def test_a_token_speaks_for_nobody_else(told):
    with connection.entered(connection.Connection(user="ann", role=Role.OWNER)):
        assert users.acting(told.app, None) == "ann"
        with pytest.raises(PortError, match="your token is that of ann"):
            users.acting(told.app, "ben")


@pytest.mark.parametrize("era", ["modern", "shaken"])
async def test_both_handshakes_are_served(told, era):
    caller = await told.caller("ann", Role.OWNER)
    if era == "modern":
        answer = said(await caller.modern("server/discover"))["result"]
        assert "2026-07-28" in answer["supportedVersions"]
    else:
        answer = said(await caller.shake_hands())["result"]
        assert answer["protocolVersion"] == "2025-11-25"
    assert "session-mgmt-mcp remembers" in answer["instructions"]
    assert (await caller.call("ping", era=era))["structuredContent"]["pong"] is True


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("start", {}),
        ("checkpoint", {}),
        ("end", {}),
        ("status", {}),
        ("store_reflection", {"content": "Something that nobody knew before."}),
        ("reflect_on_past", {"query": "anything"}),
        ("create_session_context", {}),
        ("start_app_monitoring", {}),
        ("start_interruption_monitoring", {}),
        ("crackerjack_run", {"command": "test"}),
        ("create_natural_reminder", {"title": "t", "time_expression": "in 1 hour"}),
        ("git_worktree_add", {"branch": "b", "path": "/nowhere"}),
        ("auto_compact", {}),
        ("quality_monitor", {}),
        ("session_welcome", {}),
    ],
)
async def test_a_tool_that_needs_a_folder_says_so_and_takes_none_of_the_servers(
    told, tool, arguments, monkeypatch, shop
):
    monkeypatch.chdir(shop)
    caller = await told.caller("ann", Role.OWNER)
    answer = await caller.call(tool, **arguments)
    assert answer["isError"] is True, answer
    assert "ver HTTP your folder cannot be seen" in answer["content"][0]["text"], answer
    assert list(shop.iterdir()) == []


async def test_a_project_may_be_named_for_each_request(told):
    caller = await told.caller("ann", Role.OWNER, **{"x-session-mgmt-project": "shop"})
    stored = await caller.call("store_reflection", content="The till is locked by zibeline.")
    assert not stored["isError"], stored
    found = await caller.call("reflect_on_past", query="zibeline")
    assert [hit["project"] for hit in found["structuredContent"]["hits"]] == ["shop"]
    caller.headers["x-session-mgmt-project"] = "other"
    assert (await caller.call("reflect_on_past", query="zibeline"))["structuredContent"]["hits"] == []
    del caller.headers["x-session-mgmt-project"]
    everywhere = await caller.call("reflect_on_past", query="zibeline", project="*")
    assert len(everywhere["structuredContent"]["hits"]) == 1
    assert (await caller.modern("tools/list")).status_code == 200
    caller.headers["x-session-mgmt-project"] = "../etc"
    assert (await caller.modern("tools/list")).status_code == 400


async def test_a_call_lists_no_tools_to_find_its_schema(served_over_http):
    listed = []

    class Listing(Middleware):
        async def on_list_tools(self, context, call_next):
            listed.append(context.method)
            return await call_next(context)

    async with served_over_http(owner=lambda server: server.add_middleware(Listing())) as served:
        caller = await served.caller("ann", Role.OWNER)
        found = await caller.call("reflect_on_past", query="anything", project="*")
        assert not found["isError"]
        assert listed == []
        assert (await caller.modern("tools/list")).status_code == 200
        assert len(listed) == 1
