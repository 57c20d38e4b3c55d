"""In the own store, which by default holds both, nothing but a search among the shared ever meets what is shared."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from session_mgmt_mcp import verbs
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.related import related
from session_mgmt_mcp.domain.scope import EVERYTHING, Scope
from session_mgmt_mcp.ports.errors import Invalid, NotFound
from session_mgmt_mcp.ports.vector_store import Condition

WORD = "zeppelin"
TEXT = "The zeppelin hangar opens at nine, see src/hangar.py; ValueError: no gas"


@pytest.fixture
async def opened(product_in, shop) -> AsyncIterator[tuple[Any, Any]]:
    """Ann shared a text that nobody remembers; what is remembered says nothing of it."""
    async with product_in(shop) as (app, client):
        await app.teams.create("core", "", "", "ann")
        arguments = {"team_id": "core", "content": TEXT, "tags": [WORD], "user_id": "ann"}
        await client.call_tool("share_with_team", arguments)
        await client.call_tool("store_reflection", {"content": "Reset the cache after a deploy"})
        yield app, client


ASKED = {
    "reflect_on_past": {"query": WORD},
    "search_reflections": {"query": WORD},
    "quick_search": {"query": WORD},
    "search_summary": {"query": WORD},
    "search_by_concept": {"concept": WORD},
    "search_by_file": {"file_path": "hangar.py"},
    "search_errors": {"query": "ValueError no gas"},
    "search_code": {"query": WORD},
    "advanced_search": {"query": WORD},
    "search_suggestions": {"query": "zep"},
    "search_temporal": {"time_expression": "last year to tomorrow", "query": WORD},
    "get_more_results": {"query": WORD, "offset": 0},
}


@pytest.mark.parametrize("name", ASKED)
async def test_no_search_of_the_own_memory_finds_or_counts_it(opened, name):
    _, client = opened
    found = (await client.call_tool(name, {**ASKED[name], "project": "*"})).structured_content
    assert not found.get("hits") and not found.get("suggestions") and not found.get("count") and not found.get("total")
    assert "opens" not in str(found)
    shared = (await client.call_tool("search_team_knowledge", {"query": WORD, "user_id": "ann"})).structured_content
    assert shared["total"] == 1


async def test_counts_facets_and_lists_leave_it_out(opened):
    app, client = opened
    stats = (await client.call_tool("reflection_stats", {})).structured_content
    assert stats["memories"] == 1 and stats["by_kind"] == {"reflection": 1}
    listed = (await client.call_tool("advanced_search", {"query": "*", "project": "*"})).structured_content
    assert listed["matching"] == 1 and listed["by_kind"] == {"reflection": 1}
    timeline = {"time_expression": "last year to tomorrow", "project": "*"}
    assert (await client.call_tool("search_temporal", timeline)).structured_content["total"] == 1
    assert await app.store.count([Condition("kind", "=", Kind.SHARED)]) == 1


async def test_a_project_that_only_teams_have_shared_of_is_not_known(opened):
    app, client = opened
    arguments = {"team_id": "core", "content": "The blog is on port 80", "project_id": "shop", "user_id": "ann"}
    await client.call_tool("share_with_team", arguments)
    [record] = (await app.store.scan([Condition("kind", "=", Kind.SHARED), Condition("text", "has", "blog")])).records
    await app.store.upsert([replace(record, project="blog-123456")])
    assert await app.memory.projects_named("blog") == ()
    suggested = {"query": "blog", "field": "project", "project": "*"}
    assert (await client.call_tool("search_suggestions", suggested)).structured_content["suggestions"] == []


async def test_it_makes_no_project_known_as_near_and_counts_in_no_insight(opened):
    app, client = opened
    await client.call_tool("store_reflection", {"content": "The blog and the hangar are somebody else's"})
    [record] = (await app.store.scan([Condition("kind", "=", Kind.SHARED)])).records
    await app.store.upsert([replace(record, id="x", project="blog-123456")])
    told = (await client.call_tool("search_across_projects", {"query": "hangar"})).structured_content
    assert told["suggestions"] == []
    await app.store.upsert([replace(record, id="x", project="blog-123456", kind=Kind.REFLECTION)])
    told = (await client.call_tool("search_across_projects", {"query": "hangar"})).structured_content
    assert [one["project"] for one in told["suggestions"]] == ["blog-123456"]
    told = (await client.call_tool("get_project_insights", {})).structured_content
    assert [one["memories"] for one in told["activity"]] == [2]


async def test_it_cannot_be_asked_for_as_a_kind_or_shown_by_its_id(opened):
    app, client = opened
    refused = await client.call_tool("advanced_search", {"query": WORD, "content_type": "shared"}, raise_on_error=False)
    assert (
        refused.is_error and "no content type" in refused.content[0].text and ", shared" not in refused.content[0].text
    )
    with pytest.raises(Invalid, match="no kind of memory"):
        await verbs.search(app, {"query": WORD, "kind": "shared"}, lambda _: None)
    [record] = (await app.store.scan([Condition("kind", "=", Kind.SHARED), Condition("parent", "=", "")])).records
    with pytest.raises(NotFound):
        await app.memory.show(record.id)


async def test_what_is_told_unasked_when_a_session_begins_is_never_of_others(opened):
    app, client = opened
    arguments = {"team_id": "core", "content": "Reset the cache after every deploy", "user_id": "ann"}
    await client.call_tool("share_with_team", arguments)
    await app.embedding.wait_idle()
    [mine] = (await app.store.scan(EVERYTHING.wholes())).records
    near = await related(app.store, mine.id, "another session", 10)
    assert [record.kind for record in near] == [Kind.REFLECTION]


async def test_forgetting_everything_leaves_what_is_the_teams(opened):
    app, client = opened
    done = (await client.call_tool("reset_reflection_database", {"confirm": True})).structured_content
    assert done["memories"] == 1 and await app.store.count(Scope().wholes()) == 0
    found = (await client.call_tool("search_team_knowledge", {"query": WORD, "user_id": "ann"})).structured_content
    assert found["total"] == 1


async def test_scrubbing_reaches_it(opened):
    app, client = opened
    [record] = (await app.store.scan([Condition("kind", "=", Kind.SHARED)])).records
    secret = "ghp_" + "q7Xc2LmV9sTb4WnZ8yRk3PdH6jFa1GeU5oN"
    await app.store.upsert([replace(record, text=f"zeppelin {secret}")])
    assert await app.memory.scrub(lambda done, total: None) == {"github-token": 1}
    found = (await client.call_tool("search_team_knowledge", {"query": WORD, "user_id": "ann"})).structured_content
    assert found["hits"][0]["snippet"] == "zeppelin [redacted:github-token]"
