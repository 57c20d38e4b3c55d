"""However a session ends, its record is right, its handoff exists once, and the next session reads it. One way a test."""

import asyncio
import contextlib
import json
import os
import re
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from session_mgmt_mcp import asking, paths
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage

from .conftest import Client, git, make_repository, ours
from .terminal import Terminal, accustom, until

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

DECISION = "We decided to lock the till with a file lock, because two cashiers raced."
WORK = [
    [{"tool": "Write", "input": {"file_path": "${WHERE}/till.py", "content": "locked = True\n"}}],
    [{"tool": "Bash", "input": {"command": "cat till.py", "description": "look"}}],
    [{"text": DECISION}],
]
ALLOWED = ("--allowedTools", "Write,Bash")
QUIET = [[{"text": "Welcome back."}]]


def work_in(folder: Path) -> list[Any]:
    return json.loads(json.dumps(WORK).replace("${WHERE}", str(folder)))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "market")


@pytest.fixture
def home(client: Client, repository: Path) -> Path:
    """Where the client's settings are, with us registered."""
    assert ours("setup", "--yes", cwd=repository).returncode == 0
    folder = Path(os.environ["HOME"])
    accustom(folder, repository)
    return folder


@pytest.fixture
def open_terminal(client: Client, home: Path, tmp_path: Path, shared: Path) -> Iterator[Any]:
    opened: list[Terminal] = []

    def start(cwd: Path, turns: list[Any], *args: str) -> Terminal:
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), **client.extra}
        model = shared / "claude-code" / "fake_anthropic.py"
        terminal = Terminal(client.executable, model, tmp_path / f"terminal{len(opened)}", environment)
        opened.append(terminal)
        terminal.start(cwd, turns, "--permission-mode", "bypassPermissions", *args)
        return terminal

    yield start
    for terminal in opened:
        terminal.end()


def documents(collection: str) -> dict[str, dict[str, Any]]:
    """What any process can read back, by id."""

    async def read() -> dict[str, dict[str, Any]]:
        storage = LocalSessionStorage(paths.documents(paths.data_dir()))
        try:
            page = await storage.list(collection, limit=1_000)
            return {one.id: dict(one.body) for one in page.documents}
        finally:
            await storage.close()

    return asyncio.run(read())


def transcript(session: str) -> str:
    [file] = (Path(os.environ["HOME"]) / ".claude" / "projects").glob(f"*/{session}.jsonl")
    return file.read_text()


def closed(session: str, reason: str) -> Callable[[], bool]:
    def so() -> bool:
        found = documents("sessions").get(session, {})
        return (found.get("state"), found.get("reason")) == ("closed", reason)

    return so


def told(requests: list[dict[str, Any]]) -> list[str]:
    """What was put before the model about earlier sessions, in its last request."""
    return re.findall(r"<session-memory .*?</session-memory>", json.dumps(requests[-1]["messages"]), re.DOTALL)


def assert_the_next_one_reads_of(session: str, client: Client, folder: Path) -> None:
    """The real client puts the handoff before its model, unasked and once."""
    assert list(documents("handoffs")) == [session], "exactly one"
    [memory] = told(client.run(folder, QUIET, prompt="Good morning.").requests)
    assert "lock the till" in memory
    assert "till.py" in memory


@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        (lambda terminal: terminal.enter("/exit"), "prompt_input_exit"),
        (lambda terminal: terminal.kill(signal.SIGTERM), "other"),
        (lambda terminal: terminal.close(), "other"),
        (lambda terminal: terminal.kill(signal.SIGKILL), "lost"),
    ],
    ids=["quit", "SIGTERM", "closed terminal", "kill -9"],
)
def test_however_the_client_goes(open_terminal, client, repository, leave, reason):
    session = str(uuid.uuid4())
    terminal = open_terminal(repository, work_in(repository), "--session-id", session)
    terminal.ask("Lock the till.", "two cashiers")
    until(lambda: "two cashiers" in transcript(session))  # what a killed client had not written is nobody's
    leave(terminal)
    until(closed(session, reason))
    assert_the_next_one_reads_of(session, client, repository)


def test_a_session_in_print_mode_is_read_of_unless_that_is_switched_off(home, client, repository):
    session = str(uuid.uuid4())
    client.run(repository, work_in(repository), "--session-id", session, *ALLOWED, prompt="Lock the till.")
    until(closed(session, "other"))
    assert_the_next_one_reads_of(session, client, repository)
    client.extra["SESSION_MGMT_BRIEFING"] = "0"
    assert told(client.run(repository, QUIET, prompt="Good morning.").requests) == []


def test_the_hub_is_killed_together_with_the_client(open_terminal, client, repository):
    """Nobody is left to see it: the next session finds it, and still reads what it left."""
    session = str(uuid.uuid4())
    terminal = open_terminal(repository, work_in(repository), "--session-id", session)
    terminal.ask("Lock the till.", "two cashiers")
    until(lambda: "two cashiers" in transcript(session))
    os.kill(asking.hub_status()["pid"], signal.SIGKILL)
    terminal.kill()
    [memory] = told(client.run(repository, QUIET, prompt="Good morning.").requests)
    assert "lock the till" in memory
    assert closed(session, "lost")()


def test_a_lost_connection_ends_nothing(open_terminal, client, repository):
    """The client goes on without its server; its end is still its own."""
    session = str(uuid.uuid4())
    terminal = open_terminal(repository, work_in(repository), "--session-id", session)
    until(lambda: documents("sessions").get(session, {}).get("client_pid") == terminal.pid)
    for shim in children(terminal.pid):
        os.kill(shim, signal.SIGKILL)
    terminal.ask("Lock the till.", "two cashiers")
    time.sleep(4)
    assert documents("sessions")[session]["state"] == "open"
    terminal.enter("/exit")
    until(closed(session, "prompt_input_exit"))
    assert_the_next_one_reads_of(session, client, repository)


def test_clear_ends_one_session_and_begins_another_that_reads_it(open_terminal, repository):
    session = str(uuid.uuid4())
    terminal = open_terminal(repository, [*work_in(repository), *QUIET], "--session-id", session)
    terminal.ask("Lock the till.", "two cashiers")
    terminal.enter("/clear")
    until(closed(session, "clear"))
    terminal.ask("Good morning.", "Welcome back.")
    assert list(documents("handoffs")) == [session]
    [memory] = told(terminal.requests)
    assert "lock the till" in memory
    [after] = [one for one in documents("sessions").values() if one["previous"] == session]
    assert (after["state"], after["client_pid"]) == ("open", terminal.pid)


def test_a_compaction_keeps_what_must_survive(open_terminal, repository):
    session = str(uuid.uuid4())
    turns = [*work_in(repository), *QUIET, *QUIET, *QUIET]  # a compaction asks the model once or twice
    terminal = open_terminal(repository, turns, "--session-id", session)
    terminal.ask("Lock the till.", "two cashiers")
    terminal.enter("/compact")
    until(lambda: "ompacted" in terminal.screen())
    terminal.ask("Good morning.", "Welcome back.")
    after = json.dumps(terminal.requests[-1]["messages"])
    kept = after.rpartition("Kept by session-mgmt-mcp")[2]
    assert kept != after
    assert "lock the till" in kept
    assert "till.py" in kept
    assert documents("sessions")[session]["state"] == "open"
    assert documents("handoffs") == {}, "it goes on: there is nothing to hand off"


def test_a_resumed_session_is_one_session_with_one_handoff(open_terminal, client, repository):
    session = str(uuid.uuid4())
    first = open_terminal(repository, work_in(repository), "--session-id", session)
    first.ask("Lock the till.", "two cashiers")
    first.enter("/exit")
    until(closed(session, "prompt_input_exit"))
    began = documents("sessions")[session]["started"]
    second = open_terminal(repository, [[{"text": "The lock has a timeout now."}]], "--resume", session)
    until(lambda: documents("sessions")[session]["state"] == "open")
    second.ask("And a timeout.", "has a timeout now")
    second.enter("/exit")
    until(closed(session, "prompt_input_exit"))
    assert documents("sessions")[session]["started"] == began
    assert_the_next_one_reads_of(session, client, repository)


def test_a_fork_is_a_session_of_its_own(open_terminal, client, repository):
    session = str(uuid.uuid4())
    first = open_terminal(repository, work_in(repository), "--session-id", session)
    first.ask("Lock the till.", "two cashiers")
    first.enter("/exit")
    until(closed(session, "prompt_input_exit"))
    fork = open_terminal(repository, [[{"text": "The fork tries a queue."}]], "--resume", session, "--fork-session")
    fork.ask("Try a queue.", "tries a queue")
    fork.enter("/exit")
    until(lambda: len(documents("handoffs")) == 2)
    [other] = documents("handoffs").keys() - {session}
    assert closed(session, "prompt_input_exit")()
    assert documents("sessions")[other]["source"] == "fork"


@pytest.mark.parametrize(
    "where", ["a worktree", *(pytest.param(one, marks=pytest.mark.slow) for one in ("a sub-folder", "a submodule"))]
)
def test_anywhere_in_a_repository_it_is_automatic(client, home, repository, tmp_path, where):
    match where:
        case "a sub-folder":
            folder = repository / "deep" / "down"
            folder.mkdir(parents=True)
        case "a worktree":
            folder = tmp_path / "market-fix"
            git(repository, f"git worktree add -q -b fix '{folder}'")
        case _:
            inner = make_repository(tmp_path / "inner")
            git(repository, f"git -c protocol.file.allow=always submodule add -q '{inner}' inner")
            folder = repository / "inner"
    session = str(uuid.uuid4())
    client.run(folder, work_in(folder), "--session-id", session, *ALLOWED, prompt="Lock the till.")
    until(closed(session, "other"))
    assert_the_next_one_reads_of(session, client, folder)


def test_outside_of_a_repository_nothing_is_said_unasked(client, home, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    session = str(uuid.uuid4())
    client.run(folder, work_in(folder), "--session-id", session, *ALLOWED, prompt="Lock the till.")
    until(closed(session, "other"))
    assert documents("handoffs") == {}
    assert told(client.run(folder, QUIET, prompt="Good morning.").requests) == []


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes()
            if int(words[1]) == pid and b"session-mgmt-mcp" in command:
                found.append(int(stat.parent.name))
    return found
