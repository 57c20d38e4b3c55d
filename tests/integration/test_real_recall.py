"""What stands in real sessions is found by its word or its name, and nothing else is made of a question."""

import json
import re
from collections import Counter

import pytest
from fastmcp import Client
from session_mgmt_mcp.adapters.duckdb.backups import verify
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.domain.packing import values_of
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load

pytestmark = pytest.mark.shared
ASKED = 40


@pytest.fixture
async def app(real_sessions):
    async with open_application(load(embedder="memory")) as app:
        yield app


@pytest.fixture
async def opened(app):
    texts = await memories(app)
    async with Client(build_server(app)) as client:
        yield texts, client


async def memories(app):
    return {one.id: one for one in (await app.store.scan([], limit=5_000)).records if not one.parent}


async def missed(client, texts, queries) -> list[str]:
    """Those that no memory among the first five has as it stands."""
    lost = []
    for query in queries:
        arguments = {"query": query, "project": "*"}
        hits = (await client.call_tool("reflect_on_past", arguments)).structured_content["hits"]
        if not any(query.lower() in texts[hit["id"]].text.lower() for hit in hits):
            lost.append(query)
    return lost


async def test_names_of_files_are_found_as_they_stand(opened):
    texts, client = opened
    named = sorted({file.rpartition("/")[2] for one in texts.values() for file in one.files})
    names = [name for name in named if re.fullmatch(r"\w{3,}\.\w+", name) and standing(texts, name)]
    asked = names[:: max(1, len(names) // ASKED)]
    assert len(asked) >= ASKED and len(await missed(client, texts, asked)) <= 1


async def test_a_word_that_one_memory_has_is_found(opened):
    texts, client = opened
    counts = Counter(word for one in texts.values() for word in set(re.findall(r"[a-z]{8,12}", one.text)))
    rare = sorted(word for word, count in counts.items() if count == 1)
    asked = [word for word in rare[:: max(1, len(rare) // ASKED)] if standing(texts, word)]
    assert len(asked) >= ASKED // 2 and len(await missed(client, texts, asked)) <= len(asked) / 5


def standing(texts, word) -> bool:
    return any(re.search(rf"(?<![\w.]){re.escape(word)}\b", one.text) for one in texts.values())


async def call(client, tool, **arguments):
    return (await client.call_tool(tool, {"project": "*"} | arguments)).structured_content


async def test_pages_show_each_hit_once_while_others_are_stored(opened):
    _, client = opened
    page = await call(client, "reflect_on_past", query="telemetry", limit=9)
    seen = [hit["id"] for hit in page["hits"]]
    while page["cursor"]:
        new = {"content": f"telemetry again, and {len(seen)} more"}
        await client.call_tool("store_reflection", new)
        page = await call(client, "get_more_results", query="telemetry", cursor=page["cursor"], limit=9)
        seen += [hit["id"] for hit in page["hits"]]
    assert len(seen) == len(set(seen)) == page["total"] > 50


async def test_more_of_a_question_that_nobody_asked_starts_behind_its_first_three(opened, app):
    _, client = opened
    await app.embedding.wait_idle()  # a ranking is another one when a vector has come
    more = await call(client, "get_more_results", query="goconst", limit=4)
    asked = await call(client, "reflect_on_past", query="goconst", limit=7)
    assert [hit["id"] for hit in more["hits"]] == [hit["id"] for hit in asked["hits"]][3:]


async def test_a_quick_search_counts_what_it_shows_of_the_best(opened):
    texts, client = opened
    quick = await call(client, "quick_search", query="goconst")
    for facet in ("by_kind", "by_project", "by_month"):
        assert sum(quick[facet].values()) == quick["count"] > 1
    assert "goconst" in texts[quick["best"]["id"]].text
    whole = await call(client, "reflect_on_past", query="goconst", limit=1)
    assert quick["best"] == whole["hits"][0] and quick["count"] < whole["total"]


async def test_statistics_are_those_of_what_was_imported(opened):
    texts, client = opened
    stats = (await client.call_tool("reflection_stats", {})).structured_content
    assert stats["memories"] == len(texts)
    assert stats["by_kind"] == dict(Counter(one.kind for one in texts.values()))
    assert stats["by_project"] == dict(Counter(one.project for one in texts.values()))
    assert stats["by_month"] == dict(Counter(f"{one.time:%Y-%m}" for one in texts.values()))


async def test_reflections_are_found_apart_from_what_was_said(opened):
    _, client = opened
    assert (await call(client, "search_reflections", query="telemetry"))["hits"] == []
    arguments = {"content": "Telemetry stays off unless somebody says yes", "tags": ["decision"]}
    stored = (await client.call_tool("store_reflection", arguments)).structured_content
    for tags in ([], ["decision"]):
        found = await call(client, "search_reflections", query="telemetry", tags=tags)
        assert [hit["id"] for hit in found["hits"]] == [stored["id"]]
    assert (await call(client, "search_reflections", query="telemetry", tags=["other"]))["hits"] == []


async def test_hits_of_two_searches_fit_together_into_a_budget(opened):
    _, client = opened
    hits = [
        hit
        for query in ("telemetry opt out", "telemetry opt out setting")
        for hit in (await call(client, "reflect_on_past", query=query, limit=9))["hits"]
    ]
    arguments = {"results": hits, "max_tokens": 900, "query": "telemetry opt out"}
    packed = (await client.call_tool("_optimize_search_results", arguments)).structured_content
    shown = [hit["id"] for hit in packed["results"]]
    assert 1 < len(shown) == len(set(shown)) < len(hits)
    assert tokens(json.dumps(packed)) <= 1.1 * 900
    roomy = (await client.call_tool("_optimize_search_results", arguments | {"max_tokens": 9_000})).structured_content
    assert {one["why"] for one in roomy["left_out"]} == {"repeats a better one"}
    assert {one["id"] for one in roomy["left_out"]} & {hit["id"] for hit in roomy["results"]}
    assert len(roomy["results"]) + len(roomy["left_out"]) == len(hits)
    values = values_of(roomy["results"], "telemetry opt out").tolist()
    assert values == sorted(values, reverse=True)


async def test_forgetting_takes_everything_and_leaves_a_backup(opened, app, shared):
    texts, client = opened
    arguments = {"content": "Telemetry stays off unless somebody says yes"}
    await client.call_tool("store_reflection", arguments)
    assert (await client.call_tool("reset_reflection_database", {})).structured_content["memories"] == len(texts) + 1
    assert (await call(client, "reflect_on_past", query="telemetry"))["hits"]
    gone = (await client.call_tool("reset_reflection_database", {"confirm": True})).structured_content
    assert gone["reset"] and gone["memories"] == len(texts) + 1
    assert (await call(client, "reflect_on_past", query="telemetry"))["hits"] == []
    assert (await client.call_tool("reflection_stats", {})).structured_content["records"] == 0
    assert verify(app.settings.data_dir / "backups" / gone["backup"]) > len(texts)
    await app.capture.import_paths([shared / "claude-code" / "real-projects"])
    assert (await memories(app)).keys() == texts.keys()
