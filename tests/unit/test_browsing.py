"""Filters, facets, orders and completions through a real MCP client, over a small invented memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastmcp import Client
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp import recall
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.listing import kinds_named
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition
from session_mgmt_mcp.tools.browsing import AdvancedReply, SuggestionReply
from session_mgmt_mcp.tools.budget import size

pytestmark = pytest.mark.on_disk

MARCH = datetime(2026, 3, 10, 9, tzinfo=UTC)


@pytest.fixture
async def opened(product_in, shop):
    async with product_in(shop, timezone="UTC") as (app, client):
        yield app, client, shop


async def remember(app, *texts: str, kind: Kind = Kind.TURN, role: str = "user", tags=(), start=MARCH) -> list[str]:
    """One memory an hour."""
    project = await recall.caller_project(app)
    drafts = [
        Draft(text, project, kind, tuple(tags), "s", role, at, start + timedelta(hours=at))
        for at, text in enumerate(texts)
    ]
    return [stored.id for stored in await app.memory.store_many(drafts)]


async def search(client: Client, query: str = "", **arguments):
    return (await client.call_tool("advanced_search", {"query": query, **arguments})).structured_content


async def suggest(client: Client, query: str, **arguments) -> list[str]:
    found = (await client.call_tool("search_suggestions", {"query": query, **arguments})).structured_content
    return [one["text"] for one in found["suggestions"]]


async def refused(client: Client, name: str, **arguments) -> str:
    result = await client.call_tool(name, arguments, raise_on_error=False)
    assert result.is_error and "\n" not in result.content[0].text
    return result.content[0].text


async def vote(app, memory: str, votes: int) -> None:
    [record] = await app.store.get([memory])
    await app.store.upsert([replace(record, metadata={**record.metadata, "votes": votes})])


async def test_counts_are_of_everything_that_matches_not_of_what_is_shown(opened):
    app, client, _ = opened
    await remember(app, *(f"the cache in src/cart{n % 2}.py fails {n}" for n in range(12)))
    await remember(app, "cache insight", kind=Kind.REFLECTION, role="", tags=("ops",), start=MARCH + timedelta(days=40))
    await remember(app, "unrelated")
    reply = await search(client, "caches", limit=2)
    assert len(reply["hits"]) == 2 and reply["matching"] == 13
    assert reply["by_kind"] == {"turn": 12, "reflection": 1} and reply["by_month"] == {"2026-03": 12, "2026-04": 1}
    assert reply["by_tag"] == {"ops": 1} and reply["by_role"] == {"user": 12}
    assert reply["by_file"] == {"src/cart0.py": 6, "src/cart1.py": 6}
    [(project, count)] = reply["by_project"].items()
    assert project.startswith("shop-") and count == 13


async def test_a_long_memory_counts_once_even_when_the_word_stands_deep_inside(opened):
    app, client, _ = opened
    await remember(app, "filler " * 300 + "gazelle " + "filler " * 300 + "gazelle")
    assert (await search(client, "gazelle"))["matching"] == 1


async def test_filters_hold_together(opened):
    app, client, _ = opened
    await remember(app, "cache one", "cache two")
    await remember(app, "cache three", kind=Kind.REFLECTION, start=MARCH + timedelta(days=40))
    by_kind = await search(client, "cache", content_type="reflections")
    assert [hit["kind"] for hit in by_kind["hits"]] == ["reflection"] and by_kind["matching"] == 1
    in_march = await search(client, "cache", timeframe="march 2026")
    assert in_march["matching"] == 2 and {hit["kind"] for hit in in_march["hits"]} == {"turn"}
    assert in_march["understood"]["start"] == "2026-03-01T00:00:00Z"
    assert (await search(client, "cache", content_type="note", timeframe="march 2026"))["matching"] == 0


async def test_the_order_is_the_one_that_was_asked_for(opened):
    app, client, _ = opened
    first, second, third = await remember(app, "cache one", "cache two", "cache three")
    await vote(app, second, 5)
    await vote(app, first, 2)
    newest = await search(client, "cache", sort_by="recency")
    assert [hit["id"] for hit in newest["hits"]] == [third, second, first] and newest["hits"][0]["score"] is None
    voted = await search(client, "cache", sort_by="votes")
    assert [(hit["id"], hit["votes"]) for hit in voted["hits"]] == [(second, 5), (first, 2), (third, 0)]
    relevant = await search(client, "cache three")
    assert relevant["hits"][0]["id"] == third and relevant["hits"][0]["score"] > 0
    assert [hit["id"] for hit in (await search(client))["hits"]] == [third, second, first]


@pytest.mark.parametrize("sort_by", ["relevance", "recency", "votes"])
async def test_pages_show_each_memory_once_while_others_arrive(opened, sort_by):
    app, client, _ = opened
    old = await remember(app, *(f"cache lesson number {n}" for n in range(11)))
    seen, cursor = [], None
    for step in range(20):
        page = await search(client, "cache lesson", sort_by=sort_by, limit=3, cursor=cursor)
        seen += [hit["id"] for hit in page["hits"]]
        cursor = page["cursor"]
        if cursor is None:
            break
        await remember(app, f"cache lesson that came later {step}", start=datetime.now(UTC))
    assert len(seen) == len(set(seen)) and set(old) <= set(seen)


async def test_a_cursor_of_another_order_is_refused(opened):
    app, client, _ = opened
    await remember(app, "cache one", "cache two")
    cursor = (await search(client, "cache", sort_by="recency", limit=1))["cursor"]
    assert "cursor" in await refused(client, "advanced_search", query="cache", sort_by="votes", cursor=cursor)
    assert "cursor" in await refused(client, "advanced_search", query="cache", cursor=cursor)
    relevant = (await search(client, "cache", limit=1))["cursor"]
    assert "cursor" in await refused(client, "advanced_search", query="cache", sort_by="votes", cursor=relevant)


async def test_a_reply_holds_its_budget_and_its_cursor_goes_on_behind_it(opened):
    app, client, here = opened
    (here / "pyproject.toml").write_text("[tool.session-mgmt]\nmax-tokens = 1500\n")
    ids = await remember(app, *(f"cache {n} " + "word " * 99 for n in range(30)), tags=[f"tag{n}" for n in range(40)])
    for sort_by in ("relevance", "recency"):
        seen, cursor = [], None
        for _ in range(40):
            reply = await search(client, "cache", sort_by=sort_by, limit=50, cursor=cursor)
            assert size(AdvancedReply.model_validate(reply)) <= 1_500 and reply["hits"]
            seen += [hit["id"] for hit in reply["hits"]]
            cursor = reply["cursor"]
            if cursor is None:
                break
        assert sorted(seen) == sorted(ids)


async def test_a_further_page_is_noted_as_no_search(opened):
    app, client, _ = opened
    await remember(app, "cache one", "cache two")
    cursor = (await search(client, "cache", limit=1))["cursor"]
    await search(client, "cache", limit=1, cursor=cursor)
    reply = (await client.call_tool("get_search_metrics", {})).structured_content
    assert reply["by_tool"]["advanced_search"]["searches"] == 1


async def test_wrong_filters_are_refused_by_naming_the_right_ones(opened):
    _, client, _ = opened
    assert "reflection" in await refused(client, "advanced_search", query="x", content_type="poem")
    assert "last tuesday" in await refused(client, "advanced_search", query="x", timeframe="purple")
    assert "sort_by" in await refused(client, "advanced_search", query="x", sort_by="beauty")
    assert "tags" in await refused(client, "search_suggestions", query="x", field="poem")
    assert "No project" in await refused(client, "search_suggestions", query="x", project="unknown")


def test_kinds_are_named_generously():
    assert kinds_named(None) is kinds_named("all") is kinds_named(" ") is None
    assert kinds_named("Reflections, chat") == (Kind.REFLECTION, Kind.TURN)
    assert kinds_named("tool calls") == (Kind.ACTION,)


@given(st.text(max_size=30))
def test_any_content_type_is_kinds_or_refused(text):
    try:
        found = kinds_named(text)
    except Invalid:
        return
    assert found is None or set(found) <= set(Kind)


async def test_the_last_word_is_completed_by_what_is_remembered(opened):
    app, client, _ = opened
    await remember(app, "reset the cache", "the cache again", "a canary release went wrong")
    assert await suggest(client, "ca") == ["cache", "canary"]
    assert (await suggest(client, "release ca"))[0] == "release canary"
    assert await suggest(client, "ca", limit=1) == ["cache"]
    assert await suggest(client, "zebra") == []


async def test_questions_asked_before_stand_between_the_words(opened):
    app, client, _ = opened
    await remember(app, "cache reset", "canary release", "carrier pigeon")
    for query in ("cache reset after deploy", "cache reset after deploy", "cannot find it"):
        await client.call_tool("reflect_on_past", {"query": query})
    assert await suggest(client, "ca") == ["cache", "canary", "cache reset after deploy", "carrier", "cannot find it"]
    assert await suggest(client, "CACHE res", field="history") == ["cache reset after deploy"]
    assert (await suggest(client, ""))[0] == "cache reset after deploy"


async def test_names_of_tags_files_projects_and_kinds_are_completed(opened):
    app, client, _ = opened
    await remember(
        app, "look into src/billing/invoice.py", "src/billing/invoice.py again, docs/invoice.md", tags=("ops", "opera")
    )
    await app.memory.store(Draft("elsewhere", "sharing-123456", Kind.TURN, time=MARCH))
    assert await suggest(client, "op", field="tags") == ["opera", "ops"]
    assert await suggest(client, "invo", field="files") == ["src/billing/invoice.py", "docs/invoice.md"]
    assert [name.rpartition("-")[0] for name in await suggest(client, "sh", field="project")] == ["shop", "sharing"]
    assert await suggest(client, "t", field="kind") == ["turn"]


async def test_words_of_other_projects_are_not_suggested_unasked(opened):
    app, client, _ = opened
    await app.memory.store(Draft("a gazelle", "blog-123456", Kind.TURN, time=MARCH))
    await remember(app, "gazebo")
    assert await suggest(client, "gaz") == ["gazebo"]
    assert set(await suggest(client, "gaz", project="*")) == {"gazebo", "gazelle"}


async def test_what_was_forgotten_is_not_suggested(opened):
    app, client, _ = opened
    [gone] = await remember(app, "gazelle")
    assert await suggest(client, "gaz") == ["gazelle"]
    await app.store.delete([Condition("id", "=", gone)])
    assert await suggest(client, "gaz") == []


async def test_suggestions_hold_the_budget(opened):
    app, client, here = opened
    (here / "pyproject.toml").write_text("[tool.session-mgmt]\nmax-tokens = 150\n")
    await remember(app, " ".join(f"gaz{letter}{other}" for letter in "abcdefgh" for other in "abcdefgh"))
    reply = (await client.call_tool("search_suggestions", {"query": "gaz", "limit": 50})).structured_content
    assert size(SuggestionReply.model_validate(reply)) <= 150 and reply["suggestions"]
