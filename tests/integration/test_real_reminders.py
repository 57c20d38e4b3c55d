"""Reminders beside real conversations: in their projects, with their answers, within their budgets."""

from datetime import UTC, datetime

import pytest
from fastmcp import Client
from session_mgmt_mcp import connection
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.clock import SystemClock
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load
from session_mgmt_mcp.tools.reminded import FIELD

pytestmark = pytest.mark.shared


@pytest.fixture
def clock(monkeypatch) -> FixedClock:
    clock = FixedClock(datetime(2026, 11, 18, 14, 30, tzinfo=UTC))
    monkeypatch.setattr(SystemClock, "now", lambda _: clock.now())
    return clock


@pytest.fixture
async def app(shared, clock):
    async with open_application(load(embedder="memory", timezone="America/New_York")) as app:
        await app.capture.import_paths([shared / "claude-code" / "real-projects"])
        yield app


async def call(client: Client, name: str, **arguments) -> dict:
    return (await client.call_tool(name, arguments)).structured_content


async def test_each_real_project_is_told_its_own_reminder_when_a_session_opens_there(app, clock):
    projects = sorted({record.project for record in (await app.store.scan([], limit=100_000)).records})
    assert projects
    async with Client(build_server(app)) as client:
        for project in projects:
            made = await call(
                client,
                "create_natural_reminder",
                title=f"Look at {project}",
                time_expression=f"when I open project {project}",
                project_id=project,
            )
            assert made["reminder"]["project"] == project and made["reminder"]["due"] is None
        listed = await call(client, "list_user_reminders", project_id="*")
        assert listed["total"] == len(projects)
    for project in projects:
        assert await app.reminders.opened(project, "new") == 1
        assert [reminder.title for reminder in await app.reminders.due(project)] == [f"Look at {project}"]


async def test_answers_from_real_conversations_carry_what_is_due_beside_their_hits(app, clock):
    caller = connection.Connection(cwd="/", project_dir="/", session_id="s9")
    with connection.entered(caller):
        async with Client(build_server(app)) as client:
            for number in range(4):
                await call(client, "create_natural_reminder", title=f"Call {number}", time_expression="in 20 minutes")
            [cancelled] = [
                one for one in (await call(client, "list_user_reminders"))["reminders"] if one["title"] == "Call 3"
            ]
            await call(client, "cancel_user_reminder", reminder_id=cancelled["id"])
            plain = await call(client, "reflect_on_past", query="fix the failing test", project="*", limit=20)
            clock.advance(minutes=20)
            told = await call(client, "reflect_on_past", query="fix the failing test", project="*", limit=20)
            assert len(told.pop(FIELD)) == 3
            assert told["hits"] and plain["hits"] and told["summary"]
            assert tokens(str(told)) < 5_000
            for name in ("start_reminder_service", "stop_reminder_service"):
                reply = await call(client, name)
                assert reply["changed"] and FIELD not in reply


async def test_moments_of_real_conversations_read_back_as_themselves_when_they_are_ahead(app, clock):
    """Real time stamps, as a person would name them, in a zone that has daylight saving time."""
    records = (await app.store.scan([], limit=2_000)).records
    clock.advance(days=-3_000)
    zone = app.reminders.zone
    read = 0
    async with Client(build_server(app)) as client:
        for record in records[:: max(1, len(records) // 40)]:
            local = record.time.astimezone(zone)
            for said in (f"{local:%Y-%m-%d} at {local:%H:%M}", f"{local:%d %B %Y} at {local:%I:%M}{local:%p}".lower()):
                made = await call(client, "create_natural_reminder", title="then", time_expression=said, project_id="*")
                due = datetime.fromisoformat(made["reminder"]["due"])
                assert due == local.replace(second=0, microsecond=0), said
                read += 1
    assert read > 20
