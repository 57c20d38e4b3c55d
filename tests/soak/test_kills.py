"""Whoever is killed at whatever moment: what was acknowledged is there, once, and nothing else is left.

`SOAK_KILLS=1000 SOAK_MINUTES=60 make soak`; the seed it prints chooses victims and moments again.
"""

import json
import os
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import median

import pytest
from session_mgmt_mcp import asking, backing_up
from session_mgmt_mcp.adapters.duckdb import backups
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.local.session_storage import examined

from tests.integration.test_import_killed import import_all, import_and_kill, many_sessions, rows
from tests.integration.test_versions import assert_everything_is_there, version_of
from tests.soak import victims
from tests.soak.looking import children, every_record, processes_of, same_as_rebuilt, twice, unfinished_in

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7_200)]
WORDS = ("mended", "till", "cache", "ledger", "test", "port", "price", "deploy", "invoice", "error")


@pytest.fixture
def projects(monkeypatch):
    """Where the client's transcripts are; some were taken in before, so that hubs catch up with the others."""
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    folder = Path(os.environ["HOME"]) / ".claude" / "projects"
    many_sessions(folder, 1)
    return folder


def told(*words):
    done = subprocess.run([*victims.PRODUCT, *words], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run_lanes(lanes, errors):
    def guarded(work, arguments):
        try:
            work(*arguments)
        except BaseException as error:
            errors.append(f"{work.__name__}: {error!r}")

    threads = [threading.Thread(target=guarded, args=(work, arguments)) for work, *arguments in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def test_a_thousand_deaths(world, budget, projects, tmp_path):
    times = {victim: max(1, round(share * budget.kills)) for victim, share in victims.SHARES.items()}
    tally, began = victims.Tally(), time.monotonic()

    def dice(name):
        return victims.lane(budget.seed, name)

    told("import", "--json")
    many_sessions(tmp_path / "staged", 3 + budget.kills // 20)
    for name in ("backups", "migrations", "library"):
        (tmp_path / name).mkdir()
    stop = threading.Event()
    scribe = threading.Thread(
        target=victims.grow, args=(tmp_path / "staged", projects / "growing", budget, dice("scribe"), stop)
    )
    scribe.start()
    speakers = victims.Speakers(tally, dice("speakers"))
    run_lanes(
        [
            (victims.kill_hubs, world, budget, dice("hub"), tally, times["hub"]),
            (victims.kill_shims, speakers, budget, dice("shim"), tally, times["shim"]),
            (victims.kill_clients, speakers, budget, dice("client"), tally, times["client"]),
            (victims.kill_importers, budget, dice("importer"), tally, times["importer"]),
            (
                victims.kill_library_importers,
                tmp_path / "library",
                budget,
                dice("library"),
                tally,
                times["library importer"],
            ),
            (victims.kill_hooks, projects, budget, dice("hook"), tally, times["hook"]),
            (victims.kill_backups, tmp_path / "backups", budget, dice("backup"), tally, times["backup"]),
            (victims.kill_migrations, tmp_path / "migrations", budget, dice("migration"), tally, times["migration"]),
        ],
        tally.errors,
    )
    stop.set()
    scribe.join()
    speakers.check()
    speakers.end()
    took = time.monotonic() - began

    assert tally.errors == [], (world.announced(), (Path(os.environ["SESSION_MGMT_LOG_DIR"]) / "hub.log").read_text())
    assert tally.most_hubs <= 1
    for file in (world.data / "spool").glob(".*.tmp"):
        os.utime(file, (time.time() - 120, time.time() - 120))  # as it will be in a while
    told("import", "--json")
    told("backup", str(tmp_path / "backups" / "last"), "--json")  # it takes away what one that was killed has left
    doctor = told("doctor", "--json")["checks"]
    world.until(lambda: not list((world.data / "spool").glob("*.json")), 30)
    asking.hub_stop()
    world.until(lambda: not processes_of(world.data), 30)
    assert children() == []

    database = world.data / "reflection.duckdb"
    found = await every_record(database)
    texts = Counter(record.text for record in found if record.kind == "reflection")
    lost = [text for text in tally.stored.values() if texts[text] == 0]
    doubled = [text for text, count in texts.items() if count > 1]
    await import_all(tmp_path / "undisturbed" / "memories.duckdb", projects)
    undisturbed = await rows(tmp_path / "undisturbed" / "memories.duckdb")
    imported = {record.id: record.text for record in found if record.kind != "reflection"}
    report(budget, tally, took, lost, doubled, len(found))
    assert (lost, doubled, twice([record.id for record in found])) == ([], [], [])
    assert imported == {id: record.text for id, record in undisturbed.items()}
    assert await same_as_rebuilt(database, WORDS) == []
    assert [check for check in doctor if check["state"] == "fail"] == []
    assert examined(world.data / "sessions").damaged == []

    for file in tally.backups:
        if file.exists():
            assert backups.verify(backing_up.memories_in(file, "duckdb")) > 0
            backing_up.check_documents(file)
    await check_the_library(tmp_path)
    await check_migrations(tmp_path / "migrations")
    left = unfinished_in(Path(os.environ["SESSION_MGMT_DATA_DIR"]), tmp_path / "backups", tmp_path / "migrations")
    assert left == []
    assert unfinished_in(tmp_path / "library", Path(os.environ["TMPDIR"])) == []
    if not budget.over:
        assert {victim: tally.killed[victim] >= number for victim, number in times.items()} == dict.fromkeys(
            times, True
        )


async def check_the_library(folder):
    killed = folder / "library" / "data" / "memories.duckdb"
    assert import_and_kill(killed, folder / "library" / "projects", 1_000, 1_000_000) is False
    await import_all(folder / "quiet" / "memories.duckdb", folder / "library" / "projects")
    assert await rows(killed) == await rows(folder / "quiet" / "memories.duckdb")
    assert await same_as_rebuilt(killed, WORDS) == []


async def check_migrations(folder):
    for place in sorted(folder.iterdir()):
        store = await DuckDBVectorStore.open(place / "reflection.duckdb")
        if place.name.endswith("original"):
            assert await store.facets("kind", ()) == {"reflection": victims.ORIGINALS}
        else:
            await assert_everything_is_there(store, version_of(place.name, "schema"))
        await store.close()


def report(budget, tally, took, lost, doubled, records):
    recoveries = sorted(tally.recoveries) or [0.0]
    lines = [f"{victim:>18} {tally.killed[victim]:>6}" for victim in victims.SHARES]
    print(f"\nkilled in {took:.0f} s, seed {budget.seed}:", *lines, sep="\n")
    print(f"{'together':>18} {sum(tally.killed.values()):>6}")
    print(
        f"acknowledged {len(tally.stored)}, lost {len(lost)}, doubled {len(doubled)}, errors {len(tally.errors)}, "
        f"most hubs at once {tally.most_hubs}; {records} memories at the end\n"
        f"from a killed hub to the next answer: p50 {median(recoveries):.2f} s, most {recoveries[-1]:.2f} s\n"
        f"let alone: {dict(tally.completed)}, older databases {tally.openings}"
    )
