"""What goes wrong behind a member's call is said to them without the places of the server."""

import pytest
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, Unsupported
from session_mgmt_mcp.settings import changed

PLACE = "/home/ann/.local/share/session-mgmt/shared"


async def away(served):
    """The shared storage is a Redis that is not there."""
    app = served.app
    settings = changed(app.settings, {"redis_url": "redis://127.0.0.1:1/0"})
    async with app.shared_storage.exchanging(app.backends.storage("redis", "shared", settings), settings):
        pass


async def test_a_member_is_not_told_which_server_is_away_and_the_owner_is(served):
    await away(served)
    member, owner = await served.caller("bob"), await served.caller("ann", Role.OWNER)
    for tool, arguments in (
        ("list_teams", {}),
        ("create_serverless_session", {"project_id": "shop", "session_data": {}}),
    ):
        told = (await member.call(tool, **arguments))["content"][0]["text"]
        assert "127.0.0.1" not in told and "Redis" not in told, told
        assert "try again" in told, told
    assert "127.0.0.1:1" in (await owner.call("list_teams"))["content"][0]["text"]


@pytest.mark.parametrize("error", [Corrupt(f"{PLACE}/x is damaged.", PLACE), Unsupported(f"{PLACE}: install that.")])
async def test_a_member_is_not_told_where_the_damage_is(served, monkeypatch, error):
    async def broken(*_, **__):
        raise error

    monkeypatch.setattr(served.app.teams, "of", broken)
    member = await served.caller("bob")
    told = (await member.call("list_teams"))["content"][0]["text"]
    assert PLACE not in told and "whoever runs" in told, told


async def test_a_member_is_told_what_they_did_wrong(served, monkeypatch):
    async def wrong(*_, **__):
        raise Invalid("name: give one.")

    monkeypatch.setattr(served.app.teams, "of", wrong)
    member = await served.caller("bob")
    assert (await member.call("list_teams"))["content"][0]["text"] == "name: give one."
