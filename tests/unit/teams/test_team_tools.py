"""The tools of teams, through a real MCP client."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from session_mgmt_mcp import connection
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.roles import Role as TokenRole
from session_mgmt_mcp.domain.teams.roles import Role
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.mcp_server import build_server, repeatable_tools

SECRET = "ghp_" + "q7Xc2LmV9sTb4WnZ8yRk3PdH6jFa1GeU5oN"
PROXY = "The proxy listens on port 8081 because nginx has 8080"


@pytest.fixture
async def opened(product_in, shop) -> AsyncIterator[tuple[object, Client]]:
    async with product_in(shop, user_id="ann") as (app, client):
        yield app, client


@pytest.fixture
async def client(opened) -> Client:
    """Ann's, who owns `core` with the member mia and the viewer vera."""
    client = opened[1]
    await call(client, "create_team", team_id="core", name="Core", description="What we all need")
    await call(client, "add_team_member", team_id="core", user_id="mia")
    await call(client, "add_team_member", team_id="core", user_id="vera", role="viewer")
    return client


async def call(client, name, /, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def refused(client, name, /, **arguments) -> str:
    result = await client.call_tool(name, arguments, raise_on_error=False)
    assert result.is_error
    text = result.content[0].text
    assert "\n" not in text and "Traceback" not in text
    return text


async def test_a_team_from_its_first_day_to_its_last(client):
    listed = await call(client, "list_teams")
    team = {"id": "core", "name": "Core", "description": "What we all need", "role": "owner", "members": 3}
    assert listed == {"summary": "ann is in 1 team.", "teams": [team]}
    stored = await call(client, "store_reflection", content=PROXY, tags=["ops"])
    shared = await call(client, "share_with_team", team_id="core", reflection_id=stored["id"], user_id="mia")
    assert shared["summary"] == "Shared with core." and not shared["duplicate"]
    found = await call(client, "search_team_knowledge", query="which port has the proxy", user_id="vera")
    [hit] = found["hits"]
    assert (hit["id"], hit["shared_by"], hit["trust"], hit["kind"]) == (shared["id"], "mia", "user", "reflection")
    assert hit["snippet"] == PROXY and hit["project"].startswith("shop-") and found["summary"] == "1 of 1, best first."
    voted = await call(client, "vote_on_reflection", reflection_id=shared["id"], user_id="mia")
    assert voted["summary"] == "It stands at +1; your vote is +1."
    told = await call(client, "get_team_statistics", team_id="core", user_id="vera")
    assert told["summary"] == "core: 3 members, 1 shared memory, the sum of its votes is +1."
    assert told["members"] == {"ann": "owner", "mia": "member", "vera": "viewer"} and told["top"][0]["votes"] == 1
    against = await call(client, "vote_on_reflection", reflection_id=shared["id"], vote_delta=-1)
    assert against["summary"] == "It stands at 0; your vote is -1."
    told = await call(client, "get_team_statistics", team_id="core")
    assert told["summary"] == "core: 3 members, 1 shared memory, the sum of its votes is 0."
    whole = await call(client, "get_shared_reflection", reflection_id=shared["id"])
    assert whole["text"] == PROXY and whole["summary"] == "Shared by mia with core."
    gone = await call(client, "unshare_from_team", reflection_id=shared["id"], team_id="core", user_id="mia")
    assert gone["text"] == PROXY
    assert (await call(client, "search_team_knowledge", query="proxy"))["summary"] == "Nothing shared answers this."
    assert (await call(client, "remove_team_member", team_id="core", user_id="mia"))["members"] == 2
    asked = await call(client, "delete_team", team_id="core")
    assert not asked["deleted"] and (await call(client, "list_teams"))["teams"]
    assert (await call(client, "delete_team", team_id="core", confirm=True))["deleted"]
    assert (await call(client, "list_teams"))["teams"] == []


@pytest.mark.parametrize("era", ["legacy", "auto"])
@pytest.mark.parametrize("agrees", [True, False])
async def test_where_the_client_can_it_asks_before_a_team_goes(opened, client, era, agrees):
    questions = []

    async def person(message, response_type, params, context):
        questions.append(message)
        return ElicitResult(action="accept", content={"value": agrees})

    async with Client(build_server(opened[0]), elicitation_handler=person, mode=era) as asking:
        done = await call(asking, "delete_team", team_id="core", confirm=True)
    assert done["deleted"] == agrees and questions == ["Delete the team core (3 members, 0 shared memories)?"]
    assert bool((await call(client, "list_teams"))["teams"]) != agrees


async def test_who_is_not_in_a_team_gets_the_answers_of_a_team_that_does_not_exist(client):
    shared = await call(client, "share_with_team", team_id="core", content=PROXY)
    by_team = {
        "get_team_statistics": {"user_id": "otto"},
        "search_team_knowledge": {"user_id": "otto", "query": "proxy"},
        "add_team_member": {"user_id": "otto", "role": "owner", "acting_user": "otto"},
        "remove_team_member": {"user_id": "mia", "acting_user": "otto"},
        "delete_team": {"user_id": "otto", "confirm": True},
        "share_with_team": {"user_id": "otto", "content": "More"},
        "unshare_from_team": {"user_id": "otto", "reflection_id": shared["id"]},
    }
    for name, arguments in by_team.items():
        said = [await refused(client, name, team_id=team, **arguments) for team in ("core", "nixx")]
        assert said[0].replace("core", "nixx") == said[1], name
    for name in ("get_shared_reflection", "vote_on_reflection"):
        said = [await refused(client, name, reflection_id=one, user_id="otto") for one in (shared["id"], "0" * 20)]
        assert said[0].replace(shared["id"], "0" * 20) == said[1], name
    known = await call(client, "search_team_knowledge", query="proxy", user_id="otto")
    assert (known["hits"], known["total"]) == ([], 0)


@pytest.fixture
def guest():
    """Makes the calls within those of a user whose token came with them."""

    def of(user: str, role: TokenRole = TokenRole.MEMBER):
        return connection.entered(replace(connection.current(), user=user, role=role, cwd="", project_dir=""))

    return of


async def as_guest(opened, guest, user, name, /, **arguments):
    with guest(user):
        async with Client(build_server(opened[0])) as client:
            result = await client.call_tool(name, arguments, raise_on_error=False)
            return result.content[0].text if result.is_error else result.structured_content


async def test_a_token_speaks_for_its_user_alone(opened, client, guest):
    for name, arguments in {
        "list_teams": {"user_id": "ann"},
        "search_team_knowledge": {"query": "proxy", "user_id": "ann"},
        "add_team_member": {"team_id": "core", "user_id": "otto", "acting_user": "ann"},
        "create_team": {"team_id": "mine", "owner_id": "ann"},
        "vote_on_reflection": {"reflection_id": "x", "user_id": "ann"},
    }.items():
        assert "your token is that of mia" in await as_guest(opened, guest, "mia", name, **arguments)
    assert (await as_guest(opened, guest, "mia", "list_teams"))["teams"][0]["role"] == "member"


async def test_a_guest_shares_texts_and_never_reaches_what_is_remembered_here(opened, client, guest):
    stored = await call(client, "store_reflection", content=PROXY)
    arguments = {"team_id": "core", "reflection_id": stored["id"]}
    assert "not yours" in await as_guest(opened, guest, "mia", "share_with_team", **arguments)
    said = await as_guest(opened, guest, "mia", "vote_on_reflection", reflection_id=stored["id"])
    assert said == f"There is no memory '{stored['id']}' in a team of yours: take an id from search_team_knowledge."
    text = {"team_id": "core", "content": "Reset the cache", "project_id": f"shop {SECRET}"}
    assert (await as_guest(opened, guest, "mia", "share_with_team", **text))["summary"] == "Shared with core."
    [hit] = (await call(client, "search_team_knowledge", query="cache"))["hits"]
    assert (hit["shared_by"], hit["project"]) == ("mia", "shop [redacted:github-token]")
    assert (await call(client, "reflection_stats"))["memories"] == 1


async def test_who_holds_an_owners_token_reaches_what_is_remembered_here(opened, client, guest):
    stored = await call(client, "store_reflection", content=PROXY)
    with guest("mia", TokenRole.OWNER):
        async with Client(build_server(opened[0])) as owners:
            assert (await call(owners, "share_with_team", team_id="core", reflection_id=stored["id"]))["id"]
            assert (await call(owners, "vote_on_reflection", reflection_id=stored["id"]))["votes"] == 1


async def test_a_memory_or_a_text_is_shared_and_never_both_or_none(client):
    for arguments in ({}, {"reflection_id": "x", "content": "y"}):
        assert "either reflection_id" in await refused(client, "share_with_team", team_id="core", **arguments)
    assert "empty" in await refused(client, "share_with_team", team_id="core", content="  ")
    assert "65,536" in await refused(client, "share_with_team", team_id="core", content="x" * 70_000)
    assert "of your own" in await refused(client, "share_with_team", team_id="core", reflection_id="0" * 20)


async def test_wrong_arguments_are_answered_in_one_sentence(client):
    assert "vote_delta" in await refused(client, "vote_on_reflection", reflection_id="x", vote_delta=2)
    assert "role" in await refused(client, "add_team_member", team_id="core", user_id="x", role="king")
    assert "user_id" in await refused(client, "add_team_member", team_id="core", user_id="a/b")
    assert "team_id" in await refused(client, "create_team", team_id="../x")
    assert "user_id" in await refused(client, "list_teams", user_id="a b")


async def test_what_replaced_secrets_is_said(client):
    shared = await call(client, "share_with_team", team_id="core", content=f"The token is {SECRET}")
    assert shared["redacted"] == {"github-token": 1} and "1 github-token" in shared["summary"]


async def test_replies_hold_their_budget(opened, client, shop):
    app, _ = opened
    for n in range(30):
        await app.teams.add("core", f"somebody-with-a-long-name-{n}", Role.MEMBER, "ann")
        text = f"The proxy number {n} listens on port {n}, " + "and much more is to be said of it. " * 40
        shared = await app.sharing.share_text(Draft(text, "shop", tags=(f"tag-{n}",)), "core", "ann")
    for budget in (100, 300, 1_000):
        (shop / "pyproject.toml").write_text(f"[tool.session-mgmt]\nmax_tokens = {budget}\n#{budget:09}")
        for name, arguments in {
            "search_team_knowledge": {"query": "proxy port", "limit": 50},
            "get_team_statistics": {"team_id": "core"},
            "get_shared_reflection": {"reflection_id": shared.id},
            "list_teams": {},
        }.items():
            reply = json.dumps(await call(client, name, **arguments), ensure_ascii=False, separators=(",", ":"))
            assert tokens(reply) <= budget and (budget == 100 or "core" in reply), name


async def test_only_what_may_be_repeated_is_named_repeatable():
    repeatable = set(repeatable_tools())
    assert repeatable >= {
        "create_team",
        "add_team_member",
        "share_with_team",
        "search_team_knowledge",
        "vote_on_reflection",
    }
    assert not repeatable & {"remove_team_member", "unshare_from_team", "delete_team"}
