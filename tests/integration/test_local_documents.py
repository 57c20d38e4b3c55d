"""Documents as files: several processes, deaths in the middle, disks that are full, files that are damaged."""

import asyncio
import contextlib
import os
import random
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.local import files
from session_mgmt_mcp.adapters.local.session_storage import DAMAGED, SWEEP_EVERY, LocalSessionStorage
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.contracts.session_storage import SessionStorageContract, increment, walked
from session_mgmt_mcp.ports.errors import Corrupt, Unavailable, Unsupported

INCREMENTS = """
import asyncio, sys
from pathlib import Path
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.contracts.session_storage import increment

async def main(folder, times):
    storage = LocalSessionStorage(Path(folder))
    for _ in range(int(times)):
        await asyncio.gather(increment(storage, "counters", "c"), increment(storage, "counters", "C"))

asyncio.run(main(*sys.argv[1:]))
"""

WRITES = """
import asyncio, sys
from pathlib import Path
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage

async def client(storage, number):
    for step in range(10_000):
        id = f"{number}.{step % 5}"
        written = await storage.put("s", id, {"step": step, "hay": "x" * (step * 997 % 70_000), "end": step})
        print(id, written.version, flush=True)

async def main(folder):
    storage = LocalSessionStorage(Path(folder))
    print("ready", flush=True)
    await asyncio.gather(*(client(storage, number) for number in range(4)))

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "with spaces é" / "sessions"


@pytest.fixture
async def storage(clock, folder):
    storage = LocalSessionStorage(folder, clock.now)
    yield storage
    await storage.close()


class TestLocalSessionStorage(SessionStorageContract):
    pass


def python(code, *args):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, args)], stdout=subprocess.PIPE, text=True)


async def test_two_processes_that_increment_lose_none(folder, storage):
    others = [python(INCREMENTS, folder, 60) for _ in range(2)]
    try:
        await asyncio.gather(*(increment(storage, "counters", "c") for _ in range(40)))
        assert [await asyncio.to_thread(other.wait) for other in others] == [0, 0]
    finally:
        for other in others:
            other.kill()
            other.communicate()
    assert {d.id: (d.version, d.body["count"]) for d in await walked(storage, "counters")} == {
        "C": (120, 120),
        "c": (160, 160),
    }


def live_and_die(folder, seconds):
    """The last version of each document that a writer acknowledged before it was killed."""
    with python(WRITES, folder) as writer:
        assert writer.stdout.readline() == "ready\n"
        with contextlib.suppress(subprocess.TimeoutExpired):
            writer.wait(seconds)
        writer.kill()
        lines = writer.stdout.read().split("\n")[:-1]
    return {id: int(version) for id, version in map(str.split, lines)}


async def many_deaths(folder, deaths):
    chance = random.Random()
    acknowledged = {}
    for _ in range(deaths):
        acknowledged |= await asyncio.to_thread(live_and_die, folder, chance.uniform(0, 0.15))
        storage = LocalSessionStorage(folder)
        found = {d.id: d for d in await walked(storage, "s", limit=7)}
        await storage.close()
        for document in found.values():
            step = document.body["step"]
            assert document.body == {"step": step, "hay": "x" * (step * 997 % 70_000), "end": step}
        for id, version in acknowledged.items():
            # at most the one write that was under way is there without a word
            assert version <= found[id].version <= version + 1
        acknowledged = {id: document.version for id, document in found.items()}
    assert len(acknowledged) >= 20


async def test_a_killed_writer_lost_nothing_it_had_acknowledged(folder):
    await many_deaths(folder, 10)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_hundred_deaths_lose_nothing(folder):
    await many_deaths(folder, 100)


async def test_what_a_death_left_is_not_in_the_way(folder, storage):
    await storage.put("s", "one", {"n": 1})
    for part in range(8):
        (folder / "s" / f".{part}.new").write_bytes(b"half a docu")
    await storage.put("s", "one", {"n": 2})
    assert [document.body for document in await walked(storage, "s")] == [{"n": 2}]


async def test_everything_is_for_the_owner_only(folder, storage):
    before = os.umask(0)
    try:
        await storage.put("s", "One", {"n": 1})
        next((folder / "s").glob("*.jsonl")).write_text("damaged")
        with pytest.raises(Corrupt):
            await storage.get("s", "One")
        await storage.put("s", "One", {"n": 1})
    finally:
        os.umask(before)
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def only_file(folder):
    [file] = (folder / "s").glob("*.jsonl")
    return file


def cut(file):
    file.write_bytes(file.read_bytes()[:-10])


def emptied(file):
    file.write_bytes(b"")


def flipped(file):
    data = bytearray(file.read_bytes())
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    file.write_bytes(data)


def grown(file):
    with file.open("ab") as stream:
        stream.truncate(10 << 30)


def a_link(file):
    target = file.with_name("elsewhere")
    file.rename(target)
    file.symlink_to(target)


def a_link_to_nothing(file):
    file.unlink()
    file.symlink_to("nothing")


def a_folder(file):
    file.unlink()
    file.mkdir()


def a_pipe(file):
    file.unlink()
    os.mkfifo(file)


DAMAGES = [cut, emptied, flipped, grown, a_link, a_link_to_nothing, a_folder, a_pipe]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("through", ["get", "put", "delete", "list"])
async def test_a_damaged_file_is_said_and_moved_aside_and_then_out_of_the_way(folder, storage, damage, through):
    await storage.put("s", "one", {"text": "something worth keeping"})
    damage(only_file(folder))
    what = os.lstat(only_file(folder)).st_ino
    ways = {
        "get": lambda: storage.get("s", "one"),
        "put": lambda: storage.put("s", "one", {}, expected_version=1),
        "delete": lambda: storage.delete("s", "one"),
        "list": lambda: storage.list("s"),
    }
    with pytest.raises(Corrupt, match="s/one is damaged") as caught:
        await ways[through]()
    assert caught.value.where.parent == folder / DAMAGED / "s"
    assert os.lstat(caught.value.where).st_ino == what and str(caught.value.where) in str(caught.value)
    assert await storage.get("s", "one") is None
    assert (await storage.put("s", "one", {"n": 1}, expected_version=0)).version == 1


async def test_every_bit_of_a_file_counts(folder, storage):
    await storage.put("s", "one", {"n": 1})
    whole = only_file(folder).read_bytes()
    for at in range(len(whole)):
        only_file(folder).write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        with pytest.raises(Corrupt):
            await storage.get("s", "one")
        (folder / "s" / "one.jsonl").write_bytes(whole)
    assert (await storage.get("s", "one")).body == {"n": 1}


async def test_a_file_under_another_name_is_not_taken_for_that_document(folder, storage):
    await storage.put("s", "one", {"n": 1})
    only_file(folder).rename(folder / "s" / "two.jsonl")
    with pytest.raises(Corrupt, match="s/two"):
        await storage.get("s", "two")


async def test_a_file_of_somebody_else_is_left_alone(folder, storage):
    await storage.put("s", "one", {"n": 1})
    strangers = {folder / "s" / name: name for name in ("notes.txt", "One.jsonl", "a b.jsonl", ".DS_Store", "x~.jsonl")}
    for path, text in strangers.items():
        path.write_text(text)
    assert [document.id for document in await walked(storage, "s")] == ["one"]
    assert {path: path.read_text() for path in strangers} == strangers


async def test_what_a_newer_version_wrote_is_left_as_it_is(folder, storage, monkeypatch):
    monkeypatch.setattr("session_mgmt_mcp.ports.sealed_documents.FORMAT", 2)
    await storage.put("s", "one", {"n": 1})
    monkeypatch.undo()
    before = only_file(folder).read_bytes()
    for attempt in (storage.get("s", "one"), storage.put("s", "one", {}), storage.delete("s", "one")):
        with pytest.raises(Unsupported, match="newer session-mgmt-mcp"):
            await attempt
    assert only_file(folder).read_bytes() == before


async def test_a_full_disk_is_said_and_the_last_version_stays(folder, storage):
    await storage.put("s", "one", {"n": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(Unavailable, match="make room"):
            await storage.put("s", "one", {"text": "x" * 100_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in (folder / "s").iterdir() if path.suffix == ".new"] == []
    assert (await storage.get("s", "one")).body == {"n": 1}
    assert (await storage.put("s", "one", {"n": 2})).version == 2


@pytest.fixture
def anyone():
    """A folder, and not the right to ignore the modes in it."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    for path in folder.rglob("*"):
        path.chmod(0o700)
    shutil.rmtree(folder)


async def test_where_nothing_can_be_written_reading_goes_on(anyone, clock):
    storage = LocalSessionStorage(anyone, clock.now)
    await storage.put("s", "one", {"n": 1})
    await storage.put("s", "short", {}, expires=clock.now() + timedelta(minutes=1))
    clock.advance(hours=1)
    (anyone / "s").chmod(0o500)
    anyone.chmod(0o500)
    for attempt in (storage.put("s", "one", {}), storage.put("t", "one", {}), storage.delete("s", "one")):
        with pytest.raises(Unavailable, match="change its owner or permissions"):
            await attempt
    assert [document.body for document in await walked(storage, "s")] == [{"n": 1}]
    only = anyone / "s" / "one.jsonl"
    only.write_bytes(b"damaged")
    with pytest.raises(Corrupt, match="cannot be moved") as caught:
        await storage.get("s", "one")
    assert caught.value.where == only and only.read_bytes() == b"damaged"
    only.chmod(0)
    with pytest.raises(Unavailable, match="change its owner or permissions"):
        await storage.get("s", "one")
    await storage.close()


async def test_a_file_in_the_place_of_a_folder_is_said(folder, storage):
    folder.parent.mkdir()
    folder.write_text("in the way")
    for attempt in (storage.put("s", "one", {}), storage.get("s", "one"), storage.list("s")):
        with pytest.raises(Unavailable, match="move it away"):
            await attempt
    assert folder.read_text() == "in the way"


async def test_who_holds_a_lock_for_too_long_is_named(folder, storage, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 0.3)
    await storage.put("s", "one", {"n": 1})
    [lock] = (folder / "s").glob(".*.lock")
    with files.locked(lock):
        before = time.monotonic()
        with pytest.raises(Unavailable, match=r"\.lock"):
            await storage.put("s", "one", {"n": 2})
        assert time.monotonic() - before < 5
        assert (await storage.get("s", "one")).body == {"n": 1}
    assert (await storage.put("s", "one", {"n": 2})).version == 2


async def test_expired_documents_go_from_the_disk_in_passing(folder, storage, clock):
    soon = clock.now() + timedelta(minutes=1)
    for n in range(20):
        await storage.put("s", f"e{n}", {}, expires=soon)
    await storage.put("s", "kept", {})
    clock.advance(days=1)
    await swept(storage)
    assert [path.name for path in (folder / "s").glob("*.jsonl")] == ["kept.jsonl"]


async def swept(storage):
    for n in range(SWEEP_EVERY):
        await storage.put("s", "kept", {"n": n})
    await storage.close()


def there(folder):
    return {path.name.removesuffix(".jsonl") for path in (folder / "s").glob("*.jsonl")} - {"kept"}


@pytest.fixture
async def believed(folder, clock):
    """`await believed()`: looks at the clock, and lets the storage sweep."""

    async def sweep():
        await swept(LocalSessionStorage(folder, clock.now))
        return there(folder)

    clock.advance(days=-1)
    await sweep()
    clock.advance(days=1)
    await sweep()
    return sweep


async def test_a_clock_that_is_years_ahead_for_a_moment_deletes_nothing(folder, clock, believed):
    storage = LocalSessionStorage(folder, clock.now)
    await storage.put("s", "one", {"n": 1}, expires=clock.now() + timedelta(days=90))
    clock.advance(days=3650)
    assert await storage.get("s", "one") is None and (await storage.list("s", "one")).documents == []
    await storage.close()
    assert await believed() == {"one"}
    clock.advance(hours=23)
    assert await believed() == {"one"}, "in another process, too"
    clock.advance(days=-3651)
    assert await believed() == {"one"}
    storage = LocalSessionStorage(folder, clock.now)
    assert (await storage.get("s", "one")).body == {"n": 1}
    await storage.close()
    clock.advance(days=3650)
    assert await believed() == {"one"}, "once more"
    clock.advance(days=-3650, hours=1)
    clock.advance(days=20)
    assert await believed() == {"one"}


async def test_what_has_expired_goes_a_day_after_somebody_was_away_for_months(folder, clock, believed):
    storage = LocalSessionStorage(folder, clock.now)
    await storage.put("s", "one", {}, expires=clock.now() + timedelta(days=90))
    await storage.close()
    clock.advance(days=200)
    assert await believed() == {"one"}
    clock.advance(hours=25)
    assert await believed() == set()


async def test_what_is_known_of_the_clock_may_be_damaged(folder, clock, believed):
    storage = LocalSessionStorage(folder, clock.now)
    await storage.put("s", "one", {}, expires=clock.now() + timedelta(minutes=1))
    await storage.close()
    clock.advance(hours=1)
    for damage in (b"", b"[1, 2]", b'["x", null]', b"\xff", b'["0001-01-01T00:00:00+23:00", null]'):
        (folder / ".time").write_bytes(damage)
        assert await believed() == {"one"}
    clock.advance(hours=25)
    assert await believed() == set()


async def test_a_clock_that_was_believed_at_the_end_of_time_stops_nobody(folder, clock, believed):
    storage = LocalSessionStorage(folder, clock.now)
    await storage.put("s", "one", {}, expires=clock.now() + timedelta(minutes=1))
    await storage.close()
    clock.advance(hours=1)
    (folder / ".time").write_bytes(b'["9999-12-20T00:00:00+00:00", "9999-12-20T00:00:00+00:00"]')
    assert await believed() == set()


async def test_a_sweep_leaves_what_is_damaged_for_whoever_asks(folder, storage):
    await storage.put("s", "one", {})
    only_file(folder).write_bytes(b"damaged")
    for n in range(SWEEP_EVERY + 1):
        await storage.put("s", "two", {"n": n})
    await storage.close()
    with pytest.raises(Corrupt):
        await LocalSessionStorage(folder).get("s", "one")


async def test_after_closing_it_says_so(storage):
    await storage.close()
    with pytest.raises(Unavailable, match="closed"):
        await storage.get("s", "one")


async def test_another_opening_reads_what_the_first_wrote(folder, clock, storage):
    written = await storage.put("s", "one", {"n": 1}, expires=clock.now() + timedelta(days=1))
    other = LocalSessionStorage(folder, clock.now)
    assert await other.get("s", "one") == written
    await other.close()
