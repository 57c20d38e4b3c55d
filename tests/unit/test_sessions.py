"""The record of a session: from its first sign of life to its one end."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.sessions import NOTED_EVERY, SILENT, Opening, Reason, SessionService, State
from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.session_storage import Document, DocumentPage

ALIVE, OTHER = 100, 101


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def storage(clock: FixedClock) -> MemorySessionStorage:
    return MemorySessionStorage(clock.now)


@pytest.fixture
def births() -> dict[int, str]:
    """Of the processes that run."""
    return {ALIVE: "this boot/1", OTHER: "this boot/2"}


@pytest.fixture
def made(clock: FixedClock, storage: MemorySessionStorage, births: dict[int, str]) -> Callable[[], SessionService]:
    """Another hub over the same storage."""
    git = SubprocessGitRepository()

    def make() -> SessionService:
        projects = ProjectService(git, MemoryImportLedger())
        return SessionService(storage, git, projects, clock, lambda pid: births.get(pid, ""))

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


async def test_another_process_of_the_same_id_is_not_its_client(
    made: Callable[[], SessionService], births: dict[int, str], shop: Path
):
    """As after the machine went down."""
    await made().open(Opening("s1", str(shop), "connection", "", ALIVE))
    births[ALIVE] = "next boot/1"
    assert [one.id for one in await made().lost()] == ["s1"]
    assert await made().of_client(ALIVE) is None
    resumed = await made().open(Opening("s1", str(shop), "resume", "", ALIVE))
    assert await made().lost() == []
    assert await made().of_client(ALIVE) == resumed


async def test_of_two_clients_that_clear_at_once_each_goes_on_from_its_own(sessions: SessionService, shop: Path):
    await sessions.open(Opening("a1", str(shop), "startup", "", ALIVE))
    await sessions.open(Opening("b1", str(shop), "startup", "", OTHER))
    await sessions.close("a1", Reason.CLEAR)
    await sessions.close("b1", Reason.CLEAR)
    assert (await sessions.open(Opening("a2", str(shop), "clear", "", ALIVE))).previous == "a1"


class SlowStorage(MemorySessionStorage):
    """What is read is delivered late; `meanwhile` happens before it is."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []
        self.delays = [0.0, 0.05]

    async def list(self, *args: Any, **more: Any) -> DocumentPage:
        page = await super().list(*args, **more)
        await asyncio.sleep(self.delays.pop(0) if self.delays else 0)
        return page

    async def get(self, collection: str, id: str) -> Document | None:
        while collection == "sessions" and self.meanwhile:
            await self.meanwhile.pop()()
        return await super().get(collection, id)


@pytest.fixture
def slow(clock: FixedClock) -> SlowStorage:
    return SlowStorage(clock.now)


@pytest.fixture
def over_slow(slow: SlowStorage, clock: FixedClock) -> SessionService:
    git = SubprocessGitRepository()
    return SessionService(slow, git, ProjectService(git, MemoryImportLedger()), clock, str)


async def test_a_session_that_begins_while_a_hub_reads_the_others_is_not_forgotten(
    over_slow: SessionService, shop: Path
):
    first, second = (asyncio.create_task(over_slow.opened()) for _ in range(2))
    await first
    await over_slow.open(Opening("s1", str(shop)))
    await second
    assert [one.id for one in await over_slow.opened()] == ["s1"]


async def test_a_sign_of_life_that_crosses_its_end_does_not_open_it_again(
    over_slow: SessionService, slow: SlowStorage, clock: FixedClock, shop: Path
):
    await over_slow.open(Opening("s1", str(shop)))
    clock.advance(minutes=1)
    slow.meanwhile.append(lambda: over_slow.close("s1", Reason.EXIT))
    seen = await over_slow.seen("s1")
    assert seen is not None and seen.state is State.CLOSED
    assert await over_slow.opened() == []


async def test_a_client_that_clears_in_another_folder_goes_on_from_its_own(sessions: SessionService, shop: Path):
    (shop / "deep").mkdir()
    await sessions.open(Opening("s1", str(shop), "startup", "", ALIVE))
    await sessions.close("s1", Reason.CLEAR)
    assert (await sessions.open(Opening("s2", str(shop / "deep"), "clear", "", ALIVE))).previous == "s1"


async def test_one_whose_record_is_gone_is_said_to_be_gone(
    sessions: SessionService, storage: MemorySessionStorage, shop: Path
):
    await sessions.open(Opening("s1", str(shop)))
    await sessions.close("s1", Reason.EXIT)
    read = storage.get

    async def gone_meanwhile(scope: str, id: str) -> Document | None:
        document = await read(scope, id)
        await storage.delete(scope, id)
        return document

    storage.get = gone_meanwhile  # type: ignore[method-assign]
    with pytest.raises(NotFound, match="Nothing is stored of the session 's1'"):
        await sessions.update("s1", manual=True)
