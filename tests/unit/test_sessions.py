"""The record of a session: from its first sign of life to its one end."""

import asyncio
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.sessions import NOTED_EVERY, SILENT, Opening, Reason, SessionService, State

ALIVE = 100


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def storage(clock: FixedClock) -> MemorySessionStorage:
    return MemorySessionStorage(clock.now)


@pytest.fixture
def made(clock: FixedClock, storage: MemorySessionStorage) -> Callable[[], SessionService]:
    """Another hub over the same storage."""
    git = SubprocessGitRepository()

    def make() -> SessionService:
        projects = ProjectService(git, MemoryImportLedger())
        return SessionService(storage, git, projects, clock, lambda pid: pid == ALIVE)

    return make


@pytest.fixture
def sessions(made: Callable[[], SessionService]) -> SessionService:
    return made()


async def test_in_a_repository_it_is_automatic_and_knows_where_it_began(sessions: SessionService, shop: Path):
    (shop / "deep").mkdir()
    for command in ("init -q -b main", "-c user.name=a -c user.email=a@b commit -q --allow-empty -m first"):
        subprocess.run(["git", *command.split()], cwd=shop, check=True)
    session = await sessions.open(Opening("s1", str(shop / "deep"), transcript="/t/s1.jsonl"))
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=shop, capture_output=True, text=True, check=False).stdout
    assert session.automatic
    assert (session.base, session.branch) == (head.strip(), "main")
    assert session.project.startswith("shop-")
    assert await sessions.get("s1") == session


async def test_elsewhere_it_is_manual(sessions: SessionService, tmp_path: Path):
    session = await sessions.open(Opening("s1", str(tmp_path)))
    assert (session.automatic, session.base, session.kept) == (False, "", False)
    assert (await sessions.update("s1", manual=True)).kept


async def test_hook_and_connection_of_one_client_open_one_session(sessions: SessionService, shop: Path):
    by_hook = Opening("s1", str(shop), "startup", "/t/s1.jsonl")
    by_connection = Opening("s1", str(shop), "connection", "", ALIVE)
    await asyncio.gather(sessions.open(by_hook), sessions.open(by_connection))
    [session] = await sessions.opened()
    assert (session.transcript, session.client_pid, session.source) == ("/t/s1.jsonl", ALIVE, "startup")


async def test_it_ends_once(sessions: SessionService, clock: FixedClock, shop: Path):
    await sessions.open(Opening("s1", str(shop)))
    clock.advance(minutes=5)
    closed = await sessions.close("s1", Reason.EXIT)
    clock.advance(minutes=5)
    assert await sessions.close("s1", Reason.LOST) == closed
    assert closed is not None and (closed.reason, closed.ended) == (
        "prompt_input_exit",
        clock.now() - timedelta(minutes=5),
    )
    assert await sessions.opened() == []


async def test_an_unknown_one_has_no_end(sessions: SessionService):
    assert await sessions.close("never", Reason.EXIT) is None
    assert await sessions.seen("never") is None


async def test_a_resumed_one_is_open_again_and_keeps_its_beginning(
    sessions: SessionService, clock: FixedClock, shop: Path
):
    first = await sessions.open(Opening("s1", str(shop)))
    await sessions.close("s1", Reason.EXIT)
    clock.advance(days=1)
    again = await sessions.open(Opening("s1", str(shop), "resume"))
    assert (again.state, again.started, again.base, again.ended) == (State.OPEN, first.started, first.base, None)
    assert not again.briefed


async def test_a_connection_does_not_reopen_what_was_ended(sessions: SessionService, shop: Path):
    """After /clear a client still names the session that it was started with."""
    await sessions.open(Opening("s1", str(shop)))
    await sessions.close("s1", Reason.CLEAR)
    assert (await sessions.open(Opening("s1", str(shop), "connection", "", ALIVE))).state is State.CLOSED


async def test_after_clear_the_next_one_is_the_same_clients(sessions: SessionService, shop: Path):
    await sessions.open(Opening("s1", str(shop), "connection", "", ALIVE))
    await sessions.close("s1", Reason.CLEAR)
    after = await sessions.open(Opening("s2", str(shop), "clear"))
    assert (after.previous, after.client_pid) == ("s1", ALIVE)
    assert await sessions.of_client(ALIVE, "s1") == after


async def test_a_new_client_follows_nobody(sessions: SessionService, shop: Path):
    await sessions.open(Opening("s1", str(shop), "connection", "", ALIVE))
    await sessions.close("s1", Reason.CLEAR)
    assert (await sessions.open(Opening("s2", str(shop), "startup"))).previous == ""


async def test_one_that_was_taken_for_lost_and_speaks_is_open_again(sessions: SessionService, shop: Path):
    await sessions.open(Opening("s1", str(shop)))
    await sessions.close("s1", Reason.LOST)
    seen = await sessions.seen("s1")
    assert seen is not None and (seen.state, seen.ended) == (State.OPEN, None)


async def test_what_a_tool_ended_goes_on_with_the_next_prompt(sessions: SessionService, shop: Path):
    await sessions.open(Opening("s1", str(shop)))
    await sessions.close("s1", Reason.ASKED)
    seen = await sessions.seen("s1")
    assert seen is not None and seen.state is State.OPEN
    ended = await sessions.close("s1", Reason.EXIT)
    assert ended is not None and ended.reason == "prompt_input_exit"
    still = await sessions.seen("s1")
    assert still is not None and still.state is State.CLOSED


async def test_signs_of_life_are_written_down_now_and_then(
    sessions: SessionService, storage: MemorySessionStorage, clock: FixedClock, shop: Path
):
    await sessions.open(Opening("s1", str(shop)))
    for _ in range(50):
        clock.advance(seconds=1)
        await sessions.seen("s1")
    document = await storage.get("sessions", "s1")
    assert document is not None and document.version <= 7
    [session] = await sessions.opened()
    assert clock.now() - session.last < NOTED_EVERY


async def test_a_client_that_is_gone_leaves_a_lost_session(
    made: Callable[[], SessionService], clock: FixedClock, shop: Path
):
    sessions = made()
    await sessions.open(Opening("dead", str(shop), "connection", "", 4_000_000))
    await sessions.open(Opening("alive", str(shop), "connection", "", ALIVE))
    await sessions.open(Opening("unknown", str(shop), "startup"))
    assert [one.id for one in await sessions.lost()] == ["dead"]
    clock.advance(seconds=(SILENT + timedelta(seconds=1)).total_seconds())
    assert {one.id for one in await made().lost()} == {"dead", "unknown"}, "another hub finds them as well"


async def test_two_hubs_that_write_at_once_lose_nothing(made: Callable[[], SessionService], shop: Path):
    one, other = made(), made()
    await one.open(Opening("s1", str(shop)))
    await asyncio.gather(
        one.update("s1", manual=True), other.update("s1", handoff=True), one.update("s1", transcript="/t"),
        other.update("s1", briefed=True),
    )  # fmt: skip
    session = await one.get("s1")
    assert session is not None and session.manual and session.handoff and session.briefed and session.transcript == "/t"


async def test_what_a_newer_version_wrote_is_read(sessions: SessionService, storage: MemorySessionStorage, shop: Path):
    await sessions.open(Opening("s1", str(shop)))
    document = await storage.get("sessions", "s1")
    assert document is not None
    await storage.put("sessions", "s1", {**document.body, "mood": "fine"})
    session = await sessions.get("s1")
    assert session is not None and session.id == "s1"
