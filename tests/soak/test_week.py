"""A week of use, a day in some seconds: sessions, hooks, imports, reminders, searches and restarts; and nothing grows but what is kept.

Flat means:
- descriptors, threads, child processes and sockets of the hub: no more than two above the most of the first two days;
- its memory, the middle of the last three evenings against that of three at half time (a model that has just worked holds 50 MB
  until it rests): no more than 0.6 KB for each new memory (docs/figures.md) and 12 MB that the allocator keeps;
- files that are not kept (spool, temporary and runtime folders): as many as on the second evening;
- what is kept (index, documents, handoffs): the second half of the time takes no more a day than half as much again as the first half;
- the database: no more than 8 kB a memory, and 18 MB that its log may hold before it is worked in (DuckDB does so at 16 MB).
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psutil
import pytest
from session_mgmt_mcp import asking

from tests.soak.looking import children, processes_of, unfinished_in

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3_600)]
SERVER = (sys.executable, "-m", "session_mgmt_mcp.server")
DAYS = int(os.environ.get("SOAK_DAYS", "7"))
SESSIONS, AT_ONCE = 12, 3
MONDAY = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
TOPICS = ("till", "cache", "ledger", "schema", "deploy")
HANDLES = ("descriptors", "threads", "children", "sockets")
KEPT = ("index", "sessions", "handoffs")
GONE = ("spool", "temporary", "runtime")
ALLOCATOR_MB = 12
BLOCKS = 5_000_000  # tables and their indexes take whole blocks of 262 kB
KB_A_MEMORY = 0.6


def fire(event, **payload):
    done = subprocess.run(
        [*SERVER, "hook", event], input=json.dumps(payload).encode(), capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b""), event


def say(transcript, session, folder, day, number, role, text):
    line = {
        "type": role, "uuid": f"{session}-{number}", "sessionId": session, "cwd": str(folder),
        "timestamp": (MONDAY + timedelta(days=day, minutes=number)).isoformat(),
        "message": {"role": role, "content": text if role == "user" else [{"type": "text", "text": text}]},
    }  # fmt: skip
    transcript.parent.mkdir(parents=True, exist_ok=True)
    with transcript.open("a") as stream:
        stream.write(json.dumps(line) + "\n")


def a_session(world, tmp_path, day, n):
    session = f"day{day}session{n}"
    folder = tmp_path / f"project{n % 3}"
    transcript = Path(os.environ["HOME"]) / ".claude" / "projects" / folder.name / f"{session}.jsonl"
    about = {"session_id": session, "transcript_path": str(transcript), "cwd": str(folder)}
    client = world.client(
        modern=n % 2 == 0, command=SERVER, CLAUDE_PROJECT_DIR=str(folder), CLAUDE_CODE_SESSION_ID=session
    )
    fire("SessionStart", **about, source="startup")
    client.call("start")
    for turn in range(3):
        topic = TOPICS[(day + n + turn) % len(TOPICS)]
        say(
            transcript,
            session,
            folder,
            day,
            2 * turn,
            "user",
            f"Why does the {topic} of {session} fail in turn {turn}?",
        )
        fire("UserPromptSubmit", **about, prompt="Why?")
        say(transcript, session, folder, day, 2 * turn + 1, "assistant", f"Because {session} raced for the {topic}.")
        client.call("search_reflections", query=f"{topic} of {session}")
    client.call("store_reflection", content=f"In {session} the {TOPICS[n % 5]} was mended by a lock, number {day}{n}.")
    if n % 4 == 0:
        client.call("create_natural_reminder", title=f"Look at {session}", time_expression="in 1 second")
        time.sleep(1.1)
        client.call("ping")
    fire("Stop", **about)
    client.call("end")
    client.leave()
    fire("SessionEnd", **about, reason="other")
    world.clients.remove(client)
    for stream in (client.process.stdout, client.process.stderr):
        stream.close()


def bytes_in(*places):
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    return sum(file.stat().st_size for file in files if file.is_file())


def evening(world):
    """What there is when all work of the day is done."""
    subprocess.run([*SERVER, "import", "--wait", "--json"], check=True, capture_output=True, timeout=300)
    time.sleep(6)  # a store at rest saves its index
    hub = psutil.Process(world.hub())
    memories = subprocess.run(
        [*SERVER, "call", "reflection_stats", "--json"], capture_output=True, text=True, check=True
    )
    database = world.data / "reflection.duckdb"
    return {
        "MB": hub.memory_info().rss / 1e6,
        "descriptors": hub.num_fds(),
        "threads": hub.num_threads(),
        "children": len(hub.children(recursive=True)),
        "sockets": len(hub.net_connections(kind="all")),
        "memories": json.loads(memories.stdout)["memories"],
        "database": bytes_in(database),
        "log of it": bytes_in(database.with_name(database.name + ".wal")),
        "index": bytes_in(database.with_name(database.name + ".index")),
        "sessions": bytes_in(world.data / "sessions"),
        "handoffs": bytes_in(world.data / "handoffs"),
        "logs": bytes_in(Path(os.environ["SESSION_MGMT_LOG_DIR"])),
        "spool": len(list((world.data / "spool").glob("*"))),
        "temporary": len(list(Path(os.environ["TMPDIR"]).rglob("*"))),
        "runtime": len(list(Path(os.environ["XDG_RUNTIME_DIR"]).rglob("*"))),
    }


def show(days):
    print()
    for name in days[0]:
        print(
            f"{name:>12}",
            *(f"{day[name] / (1e3 if name in (*KEPT, 'logs', 'database', 'log of it') else 1):>9.0f}" for day in days),
        )
    print("database, index, sessions, handoffs and logs in kB; one column an evening")


def grown(days):
    """What is not flat, in words."""
    said = []
    first, last = days[1], days[-1]
    for name in HANDLES:
        most = max(day[name] for day in days[:2]) + 2
        said += [f"{name}: {day[name]}, at first {most - 2}" for day in days[2:] if day[name] > most]
    half = len(days) // 2
    allowed = KB_A_MEMORY / 1e3 * (last["memories"] - days[half]["memories"]) + ALLOCATOR_MB
    more = median(day["MB"] for day in days[-3:]) - median(day["MB"] for day in days[half - 2 : half + 1])
    if more > allowed:
        said.append(f"memory: {more:.1f} MB more, {allowed:.1f} allowed")
    said += [f"{name}: {last[name]}, was {first[name]}" for name in GONE if last[name] > first[name]]
    for name in KEPT:
        earlier = (days[half][name] - days[0][name]) / half
        later = (days[-1][name] - days[half][name]) / (len(days) - 1 - half)
        if later > 1.5 * earlier + 300_000:
            said.append(f"{name}: {later / 1e3:.0f} kB a day, at first {earlier / 1e3:.0f}")
    for day in days:
        if day["database"] > 8_000 * day["memories"] + BLOCKS or day["log of it"] > 18e6:
            said.append(f"database: {day['database'] / 1e3:.0f} and {day['log of it'] / 1e3:.0f} kB")
    return said


@pytest.mark.parametrize("restarted", [True, False], ids=["a new hub each day", "one hub all week"])
def test_after_a_week_nothing_has_grown_but_what_is_kept(world, budget, tmp_path, restarted, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "600")
    for n in range(3):
        (tmp_path / f"project{n}").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path / "project0")], check=True)
    world.client(command=SERVER).leave()
    days = []
    for day in range(DAYS):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda n, day=day: a_session(world, tmp_path, day, n), range(SESSIONS)))
        days.append(evening(world))
        if restarted:
            if day % 2:
                asking.hub_stop()
            else:
                world.kill_hub()
            world.client(command=SERVER).leave()
        if budget.over and len(days) >= 4:
            break
    print(f"\n{len(days)} days of {SESSIONS} sessions, {'a new hub each day' if restarted else 'one hub'}")
    show(days)
    assert grown(days) == []
    asking.hub_stop()
    world.until(lambda: not processes_of(world.data), 30)
    world.let_go()
    assert children() == []
    assert unfinished_in(world.data, Path(os.environ["TMPDIR"])) == []
