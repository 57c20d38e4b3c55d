"""Each tool, through a real MCP client over a real server."""

import errno
import os
from collections.abc import AsyncIterator

import pytest
from fastmcp import Client
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.mcp_server import build_server, repeatable_tools
from session_mgmt_mcp.ports.errors import Corrupt
from session_mgmt_mcp.settings import load


@pytest.fixture
async def client(product_in, shop) -> AsyncIterator[Client]:
    async with product_in(shop) as (_, client):
        yield client


async def call(client: Client, name: str, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def refused(client: Client, name: str, **arguments) -> str:
    result = await client.call_tool(name, arguments, raise_on_error=False)
    assert result.is_error
    text = result.content[0].text
    assert "\n" not in text and "Traceback" not in text
    return text


async def test_every_tool_is_described_hinted_and_typed(client):
    tools = await client.list_tools()
    assert {tool.name for tool in tools} >= {
        "store_reflection", "reflect_on_past", "search_reflections", "quick_search", "get_more_results",
        "reflection_stats", "reset_reflection_database", "health_check", "server_info", "ping",
    }  # fmt: skip
    for tool in tools:
        assert tool.description and tool.output_schema and len(tool.name) <= 34, tool.name
        assert tool.meta["anthropic/searchHint"], tool.name
        assert tool.annotations.read_only_hint is not None
    eager = {tool.name for tool in tools if tool.meta.get("anthropic/alwaysLoad")}
    assert {"reflect_on_past", "store_reflection", "quick_search"} <= eager
    assert eager <= {"start", "checkpoint", "end", "status", "reflect_on_past", "store_reflection", "quick_search"}


async def test_only_what_may_be_repeated_is_named_repeatable(client):
    assert "store_reflection" in repeatable_tools()
    assert "reset_reflection_database" not in repeatable_tools()


async def test_a_stored_reflection_is_found_by_every_search(client):
    stored = await call(client, "store_reflection", content="The proxy listens on port 8081", tags=["ops"])
    for tool in ("reflect_on_past", "search_reflections"):
        reply = await call(client, tool, query="which port has the proxy")
        assert [hit["id"] for hit in reply["hits"]] == [stored["id"]]
    quick = await call(client, "quick_search", query="proxy")
    assert (quick["count"], quick["best"]["id"], quick["by_kind"]) == (1, stored["id"], {"reflection": 1})
    stats = await call(client, "reflection_stats")
    assert stats["memories"] == 1 and stats["by_kind"] == {"reflection": 1}


async def test_another_project_is_seen_only_when_named(client):
    await call(client, "store_reflection", content="The proxy listens on port 8081")
    mine = (await call(client, "reflect_on_past", query="proxy"))["hits"][0]["project"]
    assert mine.startswith("shop-")
    for name in (mine, "shop", "*"):
        assert len((await call(client, "reflect_on_past", query="proxy", project=name))["hits"]) == 1
    assert "No project is known" in await refused(client, "reflect_on_past", query="proxy", project="blog")


async def test_a_reflection_is_stored_where_it_is_told(client):
    first = await call(client, "store_reflection", content="The proxy listens on port 8081")
    mine = (await call(client, "reflect_on_past", query="proxy"))["hits"][0]["project"]
    for name in (mine, "shop"):
        again = await call(client, "store_reflection", content="The proxy listens on port 8081", project=name)
        assert again["duplicate"] and again["id"] == first["id"]
    assert "No project is known" in await refused(client, "store_reflection", content="x", project="blog")


async def test_pages_go_on_by_cursor_and_by_offset(client):
    for n in range(7):
        await call(client, "store_reflection", content=f"cache lesson number {n}")
    first = await call(client, "reflect_on_past", query="cache lesson", limit=3)
    second = await call(client, "get_more_results", query="cache lesson", cursor=first["cursor"])
    third = await call(client, "get_more_results", query="cache lesson", offset=6)
    seen = [hit["id"] for reply in (first, second, third) for hit in reply["hits"]]
    assert len(seen) == len(set(seen)) == 7 and third["cursor"] is None


async def test_without_cursor_or_offset_a_page_goes_on_where_the_last_one_stopped(client):
    for n in range(9):
        await call(client, "store_reflection", content=f"cache lesson number {n} " + "and more words " * 20)
    seen = []
    for reply in (
        await call(client, "search_reflections", query="cache lesson", limit=5),
        await call(client, "get_more_results", query="cache lesson", limit=2),
        await call(client, "get_more_results", query="cache lesson", limit=9),
    ):
        seen += [hit["id"] for hit in reply["hits"]]
    assert len(seen) == len(set(seen)) == 9


async def test_a_page_that_was_cut_to_its_budget_goes_on_behind_what_it_showed(client):
    for n in range(9):
        await call(client, "store_reflection", content=f"cache lesson number {n} " + "and more words " * 20)
    first = await call(client, "reflect_on_past", query="cache lesson", limit=9, max_tokens=700)
    assert 0 < len(first["hits"]) < 9 and "Cut to 700 tokens." in first["summary"]
    rest = await call(client, "get_more_results", query="cache lesson", limit=9)
    assert len({hit["id"] for reply in (first, rest) for hit in reply["hits"]}) == 9


async def test_a_quick_search_counts_what_answers_nearly_as_well_as_the_best(client):
    for n in range(3):
        await call(client, "store_reflection", content=f"The proxy listens on port 808{n}", tags=["ops"])
    await call(client, "store_reflection", content="Lunch was late, and a port of call")
    quick = await call(client, "quick_search", query="which port has the proxy")
    assert quick["count"] == sum(quick["by_kind"].values()) == 3 and "half as well" in quick["summary"]
    rest = await call(client, "get_more_results", query="which port has the proxy", limit=9)
    assert quick["best"]["id"] not in [hit["id"] for hit in rest["hits"]] and len(rest["hits"]) >= 2


async def test_wrong_arguments_are_answered_in_one_sentence(client):
    assert "query" in await refused(client, "reflect_on_past")
    assert "query" in await refused(client, "reflect_on_past", query="")
    assert "limit" in await refused(client, "reflect_on_past", query="x", limit=0)
    assert "nonsense" in await refused(client, "reflect_on_past", query="x", nonsense=1)
    assert "kind" in await refused(client, "store_reflection", content="x", kind="turn")
    assert "empty" in await refused(client, "store_reflection", content="  ")
    assert "at most 65,536" in await refused(client, "store_reflection", content="x" * 10_000_000)


async def test_reset_needs_confirmation_and_leaves_a_backup(client, tmp_path):
    await call(client, "store_reflection", content="The proxy listens on port 8081")
    asked = await call(client, "reset_reflection_database")
    assert not asked["reset"] and asked["memories"] == 1
    assert (await call(client, "reflection_stats"))["memories"] == 1
    done = await call(client, "reset_reflection_database", confirm=True)
    backups = list((load().data_dir / "backups").glob(done["backup"]))
    assert done["reset"] and len(backups) == 1 and backups[0].stat().st_mode & 0o077 == 0
    assert (await call(client, "reflection_stats"))["memories"] == 0
    assert not (await call(client, "reflect_on_past", query="proxy"))["hits"]


async def test_explain_shows_what_a_score_is_made_of(client):
    await call(client, "store_reflection", content="The proxy listens on port 8081")
    assert (await call(client, "reflect_on_past", query="proxy", explain=True))["hits"][0]["why"]
    assert (await call(client, "reflect_on_past", query="proxy"))["hits"][0]["why"] is None


async def test_without_a_model_everything_but_meaning_goes_on_and_says_so(tmp_path):
    settings = load(data_dir=tmp_path / "data", model_path=str(tmp_path / "none.onnx"))
    async with open_application(settings) as app, Client(build_server(app)) as client:
        stored = await call(client, "store_reflection", content="The proxy listens on port 8081")
        found = await call(client, "reflect_on_past", query="proxy")
        assert [hit["id"] for hit in found["hits"]] == [stored["id"]] and "none.onnx" in found["note"]
        stats = await call(client, "reflection_stats")
        assert stats["memories"] == stats["waiting_for_vector"] == 1
        assert "none.onnx" in stats["model"] and "none.onnx" in (await call(client, "server_info"))["model"]
        health = await call(client, "health_check")
        assert health["healthy"] and "by word only" in health["summary"]


async def test_the_server_says_what_it_is_and_that_it_is_well(client):
    assert (await call(client, "ping"))["pong"] is True
    info = await call(client, "server_info")
    assert info["version"] and info["pid"] > 0
    health = await call(client, "health_check")
    assert health["healthy"]
    assert {check["name"] for check in health["checks"]} >= {"memory", "vectors", "documents", "disk", "permissions"}


async def test_a_document_that_cannot_be_read_is_told_until_it_is_removed(product_in, shop):
    async with product_in(shop) as (app, client):
        await app.storage.put("handoffs", "h1", {})
        [file] = (app.settings.data_dir / "sessions" / "handoffs").glob("*.jsonl")
        file.write_text("half a docu")
        with pytest.raises(Corrupt) as caught:
            await app.storage.get("handoffs", "h1")
        assert str(caught.value.where) in (await call(client, "health_check"))["summary"]
        caught.value.where.unlink()
        assert (await call(client, "health_check"))["summary"] == "All is well."


async def test_forgetting_all_memories_leaves_the_documents(product_in, shop):
    async with product_in(shop) as (app, client):
        await app.storage.put("reminders", "r1", {"title": "water the plants"})
        await call(client, "reset_reflection_database", confirm=True)
        assert await app.storage.get("reminders", "r1") is not None


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "notes: No space left on device: make room and try again."),
        (errno.EACCES, "notes: Permission denied: change its owner or permissions and try again."),
        (errno.EROFS, "notes: Read-only file system: make it writable, or name another place and try again."),
        (errno.EMFILE, "notes: Too many open files: close what is open elsewhere or raise the limit of open files and"),
        (errno.EIO, "notes: Input/output error: mend that and try again."),
    ],
)
async def test_what_the_system_refuses_is_said_with_its_cause(product_in, shop, monkeypatch, number, said):
    async def refuses(*_, **__):
        raise OSError(number, os.strerror(number), "notes")

    async with product_in(shop) as (app, client):
        monkeypatch.setattr(app.memory, "store", refuses)
        assert (await refused(client, "store_reflection", content="the lantern")).startswith(said)
