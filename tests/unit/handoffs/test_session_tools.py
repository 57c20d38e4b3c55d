"""start, end, status and session_welcome, as a client calls them; and what the hooks of a session are told."""

import asyncio
import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from fastmcp.exceptions import ToolError
from session_mgmt_mcp import connection
from session_mgmt_mcp.adapters.local.processes import birth
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.clock import SystemClock
from session_mgmt_mcp.domain.sessions import Opening
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.lifecycle import Lifecycle
from session_mgmt_mcp.ports.errors import Unavailable

from .conftest import BEGAN, SESSION, Transcript

DECISION = "We decided to lock the till with a file lock, because two cashiers raced."
PAGING = "Receipts are printed by a queue, never in the request."


@pytest.fixture
def clock(monkeypatch) -> FixedClock:
    clock = FixedClock(BEGAN + timedelta(hours=1))
    monkeypatch.setattr(SystemClock, "now", lambda _: clock.now())
    return clock


@pytest.fixture
def worked(transcript, repository) -> Transcript:
    """A session that did something in a repository."""
    repository()
    transcript.user("Lock the till.")
    transcript.edit(transcript.cwd / "till.py")
    transcript.bash("pytest -q till", failed="Exit code 1\nKeyError: 'till'")
    transcript.edit(transcript.cwd / "till.py", "b", "c")
    transcript.bash("pytest -q till")
    transcript.todos(**{"test the timeout": "pending"})
    transcript.assistant(DECISION)
    return transcript


def event(name: str, transcript: Transcript, **more: object) -> dict[str, object]:
    return {
        "event": name,
        "session_id": transcript.session,
        "cwd": str(transcript.cwd),
        "transcript_path": str(transcript.path),
        "client_pid": os.getpid(),
        "at": (BEGAN + timedelta(hours=1)).timestamp(),
        **more,
    }


async def dealt(lifecycle: Lifecycle, told: dict[str, object]) -> str:
    """What a hook would hand to its client, which confirms it."""
    coming = lifecycle.on_event(told)
    answer = await coming if coming else None
    if answer is None:
        return ""
    await answer.handed()
    return answer.context


async def begins_and_ends(app, transcript) -> None:
    lifecycle = Lifecycle(app, settle_seconds=0)
    await dealt(lifecycle, event("SessionStart", transcript, source="startup"))
    await dealt(lifecycle, event("SessionEnd", transcript, reason="prompt_input_exit"))


async def test_start_brings_back_what_the_last_session_left(product_in, shop, worked):
    async with product_in(shop, "next") as (app, client):
        await app.memory.store(_reflection(app, PAGING, await app.projects.project_of(str(shop))))
        await begins_and_ends(app, worked)
        reply = await client.call_tool("start", {})
        said = reply.structured_content
        for part in (
            "Lock the till",
            "test the timeout",
            "lock the till with a file lock",
            "till.py",
            "KeyError",
            PAGING,
        ):
            assert part in said["told"], part
        assert tokens(json.dumps(said)) <= 1_500
        assert said["session"]["automatic"] is True
        assert "python" in said["stack"]


def _reflection(app, text, project):
    from session_mgmt_mcp.domain.drafts import Draft

    return Draft(text, project)


async def test_what_is_told_unasked_quotes_no_program(product_in, shop, worked):
    async with product_in(shop, "next") as (app, _):
        await begins_and_ends(app, worked)
        lifecycle = Lifecycle(app, settle_seconds=0)
        told = await dealt(lifecycle, event("SessionStart", worked, session_id="next", source="startup", asks=True))
        assert "file lock" in told
        assert "KeyError: 'till'" not in told
        assert tokens(told) <= 1_500


async def test_a_session_is_told_once(product_in, shop, worked):
    async with product_in(shop, "next") as (app, _):
        await begins_and_ends(app, worked)
        lifecycle = Lifecycle(app, settle_seconds=0)
        asks = event("UserPromptSubmit", worked, session_id="next", asks=True)
        assert "file lock" in await dealt(lifecycle, asks), "its start came while no hub was there"
        assert await dealt(lifecycle, asks) == ""


async def test_what_was_not_handed_over_is_told_again(product_in, shop, worked, clock):
    async with product_in(shop, "next") as (app, _):
        await begins_and_ends(app, worked)
        lifecycle = Lifecycle(app, settle_seconds=0)
        lost = await lifecycle.on_event(event("SessionStart", worked, session_id="next", source="startup", asks=True))
        assert lost is not None
        again = await dealt(lifecycle, event("UserPromptSubmit", worked, session_id="next", asks=True))
        assert again == lost.context and f"{clock.now():%Y-%m-%d %H:%M}" in again


async def test_a_due_reminder_reaches_the_next_prompt_once(product_in, shop, worked):
    async with product_in(shop, "s1") as (app, client):
        wish = {"title": "tag the release", "time_expression": "when I open project shop"}
        await client.call_tool("create_natural_reminder", wish)
        lifecycle = Lifecycle(app, settle_seconds=0)
        told = await dealt(lifecycle, event("SessionStart", worked, session_id="s2", source="startup", asks=True))
        assert "tag the release" in told
        assert await dealt(lifecycle, event("UserPromptSubmit", worked, session_id="s2", asks=True)) == ""


async def test_what_must_survive_a_compaction_is_said_before_and_after_it(product_in, shop, worked):
    async with product_in(shop, SESSION) as (app, _):
        lifecycle = Lifecycle(app, settle_seconds=0)
        await dealt(lifecycle, event("SessionStart", worked, source="startup"))
        before = await dealt(lifecycle, event("PreCompact", worked, trigger="auto", asks=True))
        after = await dealt(lifecycle, event("SessionStart", worked, source="compact", asks=True))
        for said in (before, after):
            assert "file lock" in said
            assert "test the timeout" in said


async def test_end_leaves_one_handoff_however_often_and_whenever_it_is_called(product_in, shop, worked, clock):
    async with product_in(shop, SESSION) as (app, client):
        await dealt(Lifecycle(app, settle_seconds=0), event("SessionStart", worked, source="startup"))
        first = (await client.call_tool("end", {})).structured_content
        clock.advance(minutes=5)
        second = (await client.call_tool("end", {})).structured_content
        assert (first["handoff"], first["file"]) == (second["handoff"], second["file"])
        assert "file lock" in first["handoff"]
        assert Path(first["file"]).read_text().startswith("# Session of")
        project = first["session"]["project"]
        assert len(await app.handoffs.recent(project, 9)) == 1
        assert len(await app.quality.latest(project, 9)) == 1
        kinds = (await app.memory.facets())["kind"]
        assert kinds["handoff"] == 1
        assert kinds["reflection"] == len(first["learned"]) > 0
        document = await app.storage.get("sessions", SESSION)
        assert (document.body["state"], document.body["reason"]) == ("closed", "asked")


async def test_outside_of_git_only_what_was_started_is_handed_off(product_in, shop, transcript):
    transcript.user("Lock the till.")
    transcript.assistant(DECISION)
    async with product_in(shop, SESSION) as (app, client):
        await begins_and_ends(app, transcript)
        assert (await app.storage.list("handoffs")).documents == []
        with connection.entered(connection.Connection(cwd=str(shop), session_id="again")):
            await client.call_tool("start", {})
        other = Transcript(transcript.path.parent, shop, "again")
        other.user("Lock the till.")
        other.assistant(DECISION)
        await begins_and_ends(app, other)
        assert [one.id for one in (await app.storage.list("handoffs")).documents] == ["again"]


async def test_a_handoff_goes_into_the_repository_on_request_and_with_a_grant_alone(product_in, shop, worked):
    async with product_in(shop, SESSION) as (app, client):
        await dealt(Lifecycle(app, settle_seconds=0), event("SessionStart", worked, source="startup"))
        with pytest.raises(ToolError, match="repo_write"):
            await client.call_tool("end", {"write_to_repo": True})
        assert not (shop / "HANDOFF.md").exists()
        await client.call_tool("permissions", {"action": "trust", "operation": "repo_write"})
        reply = await client.call_tool("end", {"write_to_repo": True})
        assert Path(reply.structured_content["file"]) == shop / "HANDOFF.md"
        assert "file lock" in (shop / "HANDOFF.md").read_text()
        (shop / "HANDOFF.md").write_text("mine")
        with pytest.raises(ToolError, match="not ours"):
            await client.call_tool("end", {"write_to_repo": True})
        assert (shop / "HANDOFF.md").read_text() == "mine"


async def test_dependencies_are_synced_on_request_and_with_a_grant_alone(product_in, shop):
    (shop / "package.json").write_text('{"name": "till", "version": "1.0.0"}')
    lock = {
        "name": "till",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "packages": {"": {"name": "till", "version": "1.0.0"}},
    }
    (shop / "package-lock.json").write_text(json.dumps(lock))
    async with product_in(shop) as (_, client):
        with pytest.raises(ToolError, match="dependency_sync"):
            await client.call_tool("start", {"sync_dependencies": True})
        await client.call_tool("permissions", {"action": "trust", "operation": "dependency_sync"})
        done = (await client.call_tool("start", {"sync_dependencies": True})).structured_content["dependencies"]
        assert (done["command"].split()[:2], done["ok"]) == (["npm", "ci"], True), done["output"]
        (shop / "package-lock.json").write_text("{")
        done = (await client.call_tool("start", {"sync_dependencies": True})).structured_content["dependencies"]
        assert not done["ok"]
        assert "npm" in done["output"]


async def test_shortcuts_are_written_once_and_on_request(product_in, shop):
    folder = Path.home() / ".claude" / "commands"
    async with product_in(shop) as (_, client):
        first = (await client.call_tool("start", {})).structured_content["shortcuts"]
        assert "/start" in first
        (folder / "start.md").unlink()
        assert (await client.call_tool("start", {})).structured_content["shortcuts"] == ""
        assert not (folder / "start.md").exists(), "who removed it is left in peace"
        await client.call_tool("start", {"install_shortcuts": True})
        assert (folder / "start.md").exists()


async def test_status_says_what_is_well_and_what_to_do(product_in, shop, worked):
    async with product_in(shop, SESSION) as (app, client):
        before = (await client.call_tool("status", {})).structured_content
        assert "session-mgmt-mcp setup" in before["summary"]
        assert before["total"] is None
        await dealt(Lifecycle(app, settle_seconds=0), event("SessionStart", worked, source="startup"))
        score = (await client.call_tool("checkpoint", {})).structured_content["total"]
        await client.call_tool("create_natural_reminder", {"title": "tag", "time_expression": "in 1 hour"})
        after = (await client.call_tool("status", {})).structured_content
        assert (after["total"], after["reminders"], after["open_sessions"]) == (score, 1, 1)
        assert {check["name"]: check["state"] for check in after["checks"]}["hooks"] == "ok"
        assert after["memories"] == sum((await app.memory.facets())["kind"].values())
        assert after["healthy"] is True


async def test_a_welcome_says_who_where_and_what_was(product_in, shop, worked):
    async with product_in(shop, "next") as (app, client):
        hints = (await client.call_tool("session_welcome", {})).structured_content["hints"]
        assert any("session-mgmt-mcp import" in hint for hint in hints)
        await begins_and_ends(app, worked)
        welcome = (await client.call_tool("session_welcome", {})).structured_content
        assert "file lock" in welcome["told"]
        assert welcome["session"]["id"] == "next"
        assert not any("session-mgmt-mcp import" in hint for hint in welcome["hints"])


@pytest.mark.parametrize("tool", ["start", "end", "status"])
@pytest.mark.parametrize(
    ("folder", "said"),
    [("shop", "absolute"), ("/nowhere/at/all", "no folder"), ("/a\0b", "absolute"), ("", "absolute")],
)
async def test_a_folder_that_is_none_is_an_error(product_in, shop, tool, folder, said):
    async with product_in(shop) as (_, client):
        with connection.entered(connection.Connection(session_id="s1")), pytest.raises(ToolError, match=said):
            await client.call_tool(tool, {"working_directory": folder})


async def test_a_folder_without_anything_has_no_score(product_in, shop):
    async with product_in(shop) as (_, client):
        said = (await client.call_tool("start", {})).structured_content
        assert said["quality"]["total"] is None
        assert "no score" in said["summary"]


async def test_an_empty_project_is_offered_a_layout_and_gets_it_only_when_it_is_confirmed(product_in, shop):
    async with product_in(shop) as (_, client):
        offered = (await client.call_tool("start", {})).structured_content["template"]
        assert "python" in offered
        assert "go" in offered
        assert list(shop.iterdir()) == []
        with pytest.raises(ToolError, match=r"pyproject\.toml"):
            await client.call_tool("start", {"apply_template": "python"})
        assert list(shop.iterdir()) == []
        with pytest.raises(ToolError, match="repo_write"):
            await client.call_tool("start", {"apply_template": "python", "confirm": True})
        assert list(shop.iterdir()) == []
        await client.call_tool("permissions", {"action": "trust", "operation": "repo_write"})
        written = (await client.call_tool("start", {"apply_template": "python", "confirm": True})).structured_content
        assert "pyproject.toml" in written["template"]
        assert (shop / "pyproject.toml").exists()
        assert "python" in written["stack"]
        assert (await client.call_tool("start", {})).structured_content["template"] == ""


async def test_after_clear_calls_are_those_of_the_session_that_goes_on(product_in, shop, worked):
    """The client's server was started with the first id, and keeps naming it."""
    async with product_in(shop, SESSION) as (app, client):
        lifecycle = Lifecycle(app, settle_seconds=0)
        with connection.entered(connection.Connection(cwd=str(shop), session_id=SESSION, client_pid=os.getpid())):
            await dealt(lifecycle, event("SessionStart", worked, source="startup"))
            await dealt(lifecycle, event("SessionEnd", worked, reason="clear"))
            await dealt(lifecycle, event("SessionStart", worked, session_id="after", source="clear"))
            welcome = (await client.call_tool("session_welcome", {})).structured_content
            assert welcome["session"]["id"] == "after"
            stored = (await client.call_tool("store_reflection", {"content": PAGING})).structured_content["id"]
            assert (await app.memory.show(stored))[0].session == "after"


@pytest.fixture
def elsewhere(tmp_path) -> Path:
    """Another project."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    return folder


async def test_what_is_granted_here_is_not_granted_in_another_folder(product_in, shop, worked, elsewhere):
    async with product_in(shop, SESSION) as (app, client):
        await dealt(Lifecycle(app, settle_seconds=0), event("SessionStart", worked, source="startup"))
        for operation in ("repo_write", "dependency_sync"):
            await client.call_tool("permissions", {"action": "trust", "operation": operation})
        with pytest.raises(ToolError, match="repo_write is not allowed in elsewhere"):
            await client.call_tool("end", {"working_directory": str(elsewhere), "write_to_repo": True})
        with pytest.raises(ToolError, match="dependency_sync is not allowed in elsewhere"):
            await client.call_tool("start", {"working_directory": str(elsewhere), "sync_dependencies": True})
        with pytest.raises(ToolError, match="repo_write is not allowed in elsewhere"):
            layout = {"apply_template": "javascript", "confirm": True}
            await client.call_tool("start", {"working_directory": str(elsewhere), **layout})
        assert sorted(path.name for path in elsewhere.iterdir()) == ["package.json"]


async def test_the_score_of_another_folder_is_kept_as_its_own(product_in, shop, worked, elsewhere):
    async with product_in(shop, SESSION) as (app, client):
        await dealt(Lifecycle(app, settle_seconds=0), event("SessionStart", worked, source="startup"))
        await client.call_tool("end", {"working_directory": str(elsewhere)})
        assert len(await app.quality.latest(await app.projects.project_of(str(elsewhere)), 9)) == 1
        assert await app.quality.latest(await app.projects.project_of(str(shop)), 9) == []


async def test_a_handoff_is_never_written_through_a_link(product_in, shop, worked, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    (shop / ".HANDOFF.md.tmp").symlink_to(precious)
    async with product_in(shop, SESSION) as (app, client):
        await dealt(Lifecycle(app, settle_seconds=0), event("SessionStart", worked, source="startup"))
        await client.call_tool("permissions", {"action": "trust", "operation": "repo_write"})
        await client.call_tool("end", {"write_to_repo": True})
    assert precious.read_text() == "keep me"
    assert "file lock" in (shop / "HANDOFF.md").read_text()


async def test_an_end_that_may_not_write_ends_nothing(product_in, shop, worked):
    (shop / "HANDOFF.md").write_text("A person's own.")
    async with product_in(shop, SESSION) as (app, client):
        await dealt(Lifecycle(app, settle_seconds=0), event("SessionStart", worked, source="startup"))
        await client.call_tool("permissions", {"action": "trust", "operation": "repo_write"})
        with pytest.raises(ToolError, match="is not ours"):
            await client.call_tool("end", {"write_to_repo": True})
        assert (await app.sessions.get(SESSION)).state == "open"


async def test_one_lost_session_that_cannot_be_ended_keeps_no_other_waiting(product_in, shop, worked, monkeypatch):
    async with product_in(shop, "next") as (app, _):
        for id in ("broken", SESSION):
            await app.sessions.open(Opening(id, str(shop), "startup", str(worked.path), 4_000_000))
        make = app.handoffs.make

        async def failing(session, *more):
            if session == "broken":
                raise Unavailable("No space is left: free some.")
            return await make(session, *more)

        monkeypatch.setattr(app.handoffs, "make", failing)
        lifecycle = Lifecycle(app, settle_seconds=0)
        told = await dealt(lifecycle, event("SessionStart", worked, session_id="next", source="startup", asks=True))
        assert "file lock" in told
        assert (await app.sessions.get("broken")).state == "open", "the next sweep tries again"


async def test_sweeping_goes_on_after_a_failure(product_in, shop, monkeypatch):
    async with product_in(shop) as (app, _):
        tries = []

        async def lost():
            tries.append(1)
            raise Unavailable("No space is left: free some.")

        monkeypatch.setattr(app.sessions, "lost", lost)
        monkeypatch.setattr("session_mgmt_mcp.lifecycle.SWEEP_SECONDS", 0.001)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await Lifecycle(app).run()
        assert len(tries) > 1


async def test_a_call_works_where_no_sign_of_life_can_be_written(product_in, shop, monkeypatch):
    async with product_in(shop, SESSION) as (app, client):

        async def of_client(pid, hint=""):
            raise Unavailable("No space is left: free some.")

        monkeypatch.setattr(app.sessions, "of_client", of_client)
        assert (await client.call_tool("reflect_on_past", {"query": "the till"})).structured_content is not None


@pytest.mark.parametrize("id", ["a/b", "", "two words", "x" * 201, 5, None])
async def test_an_event_of_a_session_that_cannot_be_recorded_is_passed_over(product_in, shop, transcript, id):
    async with product_in(shop) as (app, _):
        assert Lifecycle(app).on_event(event("SessionStart", transcript, session_id=id)) is None
        assert await app.sessions.opened() == []


async def test_after_a_cd_the_next_session_still_waits_for_the_handoff_of_the_one_before(product_in, shop, worked):
    """Hooks tell the folder that the session is in now; what the client calls its project stays."""
    (shop / "deep").mkdir()
    async with product_in(shop, SESSION) as (app, _):
        lifecycle = Lifecycle(app, settle_seconds=0.1)
        await dealt(lifecycle, event("SessionStart", worked, source="startup"))
        there = {"cwd": str(shop / "deep"), "project_dir": str(shop)}
        ending = lifecycle.on_event(event("SessionEnd", worked, reason="clear", **there))
        begins = event("SessionStart", worked, session_id="after", source="clear", asks=True, project_dir=str(shop))
        assert "file lock" in await dealt(lifecycle, begins)
        await ending


async def test_a_client_that_went_a_moment_ago_does_not_keep_a_hub_that_is_told_to_go(product_in, shop):
    async with product_in(shop) as (app, _):
        lifecycle = Lifecycle(app, departure_seconds=60)
        lifecycle.on_departure(connection.current())
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await lifecycle.close()


async def test_what_syncing_says_is_redacted_and_what_it_leaves_behind_is_ended(
    product_in, shop, tmp_path, monkeypatch
):
    program = tmp_path / "programs" / "npm"
    program.parent.mkdir()
    token = "npm_" + "a1B2c3D4e5F6" * 3
    program.write_text(f"#!/bin/sh\nsleep 300 >/dev/null 2>&1 &\necho $! {token}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    (shop / "package.json").write_text('{"name": "till", "version": "1.0.0"}')
    (shop / "package-lock.json").write_text("{}")
    async with product_in(shop, SESSION) as (_, client):
        await client.call_tool("permissions", {"action": "trust", "operation": "dependency_sync"})
        done = (await client.call_tool("start", {"sync_dependencies": True})).structured_content["dependencies"]
    assert token not in done["output"]
    async with asyncio.timeout(10):
        while birth(int(done["output"].split()[0])):
            await asyncio.sleep(0.01)


async def test_a_handoff_is_written_to_the_top_of_the_repository(product_in, shop, worked):
    (shop / "deep").mkdir()
    async with product_in(shop, SESSION) as (app, client):
        await dealt(Lifecycle(app, settle_seconds=0), event("SessionStart", worked, source="startup"))
        await client.call_tool("permissions", {"action": "trust", "operation": "repo_write"})
        await client.call_tool("end", {"working_directory": str(shop / "deep"), "write_to_repo": True})
    assert (shop / "HANDOFF.md").exists()
    assert not (shop / "deep" / "HANDOFF.md").exists()


@pytest.mark.parametrize("tool", ["start", "end", "status", "session_welcome", "checkpoint", "quality_monitor"])
@pytest.mark.parametrize("place", ["no repository", "bare", "no commits", "no git", "unreadable"])
async def test_wherever_one_stands_there_is_an_answer_and_nothing_changes(product_in, shop, monkeypatch, tool, place):
    def git(*args: str) -> None:
        subprocess.run(["git", *args], cwd=shop, check=True, capture_output=True)

    match place:
        case "bare":
            git("init", "-q", "--bare")
        case "no commits":
            git("init", "-q", "-b", "main")
        case "no git":
            git("init", "-q", "-b", "main")
            monkeypatch.setenv("PATH", str(shop / "nothing"))
        case "unreadable":
            git("init", "-q", "-b", "main")
            (shop / "locked").mkdir(mode=0o000)
    before = sorted(str(file) for file in shop.rglob("*"))
    async with product_in(shop) as (_, client):
        reply = await client.call_tool(tool, {})
    assert reply.structured_content["summary"]
    assert sorted(str(file) for file in shop.rglob("*")) == before


async def test_a_working_directory_that_was_deleted_is_said(product_in, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    async with product_in(gone) as (_, client):
        gone.rmdir()
        for tool in ("start", "end", "status", "session_welcome", "checkpoint"):
            with pytest.raises(ToolError, match="there is no folder"):
                await client.call_tool(tool, {})
