"""What is noted of searches, through a real MCP client."""

import inspect

import pytest
from fastmcp import Client
from session_mgmt_mcp.adapters.memory.query_log import MemoryQueryLog
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.contracts.query_log import search
from session_mgmt_mcp.domain.journal import WAITING, SearchJournal
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.query_log import LoggedSearch, Searches
from session_mgmt_mcp.settings import load
from session_mgmt_mcp.tools.journal import QUESTIONS, figures
from session_mgmt_mcp.tools.registry import TOOLS


@pytest.fixture
async def opened(product_in, shop):
    async with product_in(shop) as (app, client):
        yield app, client


async def call(client: Client, name: str, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def metrics(client: Client, **arguments):
    return await call(client, "get_search_metrics", **arguments)


async def test_searches_are_counted_by_tool_project_and_day(opened):
    _, client = opened
    await call(client, "store_reflection", content="The proxy listens on port 8081")
    for query in ("proxy port", "Proxy port"):
        await call(client, "reflect_on_past", query=query)
    await call(client, "quick_search", query="proxy port")
    reply = await metrics(client)
    assert reply["totals"]["searches"] == 3 and reply["totals"]["no_hit"] == 0
    assert {tool: one["searches"] for tool, one in reply["by_tool"].items()} == {
        "reflect_on_past": 2,
        "quick_search": 1,
    }
    [(project, _)] = reply["by_project"].items()
    assert project.startswith("shop-") and len(reply["by_day"]) == 1
    assert [(one["query"], one["searches"]) for one in reply["queries"]] == [("proxy port", 3)]
    assert 0 < reply["totals"]["p50_ms"] <= reply["totals"]["p95_ms"] < 60_000
    assert 0 < reply["totals"]["mean_best"] <= 1 and reply["unanswered"] == []


async def test_what_was_asked_in_vain_is_told(opened):
    _, client = opened
    await call(client, "reflect_on_past", query="unicorns")
    reply = await metrics(client, metric_type="unanswered")
    assert [one["query"] for one in reply["unanswered"]] == ["unicorns"]
    assert reply["totals"] is None and reply["queries"] == [] and reply["by_tool"] == {}
    assert (await metrics(client))["totals"]["no_hit"] == 1


async def test_a_refused_call_a_further_page_and_other_tools_are_no_searches(opened):
    _, client = opened
    for n in range(4):
        await call(client, "store_reflection", content=f"cache lesson {n}")
    first = await call(client, "reflect_on_past", query="cache", limit=2)
    await call(client, "get_more_results", query="cache", cursor=first["cursor"])
    await client.call_tool("reflect_on_past", {"query": ""}, raise_on_error=False)
    await client.call_tool("reflect_on_past", {"query": "x", "project": "unknown"}, raise_on_error=False)
    await call(client, "search_temporal", time_expression="today")
    assert (await metrics(client))["totals"]["searches"] == 1


async def test_secrets_in_questions_are_never_kept(opened):
    _, client = opened
    secret = "ghp_" + "0a1B2c3D4e5F6g7H8i9J" + "0a1B2c3D4e5F6g7H"
    await call(client, "reflect_on_past", query=f"why is {secret} refused")
    [asked] = (await metrics(client))["queries"]
    assert secret not in asked["query"] and "why is" in asked["query"]


async def test_another_projects_searches_are_seen_only_when_asked_for(opened):
    app, client = opened
    await call(client, "reflect_on_past", query="mine")
    app.journal.note(search("theirs", project="bank-123456", at=24 * 300))
    assert [one["query"] for one in (await metrics(client, timeframe="all"))["queries"]] == ["mine"]
    everywhere = await metrics(client, timeframe="all", project="*")
    assert {one["query"] for one in everywhere["queries"]} == {"mine", "theirs"} and len(everywhere["by_project"]) == 2


async def test_the_time_is_read_in_words(opened):
    _, client = opened
    await call(client, "reflect_on_past", query="proxy")
    for time, expected in (("12h", 1), ("today", 1), ("last year", 0), ("yesterday", 0), ("all time", 1)):
        assert (await metrics(client, timeframe=time))["totals"]["searches"] == expected, time
    result = await client.call_tool("get_search_metrics", {"timeframe": "purple"}, raise_on_error=False)
    assert result.is_error and "last tuesday" in result.content[0].text


@pytest.mark.parametrize("name", ["ALL", "latency", "top-queries", "Usage", None])
async def test_names_of_metrics_are_taken_generously(opened, name):
    _, client = opened
    assert (await metrics(client, metric_type=name))["summary"]


async def test_an_unknown_metric_is_refused_by_naming_those_there_are(opened):
    _, client = opened
    result = await client.call_tool("get_search_metrics", {"metric_type": "beauty"}, raise_on_error=False)
    assert result.is_error and "unanswered" in result.content[0].text


async def test_reset_forgets_searches_and_statistics_do_not_count_them(opened):
    _, client = opened
    await call(client, "reflect_on_past", query="proxy")
    assert (await metrics(client))["totals"]["searches"] == 1
    assert (await call(client, "reflection_stats"))["memories"] == 0
    await call(client, "reflect_on_past", query="still waiting to be written")
    await call(client, "reset_reflection_database", confirm=True)
    assert (await metrics(client))["totals"]["searches"] == 0


async def test_switched_off_nothing_is_noted(tmp_path):
    async with open_application(load(embedder="memory", query_log=False)) as app, Client(build_server(app)) as client:
        await call(client, "reflect_on_past", query="proxy")
        reply = await metrics(client)
        assert reply["totals"]["searches"] == 0 and "query_log" in reply["summary"]


@pytest.mark.on_disk
async def test_what_was_noted_is_there_after_closing():
    for expected in (1, 2):
        async with open_application(load(embedder="memory")) as app:
            app.journal.note(search(f"q{expected}"))
        async with open_application(load(embedder="memory")) as app:
            assert (await app.metrics.read(["totals"], Searches())).totals.searches == expected


class Broken(MemoryQueryLog):
    broken = True

    async def record(self, searches):
        if self.broken:
            raise Unavailable("The disk is full: free some space.")
        await super().record(searches)


async def test_a_log_that_cannot_be_written_waits_and_takes_no_room_for_ever():
    log = Broken()
    journal = SearchJournal(log)
    for n in range(2 * WAITING):
        journal.note(search(f"q{n}"))
    await journal.flush()
    log.broken = False
    await journal.flush()
    assert (await log.totals(Searches())).searches == WAITING


def test_every_tool_that_is_noted_has_the_argument_that_is_noted():
    for spec in TOOLS:
        if spec.name in QUESTIONS:
            assert QUESTIONS[spec.name] in inspect.signature(spec.function).parameters, spec.name
    searching = {spec.name for spec in TOOLS if spec.name.startswith(("search_", "reflect", "quick", "advanced"))}
    not_of_ours = {"search_team_knowledge"}  # the log is about the own memory
    assert searching - set(QUESTIONS) - not_of_ours <= {"search_suggestions", "reflection_stats"}


def test_figures_are_read_from_every_kind_of_reply():
    assert figures({"total": 7, "hits": [{"score": 0.8}, {"score": 0.1}]}) == (7, 0.8)
    assert figures({"count": 2, "best": {"score": 0.5}}) == (2, 0.5)
    assert figures({"hits": []}) == (0, None)
    assert figures(None) == (0, None)
    assert isinstance(search(), LoggedSearch)
