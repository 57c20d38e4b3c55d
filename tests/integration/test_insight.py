"""search_summary and search_by_concept through a real client, recounted over what was stored."""

import re
from collections import Counter

import pytest
from fastmcp import Client
from session_mgmt_mcp import samples
from session_mgmt_mcp.application import Application


@pytest.fixture
async def product(product_in, shop):
    async with product_in(shop) as (app, client):
        yield app, client


async def everything(app: Application) -> dict:
    page = await app.store.scan([], limit=100_000)
    return {record.id: record for record in page.records if not record.parent}


async def summary_holds(app: Application, client: Client, query: str) -> dict:
    reply = (await client.call_tool("search_summary", {"query": query, "project": "*"})).structured_content
    known = await everything(app)
    assert reply["count"] >= sum(reply["by_month"].values()) == sum(reply["by_project"].values()) > 0
    assert (reply["first"][:7], reply["last"][:7]) == (min(reply["by_month"]), max(reply["by_month"]))
    for quote in reply["quotes"]:
        record = known[quote["id"]]
        assert quote["text"] in " ".join(record.text.split())
        assert (quote["role"], quote["trust"]) == (record.role, record.metadata["trust"])
    texts = {record.text.casefold() for record in known.values()}
    for theme in reply["themes"]:
        with_all = [text for text in texts if all(word[:4].casefold() in text for word in theme["text"].split())]
        assert 2 <= theme["memories"] <= len(with_all), theme
    named = Counter(file for record in known.values() for file in set(record.files))
    assert reply["files"].keys() <= named.keys()
    return reply


async def test_of_the_sample_transcripts_a_summary_says_what_is_there(product):
    app, client = product
    await app.capture.import_paths([samples.folder()])
    for query in ("cart total", "test fails"):
        reply = await summary_holds(app, client, query)
        assert reply["first"] <= reply["last"] and reply["summary"].startswith(f"{reply['count']} memories")


async def test_of_real_transcripts_as_well(product, shared):
    app, client = product
    await app.capture.import_paths([shared / "claude-code/real-projects"])
    found = [
        await summary_holds(app, client, query)
        for query in ("token usage", "failing tests", "telemetry", "config file")
    ]
    assert all(reply["themes"] and reply["files"] and reply["quotes"] for reply in found)
    assert len({reply["themes"][0]["text"] for reply in found}) == len(found)


async def test_a_concept_of_real_transcripts_leads_to_the_files_around_it(product, shared):
    app, client = product
    await app.capture.import_paths([shared / "claude-code/real-projects"])
    known = await everything(app)
    for concept in ("token usage", "shell completion", "telemetry opt out"):
        reply = (await client.call_tool("search_by_concept", {"concept": concept, "project": "*"})).structured_content
        assert len(reply["hits"]) == 10 and reply["terms"]
        assert not {term.casefold() for term in reply["terms"]} & set(concept.split())
        sessions = {hit["session"] for hit in reply["hits"]}
        there = {file for record in known.values() if record.session in sessions for file in record.files}
        assert reply["files"] and {file["path"] for file in reply["files"]} <= there
        assert 1 <= reply["files"][-1]["near"] <= reply["files"][0]["near"] <= 10
        for name in reply["names"]:
            spelled = re.sub(r"[_\-]", "", name)[:8]
            assert any(spelled in re.sub(r"[_\-]", "", record.text).casefold() for record in known.values()), name
        bare = {"concept": concept, "project": "*", "include_files": False}
        assert not (await client.call_tool("search_by_concept", bare)).structured_content["files"]


async def test_nothing_remembered_is_said(product):
    _, client = product
    for name, argument in (("search_summary", "query"), ("search_by_concept", "concept")):
        reply = (await client.call_tool(name, {argument: "kubernetes ingress"})).structured_content
        assert reply["summary"] == "Nothing remembered answers this."
