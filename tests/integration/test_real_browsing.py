"""Facets, orders and completions over real transcripts, counted here a second time."""

import re
from collections import Counter

import pytest
from fastmcp import Client
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load

pytestmark = pytest.mark.shared


@pytest.fixture
async def opened(real_sessions):
    async with open_application(load(embedder="memory")) as app, Client(build_server(app)) as client:
        yield app, client


async def everything(app) -> list:
    found, cursor = [], None
    while True:
        page = await app.store.scan([], cursor)
        found += page.records
        cursor = page.cursor
        if cursor is None:
            return found


async def test_facets_are_those_of_every_memory_that_has_the_word(opened):
    app, client = opened
    records = await everything(app)
    having = {
        r.parent or r.id for r in records if re.search(r"\bconfig\b", r.text[:800], re.IGNORECASE) and r.kind != "code"
    }
    whole = {r.id: r for r in records if not r.parent}
    arguments = {"query": "config", "project": "*", "limit": 1}
    reply = (await client.call_tool("advanced_search", arguments)).structured_content
    # the index also takes pieces of names and other forms of the word
    assert len(having) <= reply["matching"] <= len(having) * 1.2
    for facet, name in (("by_kind", "kind"), ("by_role", "role")):
        counted = Counter(getattr(whole[one], name) for one in having)
        for value, count in reply[facet].items():
            assert counted[value] <= count <= counted[value] * 1.2 + 2, (facet, value)
    assert sum(reply["by_month"].values()) == reply["matching"] and set(reply["by_month"]) <= {"2026-01", "2026-02"}


async def test_pages_by_time_show_everything_once_in_order(opened):
    app, client = opened
    expected = {r.id for r in await everything(app) if not r.parent and r.kind == "turn"}
    seen, times, cursor = [], [], None
    for _ in range(500):
        arguments = {"content_type": "turn", "project": "*", "sort_by": "recency", "limit": 50, "cursor": cursor}
        reply = (await client.call_tool("advanced_search", arguments)).structured_content
        seen += [hit["id"] for hit in reply["hits"]]
        times += [hit["time"] for hit in reply["hits"]]
        cursor = reply["cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) and set(seen) == expected
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("typed", ["te", "con", "re", "fi"])
async def test_completions_are_words_of_the_transcripts_most_frequent_first(opened, typed):
    app, client = opened
    texts = [r.text[:800].lower() for r in await everything(app) if r.kind != "code"]
    arguments = {"query": typed, "project": "*", "limit": 10}
    found = (await client.call_tool("search_suggestions", arguments)).structured_content["suggestions"]
    assert len(found) >= 5
    counts = [one["count"] for one in found]
    assert counts == sorted(counts, reverse=True)
    for one in found:
        assert one["text"].startswith(typed)
        assert sum(one["text"] in text for text in texts) >= 1


async def test_files_are_completed_by_their_names(opened):
    app, client = opened
    path = next(path for path in await app.store.facets("files", []) if path.count("/") > 1)
    arguments = {"query": path.rpartition("/")[2][:5], "field": "files", "project": "*", "limit": 50}
    found = (await client.call_tool("search_suggestions", arguments)).structured_content["suggestions"]
    assert path in [one["text"] for one in found]


async def test_metrics_count_what_was_asked_of_them(opened):
    _, client = opened
    for query in ("flaky test", "flaky test", "zzqq unheard of"):
        await client.call_tool("quick_search", {"query": query, "project": "*"})
    reply = (await client.call_tool("get_search_metrics", {"project": "*"})).structured_content
    assert reply["totals"]["searches"] == 3 and reply["queries"][0]["query"] == "flaky test"
