"""Memories of real sessions shared with teams, through a real client; what is expected is counted here a second time."""

import pytest
from fastmcp import Client
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.ports.vector_store import Condition
from session_mgmt_mcp.settings import load

pytestmark = [pytest.mark.shared, pytest.mark.slow]

QUERIES = ("config", "why did the test fail", "which file was changed", "what did we decide about the parser", "error")


@pytest.fixture
async def opened(real_sessions):
    async with open_application(load(embedder="memory", user_id="ann")) as app, Client(build_server(app)) as client:
        yield app, client


async def call(client, name, /, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def turns(app, count: int) -> list:
    """The newest that were said, of all projects."""
    page = await app.store.listed(Scope(kinds=(Kind.TURN,)).wholes(), "newest", None, count)
    return list(page.records)


async def answers(client) -> list:
    """Of the own searches the best hits, and everything that is counted or listed."""
    told = []
    for query in QUERIES:
        found = await call(client, "reflect_on_past", query=query, project="*", limit=10, max_tokens=20_000)
        listed = await call(client, "advanced_search", query=query, project="*", sort_by="recency", limit=10)
        told.append(([hit["id"] for hit in found["hits"]], listed))
    return [*told, (await call(client, "reflection_stats"))["memories"]]


async def test_each_of_two_teams_finds_what_was_shared_with_it_and_nothing_else(opened):
    app, client = opened
    said = await turns(app, 120)
    for team, members in (("red", "mia"), ("blue", "otto")):
        await call(client, "create_team", team_id=team)
        await call(client, "add_team_member", team_id=team, user_id=members, role="viewer")
    copies = {"red": {}, "blue": {}}
    for n, record in enumerate(said):
        team = ("red", "blue")[n % 2]
        shared = await call(client, "share_with_team", team_id=team, reflection_id=record.id)
        copies[team][shared["id"]] = record
    for user, team in (("mia", "red"), ("otto", "blue")):
        seen = 0
        for query in QUERIES:
            found = await call(client, "search_team_knowledge", query=query, user_id=user, limit=50, max_tokens=50_000)
            assert {hit["id"] for hit in found["hits"]} <= copies[team].keys(), query
            assert found["total"] <= len(copies[team])
            for hit in found["hits"]:
                original = copies[team][hit["id"]]
                assert (hit["project"], hit["role"], hit["kind"]) == (original.project, original.role, "turn")
                assert (hit["shared_by"], hit["trust"]) == ("ann", original.metadata["trust"])
            seen += len(found["hits"])
        assert seen > 20
        told = await call(client, "get_team_statistics", team_id=team, user_id=user)
        projects = {record.project for record in copies[team].values()}
        assert told["shared"] == len(copies[team]) and told["by_project"].keys() == projects
        whole = await call(client, "get_shared_reflection", reflection_id=min(copies[team]), max_tokens=100_000)
        assert whole["text"] == copies[team][min(copies[team])].text
    assert await app.store.count([Condition("kind", "=", Kind.SHARED), Condition("model_id", "=", "")]) == 0


async def test_what_is_shared_is_neither_found_nor_counted_in_the_own_memory(opened):
    """Only how rare a word is counts the copies as well, as it counts other projects: neighbours may change places."""
    app, client = opened
    *before, memories = await answers(client)
    await call(client, "create_team", team_id="red")
    for record in await turns(app, 60):
        await call(client, "share_with_team", team_id="red", reflection_id=record.id)
    *after, still = await answers(client)
    assert still == memories
    for (best, listed), (now_best, now_listed) in zip(before, after, strict=True):
        assert listed == now_listed and best[:1] == now_best[:1]
        assert len({*best} & {*now_best}) >= 0.8 * len(best)
        assert all(record.kind != Kind.SHARED for record in await app.store.get(now_best))


async def test_the_vote_of_a_real_memory_orders_the_lists(opened):
    app, client = opened
    record = (await turns(app, 5))[-1]
    assert (await call(client, "vote_on_reflection", reflection_id=record.id))["votes"] == 1
    listed = await call(client, "advanced_search", query="*", project="*", sort_by="votes", limit=3)
    assert listed["hits"][0]["id"] == record.id
