"""Times in words through a real MCP client, over small invented sessions."""

import subprocess
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fastmcp import Client
from session_mgmt_mcp import recall
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.settings import load
from session_mgmt_mcp.tools.budget import size
from session_mgmt_mcp.tools.timeline import TemporalReply

BERLIN = ZoneInfo("Europe/Berlin")
MARCH = datetime(2026, 3, 10, 9, tzinfo=UTC)


@pytest.fixture
async def opened(product_in, shop):
    async with product_in(shop, timezone="Europe/Berlin") as (app, client):
        yield app, client, shop


async def remember(app, *drafts: tuple[datetime, str, str, str]) -> None:
    """When, session, role, text."""
    project = await recall.caller_project(app)
    await app.memory.store_many(
        [
            Draft(text, project, Kind.TURN, session=session, role=role, position=at, time=when, key=f"{session}{at}")
            for at, (when, session, role, text) in enumerate(drafts)
        ]
    )


async def ask(client: Client, time: str, query: str | None = None, **more):
    arguments = {"time_expression": time, "query": query, **more}
    return (await client.call_tool("search_temporal", arguments)).structured_content


async def test_a_stretch_of_time_shows_its_sessions_latest_first(opened):
    app, client, _ = opened
    hour = timedelta(hours=1)
    await remember(
        app,
        (MARCH, "morning", "user", "Why is the cart in src/cart.py empty?"),
        (MARCH + hour / 2, "morning", "assistant", "It is cached."),
        (MARCH + hour * 0.4, "morning", "user", "And then?"),
        (MARCH + 3 * hour, "noon", "user", "Rename the invoice"),
        (MARCH + 100 * hour, "later", "user", "Something else"),
    )
    reply = await ask(client, "10 March 2026")
    assert [one["session"] for one in reply["sessions"]] == ["noon", "morning"] and reply["total"] == 2
    morning = reply["sessions"][1]
    assert [one["snippet"] for one in morning["said"]] == ["Why is the cart in src/cart.py empty?", "And then?"]
    assert morning["by_kind"] == {"turn": 3} and morning["files"] == ["src/cart.py"]
    assert (morning["start"], morning["end"]) == ("2026-03-10T09:00:00Z", "2026-03-10T09:30:00Z")
    assert [one["session"] for one in (await ask(client, "March 2026", limit=1))["sessions"]] == ["later"]


async def test_with_a_query_only_hits_of_that_time_are_shown(opened):
    app, client, _ = opened
    await remember(
        app,
        (MARCH, "a", "user", "The invoice rounding is wrong"),
        (MARCH + timedelta(days=40), "b", "user", "The invoice rounding is right now"),
        (MARCH, "a", "user", "Nothing of the kind"),
    )
    reply = await ask(client, "between february and march 2026", "invoice rounding")
    assert {hit["session"] for hit in reply["hits"]} == {"a"} and reply["sessions"] == []
    assert "rounding" in reply["hits"][0]["snippet"]
    assert {hit["session"] for hit in (await ask(client, "2026", "invoice rounding"))["hits"]} == {"a", "b"}


async def test_the_reply_says_which_interval_was_understood(opened):
    _, client, _ = opened
    understood = (await ask(client, "from 3 to 10 October 2025"))["understood"]
    assert understood["start"] == "2025-10-03T00:00:00+02:00" and understood["end"] == "2025-10-11T00:00:00+02:00"
    assert "October" in understood["how"] or "2025-10-03" in understood["how"]
    assert (await ask(client, "since 2025-01-01"))["understood"]["end"] is None


async def test_days_are_those_of_the_users_time_zone(opened):
    app, client, _ = opened
    await remember(app, (datetime(2026, 1, 4, 23, 30, tzinfo=UTC), "night", "user", "half past midnight in Berlin"))
    assert (await ask(client, "5 January 2026"))["total"] == 1
    assert (await ask(client, "4 January 2026"))["total"] == 0


async def test_since_the_last_release_counts_from_the_tag_of_the_callers_repository(opened):
    app, client, here = opened
    environment = {
        "GIT_COMMITTER_DATE": "2026-02-01T12:00:00Z",
        "GIT_AUTHOR_DATE": "2026-02-01T12:00:00Z",
        "PATH": "/usr/bin:/bin",
    }
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"], ["tag", "v1.0"]):
        subprocess.run(["git", *identity, *command], cwd=here, env=environment, check=True)
    await app.projects.learn(str(here))
    await remember(
        app,
        (datetime(2026, 1, 30, tzinfo=UTC), "before", "user", "before the release"),
        (datetime(2026, 2, 2, tzinfo=UTC), "after", "user", "after the release"),
    )
    for time in ("since the last release tag", "since v1.0"):
        reply = await ask(client, time)
        assert [one["session"] for one in reply["sessions"]] == ["after"] and "v1.0" in reply["understood"]["how"]


async def test_another_project_is_seen_only_when_named(opened):
    app, client, _ = opened
    await app.memory.store(Draft("elsewhere", "blog-123456", Kind.TURN, time=MARCH))
    assert (await ask(client, "March 2026"))["total"] == 0
    assert (await ask(client, "March 2026", project="*"))["total"] == 1
    assert (await ask(client, "March 2026", project="blog"))["total"] == 1


async def test_what_is_no_time_is_refused_in_one_sentence_with_examples(opened):
    _, client, _ = opened
    for wrong in ("the cache", "", "tomorrow"):
        result = await client.call_tool("search_temporal", {"time_expression": wrong}, raise_on_error=False)
        text = result.content[0].text
        assert result.is_error and "\n" not in text and ("last tuesday" in text or "future" in text)


async def test_a_reply_holds_its_budget_and_goes_on_behind_what_it_shows(opened):
    app, client, here = opened
    (here / "pyproject.toml").write_text("[tool.session-mgmt]\nmax-tokens = 1000\n")
    await remember(
        app,
        *(
            (MARCH + timedelta(minutes=n), f"s{n % 40}", "user", f"invoice number {n} " + "word " * 99)
            for n in range(120)
        ),
    )
    for query in (None, "invoice"):
        reply = await ask(client, "March 2026", query, limit=50)
        assert size(TemporalReply.model_validate(reply)) <= 1_000
        assert 0 < len(reply["hits"] or reply["sessions"]) < 40
    more = {"query": "invoice", "cursor": reply["cursor"], "limit": 5}
    following = (await client.call_tool("get_more_results", more)).structured_content
    assert not {hit["id"] for hit in reply["hits"]} & {hit["id"] for hit in following["hits"]}


async def test_the_zone_is_the_machines_unless_set(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    for name, expected in ((None, timedelta(hours=9)), ("UTC", timedelta(0))):
        async with open_application(load(embedder="memory", vector_store="memory", timezone=name)) as app:
            assert app.times.zone.utcoffset(datetime(2026, 1, 1)) == expected
