"""Interruptions of a real repository, noticed and told through a real client."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastmcp import Client
from session_mgmt_mcp import connection
from session_mgmt_mcp.domain.contexts import Reason
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.opening import open_service


@pytest.fixture
async def product(product_in, desk):
    async with product_in(desk.root, desk.session) as opened:
        yield opened


@pytest.fixture
def client(product):
    return product[1]


@pytest.fixture
def app(product):
    return product[0]


async def call(client, name: str, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def refused(client, name: str, **arguments) -> str:
    result = await client.call_tool(name, arguments, raise_on_error=False)
    assert result.is_error
    return result.content[0].text


async def until(condition, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


async def hook(app, desk, event: str, **more: str) -> None:
    told = {"event": event, "session_id": desk.session, "cwd": str(desk.root), "transcript_path": str(desk.transcript)}
    app.monitor.on_event(told | more)
    await app.monitor.catch_up()


async def test_monitoring_is_off_until_somebody_starts_it(client, app):
    for name in ("get_interruption_history", "get_interruption_statistics"):
        reply = await call(client, name)
        assert "Monitoring is off here" in reply["summary"] and reply["monitors"] == []
    assert not app.monitor.busy


async def test_a_checkout_by_somebody_else_is_seen_and_told(client, app, desk):
    started = await call(client, "start_interruption_monitoring")
    assert started["folders"] >= 1 and started["monitor"]["state"] == "on" and app.monitor.busy
    desk.write("cart.py", "# the cart\n")
    await hook(app, desk, "UserPromptSubmit")

    async def looked() -> bool:
        seen = app.monitor.sees(desk.root)
        return seen is not None and bool(seen.changed)

    await until(looked)
    desk.git("switch", "-q", "-c", "other")

    async def told() -> bool:
        return (await call(client, "get_interruption_history"))["total"] > 0

    await until(told)
    history = await call(client, "get_interruption_history")
    [line] = history["interruptions"]
    assert (line["reason"], line["branch"], line["note"]) == ("branch_switch", "main", "to other")
    assert line["prompt"] == "Round them to cents" and "1 uncommitted file" in line["left"]
    assert "Monitoring is off" not in history["summary"] and history["open"] == 1
    desk.git("stash", "-q")
    back = await call(client, "restore_session_context", session_id=line["id"])
    assert "+# the cart" in back["diff"] and {one["what"] for one in back["mismatches"]} == {"branch", "changed_since"}
    figures = await call(client, "get_interruption_statistics")
    assert (figures["count"], figures["by_reason"], figures["open"]) == (1, {"branch_switch": 1}, 0)
    assert figures["lengths"]["count"] == 1


async def test_a_checkout_by_the_session_itself_is_none(client, app, desk):
    await call(client, "start_interruption_monitoring")
    await hook(app, desk, "UserPromptSubmit")

    async def looked() -> bool:
        return app.monitor.sees(desk.root) is not None

    await until(looked)
    desk.at = datetime.now(UTC)
    desk.call("Bash", command="git switch -c other")
    desk.git("switch", "-q", "-c", "other")

    async def seen() -> bool:
        return app.monitor.sees(desk.root).branch == "other"

    await until(seen)
    assert (await call(client, "get_interruption_history"))["total"] == 0


async def test_a_checkout_while_the_conversation_is_read_is_known_as_the_sessions_own(client, app, desk, monkeypatch):
    await call(client, "start_interruption_monitoring")
    await hook(app, desk, "UserPromptSubmit")

    async def looked() -> bool:
        return app.monitor.sees(desk.root) is not None

    await until(looked)
    git = app.monitor._observer._git
    asked = git.state

    async def state(folder: Path):
        if not desk.git("branch", "--list", "other"):
            desk.at = datetime.now(UTC)
            desk.call("Bash", command="git switch -c other")
            desk.git("switch", "-q", "-c", "other")
        return await asked(folder)

    monkeypatch.setattr(git, "state", state)
    desk.write("price.py", "# changed\n")

    async def seen() -> bool:
        return app.monitor.sees(desk.root).branch == "other"

    await until(seen)
    assert (await call(client, "get_interruption_history"))["total"] == 0


@pytest.mark.parametrize("name", ["monitor", "activity"])
async def test_what_is_stopped_while_it_is_taken_up_again_stays_off(product_in, desk, monkeypatch, name):
    async with product_in(desk.root, desk.session) as (_, client):
        await call(client, "start_interruption_monitoring")
        await call(client, "start_app_monitoring")
    async with product_in(desk.root, desk.session) as (app, client):
        listen = app.watching.listen

        async def slowly(listener):
            await asyncio.sleep(0.3)
            return await listen(listener)

        monkeypatch.setattr(app.watching, "listen", slowly)
        resumed = asyncio.create_task(getattr(app, name).resume())
        await asyncio.sleep(0.1)
        await call(client, "stop_interruption_monitoring")
        await call(client, "stop_app_monitoring")
        await resumed
        assert not app.monitor.busy and not app.activity.busy


async def test_an_interruption_ends_when_the_user_speaks_there_again(client, app, desk):
    project = await app.projects.project_of(str(desk.root))
    desk.write("cart.py", "# the cart\n")
    left = await app.contexts.preserve(desk.session, project, str(desk.root), str(desk.transcript), Reason.SESSION_END)
    [line] = (await call(client, "get_interruption_history"))["interruptions"]
    assert (line["ended"], line["seconds"]) == (None, None)
    desk.at = datetime.now(UTC) + timedelta(minutes=40)
    desk.prompt("back again")
    await app.capture.follow(desk.transcript)
    [line] = (await call(client, "get_interruption_history"))["interruptions"]
    began = datetime.fromisoformat(line["began"])
    assert began == left.work.last.replace(microsecond=0)
    assert abs(line["seconds"] - (desk.at - began).total_seconds()) < 2
    figures = await call(client, "get_interruption_statistics")
    assert figures["lengths"]["median"] == figures["lengths"]["longest"] == figures["lengths"]["total"]
    assert "Half of those that ended took less than" in figures["summary"]


async def test_a_session_that_left_nothing_unfinished_is_no_interruption(client, app, desk):
    project = await app.projects.project_of(str(desk.root))
    await app.contexts.preserve("s9", project, str(desk.root), "", Reason.SESSION_END)
    assert (await call(client, "get_interruption_history"))["total"] == 0
    assert (await call(client, "get_interruption_statistics"))["count"] == 0


async def test_another_user_and_another_project_see_nothing_of_it(client, app, desk, tmp_path):
    project = await app.projects.project_of(str(desk.root))
    desk.write("cart.py", "# the cart\n")
    await app.contexts.preserve(desk.session, project, str(desk.root), "", Reason.SESSION_END)
    assert (await call(client, "get_interruption_history"))["total"] == 1
    assert (await call(client, "get_interruption_history", user_id="ada"))["total"] == 0
    assert (await call(client, "get_interruption_history", project="*"))["total"] == 1
    (tmp_path / "blog").mkdir()
    elsewhere = connection.Connection(cwd=str(tmp_path / "blog"), session_id="s2")
    with connection.entered(elsewhere):
        async with Client(build_server(app)) as other:
            assert (await call(other, "get_interruption_history"))["total"] == 0
            assert (await call(other, "get_interruption_statistics"))["count"] == 0


async def test_stopping_stops_and_says_what(client, app, desk):
    await call(client, "start_interruption_monitoring", watch_files=False)
    again = await call(client, "start_interruption_monitoring")
    assert again["already"] and "goes on with these options" in again["summary"]
    stopped = await call(client, "stop_interruption_monitoring")
    assert [one["folder"] for one in stopped["stopped"]] == [str(desk.root)] and not app.monitor.busy
    assert stopped["seen"] == {str(desk.root): 0}
    nothing = await call(client, "stop_interruption_monitoring", project="*")
    assert nothing["stopped"] == [] and "Nothing was monitored" in nothing["summary"]


async def test_a_project_that_was_deleted_has_ended_and_says_so(client, app, desk):
    await call(client, "start_interruption_monitoring")
    shutil.rmtree(desk.root)

    async def ended() -> bool:
        return not app.monitor.busy

    await until(ended)
    reply = await call(client, "get_interruption_history", project="*")
    assert reply["monitors"][0]["state"] == "ended" and "The folder is gone." in reply["summary"]


async def test_what_cannot_be_watched_is_refused_in_one_sentence(client, app, tmp_path):
    assert "no folder" in await refused(
        client, "start_interruption_monitoring", working_directory=str(tmp_path / "gone")
    )
    assert "absolute" in await refused(client, "start_interruption_monitoring", working_directory=".")
    assert not app.monitor.busy


async def test_a_hub_goes_on_with_it_after_a_restart_and_stays_up_as_long_as_it_is_on(desk, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    with connection.entered(connection.Connection(cwd=str(desk.root), session_id=desk.session)):
        async with open_service() as service, Client(service.server) as client:

            async def idle() -> bool:
                return not service.is_busy()

            await until(idle)
            await call(client, "start_interruption_monitoring")
            assert service.is_busy()
        async with open_service() as service, Client(service.server) as client:

            async def busy() -> bool:
                return service.is_busy()

            await until(busy)
            await call(client, "stop_interruption_monitoring")

            async def idle() -> bool:
                return not service.is_busy()

            await until(idle)  # it may still be taking in what was said
        async with open_service() as service:
            await asyncio.sleep(0.5)
            assert not service.is_busy()


async def test_a_product_that_is_closed_watches_nothing_more(product_in, desk):
    async with product_in(desk.root, desk.session) as (app, client):
        await call(client, "start_interruption_monitoring", watch_files=False)
        await call(client, "start_app_monitoring")
    assert not app.monitor.busy and not app.activity.busy
    assert not [task for task in asyncio.all_tasks() if "interruption_monitor" in str(task.get_coro())]


def test_nothing_of_it_is_written_into_the_repository(desk):
    assert {path.name for path in Path(desk.root).iterdir()} == {".git", "cart.py", "price.py", "über.py"}
