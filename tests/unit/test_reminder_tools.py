"""Reminders through a real MCP client, on a clock that the test sets."""

import asyncio
from datetime import UTC, datetime

import jsonschema
import pytest
from fastmcp import Client
from fastmcp.tools import ToolResult
from session_mgmt_mcp import connection
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.notifier import MemoryNotifier
from session_mgmt_mcp.clock import SystemClock
from session_mgmt_mcp.container import Container
from session_mgmt_mcp.domain.reminder import LINE_TOKENS
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.reminding import Reminding
from session_mgmt_mcp.tools.reminded import FIELD

ERAS = ("legacy", "2026-07-28")


@pytest.fixture
def clock(monkeypatch) -> FixedClock:
    clock = FixedClock(datetime(2026, 11, 18, 14, 30, tzinfo=UTC))
    monkeypatch.setattr(SystemClock, "now", lambda _: clock.now())
    return clock


@pytest.fixture
def desktop(monkeypatch) -> MemoryNotifier:
    from dependency_injector import providers

    desktop = MemoryNotifier()
    monkeypatch.setattr(Container, "notifier", providers.Object(desktop))
    return desktop


@pytest.fixture
async def product(product_in, shop, clock, desktop):
    async with product_in(shop, timezone="Europe/Berlin") as (app, client):
        yield app, client


async def call(client: Client, name: str, **arguments) -> dict:
    return (await client.call_tool(name, arguments)).structured_content


async def refused(client: Client, name: str, **arguments) -> str:
    result = await client.call_tool(name, arguments, raise_on_error=False)
    assert result.is_error and FIELD not in (result.structured_content or {})
    [text] = [block.text for block in result.content]
    assert "\n" not in text
    return text


def other(app, folder, session="s2", era="legacy"):
    """Another client's place in the same product."""
    folder.mkdir(exist_ok=True)
    return connection.entered(connection.Connection(cwd=str(folder), project_dir=str(folder), session_id=session))


async def remind(client: Client, when: str, title: str = "Call Bob", **more) -> dict:
    return (await call(client, "create_natural_reminder", title=title, time_expression=when, **more))["reminder"]


async def test_a_reminder_is_made_listed_and_cancelled(product):
    _, client = product
    reply = await call(client, "create_natural_reminder", title="Call Bob", time_expression="every weekday at 9")
    made = reply["reminder"]
    assert reply["summary"] == '"Call Bob": every weekday at 09:00; first Thursday 2026-11-19 09:00 (Europe/Berlin).'
    assert made["due"] == "2026-11-19T09:00:00+01:00" and made["rule"] == "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    assert (made["user"], made["method"], made["status"]) == ("default", "session", "open")
    listed = await call(client, "list_user_reminders")
    assert (listed["reminders"], listed["total"]) == ([made], 1)
    cancelled = await call(client, "cancel_user_reminder", reminder_id=made["id"])
    assert cancelled["summary"] == '"Call Bob" is cancelled.'
    assert not (await call(client, "list_user_reminders"))["reminders"]
    assert (await call(client, "list_user_reminders", include_closed=True))["reminders"][0]["status"] == "cancelled"


@pytest.mark.parametrize("era", ERAS)
async def test_a_due_reminder_goes_along_with_the_next_answer_once(product, clock, era):
    app, client = product
    await remind(client, "in 20 minutes", description="about the cache")
    assert FIELD not in await call(client, "ping")
    clock.advance(minutes=20)
    async with Client(build_server(app), mode=era) as client:
        result = await client.call_tool("quick_search", {"query": "proxy"})
        line = 'Reminder for the user: "Call Bob" (due Wednesday 2026-11-18 15:50): “about the cache”'
        assert result.structured_content[FIELD] == [line]
        assert result.structured_content["count"] == 0, "the answer itself is whole"
        assert [block.text for block in result.content][-1] == line
        assert FIELD not in await call(client, "quick_search", query="proxy")


async def test_an_error_carries_no_reminder_and_loses_none(product, clock):
    _, client = product
    await remind(client, "in 20 minutes")
    clock.advance(minutes=20)
    assert "query" in await refused(client, "quick_search")
    assert "reminder" in await refused(client, "cancel_user_reminder", reminder_id="none")
    assert len((await call(client, "ping"))[FIELD]) == 1


async def test_an_answer_that_says_it_is_an_error_carries_none(product, clock):
    app, client = product
    await remind(client, "in 20 minutes")
    clock.advance(minutes=20)
    server = build_server(app)

    @server.tool
    async def broken() -> ToolResult:
        return ToolResult(content="it broke", structured_content={"why": "it broke"}, is_error=True)

    async with Client(server) as client:
        result = await client.call_tool("broken", raise_on_error=False)
        assert result.is_error and FIELD not in result.structured_content and len(result.content) == 1
        assert len((await call(client, "ping"))[FIELD]) == 1


async def test_only_the_reminders_project_is_told(product, clock, tmp_path):
    app, client = product
    await remind(client, "in 20 minutes")
    await remind(client, "in 20 minutes", "Order lunch", project_id="*")
    clock.advance(minutes=20)
    with other(app, tmp_path / "blog"):
        async with Client(build_server(app)) as elsewhere:
            assert ["lunch" in line for line in (await call(elsewhere, "ping"))[FIELD]] == [True]
            assert not (await call(elsewhere, "list_user_reminders"))["reminders"]
            assert len((await call(elsewhere, "list_user_reminders", project_id="*"))["reminders"]) == 1
    assert ["Bob" in line for line in (await call(client, "ping"))[FIELD]] == [True]


async def test_opening_a_project_tells_what_was_kept_for_it(product, tmp_path):
    app, client = product
    made = await remind(client, "when I open project Blog")
    assert made["due"] is None and FIELD not in await call(client, "ping")
    with other(app, tmp_path / "blog", "s2"):
        async with Client(build_server(app)) as elsewhere:
            assert "Call Bob" in (await call(elsewhere, "ping"))[FIELD][0]
    with other(app, tmp_path / "blog", "s3"):
        async with Client(build_server(app)) as elsewhere:
            assert FIELD not in await call(elsewhere, "ping")


async def test_at_most_three_go_along_and_their_text_is_short(product, clock):
    _, client = product
    for number in range(5):
        await remind(client, "in 20 minutes", f"{number} " + "word " * 50, description="more " * 400)
    clock.advance(minutes=20)
    first, second = (await call(client, "ping"))[FIELD], (await call(client, "ping"))[FIELD]
    assert (len(first), len(second)) == (3, 2)
    assert tokens(str(first)) < 3 * LINE_TOKENS


async def test_every_tool_may_carry_reminders_by_its_schema(product):
    _, client = product
    for tool in await client.list_tools():
        schema = tool.output_schema
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object" and schema.get("additionalProperties") is not False, tool.name
        assert FIELD not in schema["properties"], f"{tool.name} has a field of that name"


async def test_what_is_no_reminder_is_refused_in_one_sentence(product):
    _, client = product
    wrong = {
        "tomorrow at 3pm": ("sometime", "hello", "every 30 seconds"),
        "the next possible time is 2026-11-18 at 17:00": ("yesterday at 5pm",),
    }
    for said, times in wrong.items():
        for when in times:
            assert said in await refused(client, "create_natural_reminder", title="x", time_expression=when)
    for arguments in (
        {"title": ""},
        {"title": "x" * 301},
        {"notification_method": "pigeon"},
        {"description": "x" * 2_001},
    ):
        given = {"title": "x", "time_expression": "tomorrow", **arguments}
        assert next(iter(arguments)) in await refused(client, "create_natural_reminder", **given)
    assert "No project is known" in await refused(
        client, "create_natural_reminder", title="x", time_expression="tomorrow", project_id="nobody"
    )
    assert "private" in await refused(
        client, "create_natural_reminder", title="<private>x</private>", time_expression="tomorrow"
    )
    assert "list_user_reminders" in await refused(client, "cancel_user_reminder", reminder_id="../../etc")
    assert not (await call(client, "list_user_reminders", user_id="default", project_id="*"))["reminders"]


async def test_a_list_fits_its_budget_and_says_how_many_there_are(product):
    _, client = product
    for number in range(60):
        await remind(client, f"in {number + 1} hours", f"Call {number}", description="more " * 200)
    reply = await call(client, "list_user_reminders")
    assert reply["total"] == 60 > len(reply["reminders"]) > 0 and "Cut to 4000 tokens." in reply["summary"]
    assert reply["reminders"][0]["title"] == "Call 0"


async def test_the_service_is_switched_and_stays_so(product, product_in, shop):
    _, client = product
    on = await call(client, "start_reminder_service")
    assert (on["running"], on["changed"], on["desktop"], on["next"]) == (True, True, "memory", None)
    assert not (await call(client, "start_reminder_service"))["changed"]
    await remind(client, "in 20 minutes", notification_method="desktop")
    on = await call(client, "start_reminder_service")
    assert on["summary"].endswith("already on: due reminders are shown by memory, the next one at 2026-11-18 15:50.")
    off = await call(client, "stop_reminder_service")
    assert (off["running"], off["changed"]) == (False, True) and "in sessions only" in off["summary"]


async def test_what_is_due_on_the_desktop_is_shown_there_and_not_told_again(product, clock, desktop):
    app, client = product
    await remind(client, "in 20 minutes", notification_method="desktop", description="about the cache")
    loop = Reminding(app, clock.now)
    assert await loop.show_due() == 0 and loop.busy
    clock.advance(minutes=20)
    assert FIELD not in await call(client, "ping")
    assert await loop.show_due() == 1 and not loop.busy
    [(title, text)] = desktop.shown
    assert (title, text) == ("Call Bob", "about the cache (due Wednesday 2026-11-18 15:50)")
    assert await loop.show_due() == 0 and FIELD not in await call(client, "ping")


async def test_without_a_desktop_the_maker_is_told_and_the_session_gets_it(product, clock, desktop):
    app, client = product
    desktop.there = False
    reply = await call(
        client, "create_natural_reminder", title="x", time_expression="in 20 minutes", notification_method="desktop"
    )
    assert "wait for a session" in reply["summary"]
    assert "not shown" in (await call(client, "start_reminder_service"))["summary"]
    loop = Reminding(app, clock.now)
    clock.advance(minutes=20)
    assert await loop.show_due() == 0 and not loop.busy
    assert len((await call(client, "ping"))[FIELD]) == 1


async def test_after_a_stop_the_maker_is_told_that_it_will_be_told_in_a_session(product):
    _, client = product
    await call(client, "start_reminder_service")
    await call(client, "stop_reminder_service")
    made = await call(
        client, "create_natural_reminder", title="x", time_expression="in 20 minutes", notification_method="both"
    )
    assert "start_reminder_service" in made["summary"]


async def test_a_hub_stays_for_what_is_due_soon_and_not_for_what_is_far(product, clock):
    app, client = product
    loop = Reminding(app, clock.now)
    await remind(client, "in 2 minutes")
    await loop.show_due()
    assert not loop.busy, "a session that comes is told, nobody need wait for it"
    await remind(client, "in 20 hours", notification_method="desktop")
    await loop.show_due()
    assert not loop.busy
    clock.advance(hours=9)
    assert loop.busy


async def test_a_desktop_that_fails_otherwise_leaves_the_reminder_due(product, clock, desktop, monkeypatch):
    app, client = product
    await remind(client, "in 20 minutes", notification_method="desktop")
    clock.advance(minutes=20)

    async def broken(title, text):
        raise RuntimeError

    monkeypatch.setattr(desktop, "notify", broken)
    with pytest.raises(RuntimeError):
        await Reminding(app, clock.now).show_due()
    monkeypatch.undo()
    assert await app.reminders.next_on_desktop() is not None


async def test_a_desktop_that_keeps_failing_is_not_asked_all_the_time(product, clock, desktop, monkeypatch):
    app, client = product
    asked = []

    async def broken(title, text):
        asked.append(title)
        raise RuntimeError

    monkeypatch.setattr(desktop, "notify", broken)
    await remind(client, "in 20 minutes", notification_method="desktop")
    clock.advance(minutes=20)
    running = asyncio.create_task(Reminding(app, clock.now).run())
    await asyncio.sleep(1)
    running.cancel()
    assert len(asked) == 1


async def test_the_loop_shows_it_when_its_time_has_come_and_wakes_for_a_new_one(product_in, shop, desktop):
    async with product_in(shop) as (app, client):
        running = asyncio.create_task(Reminding(app).run())
        await asyncio.sleep(0.05)
        await remind(client, "in 1 second", notification_method="desktop")
        for _ in range(400):
            await asyncio.sleep(0.05)
            if desktop.shown:
                break
        running.cancel()
    assert [title for title, _ in desktop.shown] == ["Call Bob"]
