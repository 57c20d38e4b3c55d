"""What kept hours say, and what is never kept."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.memory.activity_source import MemoryActivitySource
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.file_watcher import MemoryFileWatcher
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain import activity_hours
from session_mgmt_mcp.domain.activity import active_files, insights, summarised
from session_mgmt_mcp.domain.activity_hours import ACTIVITY, Hour
from session_mgmt_mcp.domain.activity_monitor import MOST, ActivityMonitor
from session_mgmt_mcp.domain.monitors import Monitors
from session_mgmt_mcp.domain.programs import category, telling
from session_mgmt_mcp.domain.watching import Watching
from session_mgmt_mcp.ports.errors import Invalid, NotFound, Unavailable

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
SHOP, BLOG = Path("/code/shop"), Path("/code/blog")
SECRET = "ghp_" + "x9Y8z7W6v5U4t3S2r1Q0x9Y8z7W6v5U4t3S2"


def hour(project: str = "shop", start: datetime = TEN, **files: list[int]) -> Hour:
    made = Hour(start, project, f"/code/{project}")
    for name, minutes in files.items():
        for minute in minutes:
            made.note(f"src/{name}.py", minute)
    return made


def test_files_are_told_by_their_last_change_within_the_time_asked_for():
    files = active_files(
        [hour(a=[5, 5, 50], b=[50], c=[20, 20, 20])], TEN + timedelta(minutes=20, seconds=30), TEN.replace(hour=11)
    )
    assert [(file.path, file.changes, file.last.minute) for file in files] == [
        ("src/a.py", 1, 50), ("src/b.py", 1, 50), ("src/c.py", 3, 20),
    ]  # fmt: skip
    assert active_files([hour(a=[5])], TEN + timedelta(minutes=6), TEN.replace(hour=11)) == []


def test_a_file_of_the_same_name_in_another_folder_is_another_file():
    files = active_files([hour(a=[5]), hour("blog", a=[5])], TEN, TEN.replace(hour=11))
    assert {(file.folder, file.path) for file in files} == {("/code/shop", "src/a.py"), ("/code/blog", "src/a.py")}


def test_a_summary_counts_what_was_noted():
    machine = Hour(TEN, programs={"code": {1, 2, 3}, "firefox": {59}})
    shop = hour(a=[1, 1, 2], b=[2])
    shop.note("README", 3)
    shop.more[4] += 10
    said = summarised([shop, hour("blog", x=[2]), machine], TEN, TEN + timedelta(minutes=30))
    assert (said.changes, said.files, said.minutes) == (16, 4, 4)
    assert said.projects == {"shop": 15, "blog": 1} and said.kinds == {".py": 5, "(none)": 1}
    assert said.programs == {"code": 3} and said.categories == {"code": "editor"}
    assert said.busiest[0].path == "src/a.py"


def test_insights_follow_from_minutes():
    hours = [hour(a=[0, 1, 2, 30], b=[1, 2]), hour("blog", x=[3, 3, 30])]
    said = insights(hours, TEN, TEN.replace(hour=11))
    assert (said.focus, said.share, said.switches) == ("shop", 0.8, 2)
    assert [(stretch.start.minute, stretch.minutes) for stretch in said.stretches] == [(0, 4), (30, 1)]
    assert said.together == [("src/a.py", "src/b.py", 2)]
    assert said.areas == {"shop/src": 6, "blog/src": 3}


def test_of_nothing_nothing_is_said():
    said = insights([], TEN, TEN.replace(hour=11))
    assert (said.focus, said.share, said.switches, list(said.stretches)) == ("", 0.0, 0, [])
    assert summarised([], TEN, TEN.replace(hour=11)).changes == 0


NOTES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["shop", "blog"]), st.integers(0, 59)), max_size=60
)


@given(NOTES)
def test_each_change_counts_once_however_it_is_looked_at(notes):
    hours = {name: Hour(TEN, name, f"/code/{name}") for name in ("shop", "blog")}
    for path, project, minute in notes:
        hours[project].note(path, minute)
    known, until = list(hours.values()), TEN + timedelta(minutes=59)
    said, seen = summarised(known, TEN, until), insights(known, TEN, until)
    assert said.changes == sum(said.projects.values()) == sum(said.kinds.values()) == len(notes)
    assert said.changes == sum(file.changes for file in said.busiest) == sum(seen.areas.values())
    assert sum(seen.minutes.values()) == said.minutes == len({minute for _, _, minute in notes})
    assert sum(stretch.minutes for stretch in seen.stretches) == said.minutes
    assert 0 <= seen.switches < max(1, said.minutes) and 0 <= seen.share <= 1


@given(NOTES, NOTES)
async def test_hours_written_in_parts_are_read_as_one(one, other):
    storage, whole = MemorySessionStorage(lambda: TEN), Hour(TEN, "shop", "/code/shop")
    for notes in (one, other):
        part = Hour(TEN, "shop", "/code/shop")
        for path, _, minute in notes:
            part.note(path, minute)
            whole.note(path, minute)
            part.more[minute] += 2
            whole.more[minute] += 2
        await activity_hours.write(storage, part)
    [read] = await activity_hours.read(storage, TEN, TEN + timedelta(minutes=5))
    assert read == whole


def test_files_beyond_the_bound_are_only_counted(monkeypatch):
    monkeypatch.setattr(activity_hours, "FILES_KEPT", 2)
    made = hour(a=[1], b=[1], c=[1, 2], d=[2])
    made.note("src/a.py", 5)
    made.note("x" * 400, 6)
    assert set(made.files) == {"src/a.py", "src/b.py"} and made.more == Counter({1: 1, 2: 2, 6: 1})


async def test_hours_expire_after_seven_days():
    clock = FixedClock()
    storage = MemorySessionStorage(clock.now)
    start = activity_hours.full_hour(clock.now())
    await activity_hours.write(storage, hour(start=start, a=[1]))
    clock.advance(days=6, hours=23)
    assert len(await activity_hours.read(storage, start, start)) == 1
    clock.advance(hours=1)
    assert await activity_hours.read(storage, start, start) == []


def test_only_programs_that_tell_how_somebody_works_are_looked_at():
    names = {"Code.exe", "firefox-bin", "bash", "kworker/0:1", "my-secret-tool", "python3.11", "tmux: server", "nvim"}
    assert telling(names) == {
        "Code": "editor", "firefox-bin": "browser", "nvim": "editor", "tmux: server": "terminal",
    }  # fmt: skip
    assert category("bash") is None


class FakeGit:
    async def find(self, folder: Path):
        return None


class FakeProjects:
    async def project_of(self, folder: str, home: str = "") -> str:
        return Path(folder).parts[2]


class World:
    def __init__(self, storage: MemorySessionStorage | None = None, clock: FixedClock | None = None) -> None:
        self.clock = clock or FixedClock()
        self.storage = storage or MemorySessionStorage(self.clock.now)
        self.watcher = MemoryFileWatcher()
        self.source = MemoryActivitySource("code", "bash", "my-secret-tool")
        self.watching = Watching(self.watcher, FakeGit())
        self.troubles: list[Exception] = []
        self.monitor = ActivityMonitor(
            Monitors(self.storage), self.watching, self.source, self.storage, FakeProjects(), self.clock,
            self.troubles.append,
        )  # fmt: skip

    async def files(self, root: Path, *paths: str) -> None:
        await self.watcher.watches[root].tell(*paths)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(30):
            await asyncio.sleep(0)

    async def seen(self, project: str | None = None) -> list[str]:
        now = self.clock.now()
        hours = await self.monitor.hours(now - timedelta(hours=24), now, project)
        return [file.path for file in active_files(hours, now - timedelta(hours=24), now)]


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.monitor.close()
    await world.watching.close()


async def test_nothing_is_noted_until_it_is_started(world):
    await world.monitor.look()
    assert not world.monitor.busy and await world.seen() == []
    assert (await world.storage.list(ACTIVITY)).documents == []


async def test_files_and_known_programs_are_noted_in_the_named_folders(world):
    await world.monitor.start([SHOP], "default")
    await world.files(SHOP, "cart.py", "node_modules/x.js")
    await world.monitor.look()
    assert await world.seen() == ["cart.py"] and set(world.watcher.watches) == {SHOP}
    text = json.dumps([document.body for document in (await world.storage.list(ACTIVITY)).documents])
    assert '"code"' in text and "my-secret-tool" not in text and "bash" not in text


async def test_no_secret_in_a_name_is_kept(world):
    await world.monitor.start([SHOP], "default")
    await world.files(SHOP, f"keys/{SECRET}.txt")
    assert SECRET not in str(await world.seen())


async def test_another_project_is_told_only_when_it_is_meant(world):
    await world.monitor.start([SHOP, BLOG], "default")
    await world.files(SHOP, "cart.py")
    await world.files(BLOG, "post.md")
    assert await world.seen("shop") == ["cart.py"] and len(await world.seen()) == 2


async def test_a_folder_in_a_named_folder_is_watched_once(world):
    await world.monitor.start([SHOP / "src"], "default")
    [outer] = await world.monitor.start([SHOP], "default")
    assert world.watcher.watches[SHOP / "src"].closed and outer.within == ""
    [inner] = await world.monitor.start([SHOP / "src"], "default")
    assert inner.within == str(SHOP)
    await world.files(SHOP, "src/a.py")
    assert await world.seen() == ["src/a.py"]
    assert [monitor.folder for monitor in await world.monitor.stop()] == [str(SHOP)]


async def test_it_goes_on_in_the_next_process_until_it_is_stopped(world):
    await world.monitor.start([SHOP], "default")
    await world.files(SHOP, "cart.py")
    await world.monitor.close()
    second = World(world.storage, world.clock)
    await second.monitor.resume()
    await second.files(SHOP, "price.py")
    assert sorted(await second.seen()) == ["cart.py", "price.py"] and second.monitor.busy
    assert len(await second.monitor.stop()) == 1 and await second.monitor.stop() == []
    assert second.watcher.watches[SHOP].closed and sorted(await second.seen()) == ["cart.py", "price.py"]
    third = World(world.storage, world.clock)
    await third.monitor.resume()
    assert not third.monitor.busy


async def test_of_several_folders_all_are_watched_or_none(world):
    world.watcher.gone.add(SHOP)
    with pytest.raises(NotFound):
        await world.monitor.start([BLOG, SHOP], "default")
    assert not world.monitor.busy and world.watcher.watches[BLOG].closed
    assert all(monitor.state == "off" for monitor in await world.monitor.states())
    with pytest.raises(Invalid, match="at most"):
        await world.monitor.start([Path(f"/code/p{n}") for n in range(MOST + 1)], "default")


async def test_a_folder_that_is_deleted_ends_its_part_and_says_so(world):
    await world.monitor.start([SHOP], "default")
    world.watcher.watches[SHOP].vanish()
    await world.settle()
    [monitor] = await world.monitor.states()
    assert (monitor.state, monitor.why, world.monitor.busy) == ("ended", "The folder is gone.", False)


async def test_what_could_not_be_written_is_written_later(world, monkeypatch):
    await world.monitor.start([SHOP], "default")
    await world.files(SHOP, "cart.py")
    put = world.storage.put

    async def fail(*args, **more):
        raise Unavailable("the disk is full")

    monkeypatch.setattr(world.storage, "put", fail)
    with pytest.raises(Unavailable):
        await world.seen()
    await world.files(SHOP, "cart.py")
    monkeypatch.setattr(world.storage, "put", put)
    assert await world.seen() == ["cart.py"]
    now = world.clock.now()
    [file] = active_files(await world.monitor.hours(now, now, None), now, now)
    assert file.changes == 2
