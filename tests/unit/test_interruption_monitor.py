"""What counts as an interruption, over a clock that is told what time it is, and files that are played."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.file_digests import MemoryFileDigests
from session_mgmt_mcp.adapters.memory.file_watcher import MemoryFileWatcher
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.domain.contexts import Context, ContextService, Reason
from session_mgmt_mcp.domain.interruption_monitor import InterruptionMonitor
from session_mgmt_mcp.domain.interruptions import InterruptionService
from session_mgmt_mcp.domain.monitors import Monitors
from session_mgmt_mcp.domain.watching import Watching
from session_mgmt_mcp.domain.working import Observer
from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.git_repository import Changed, Repository, WorkingState
from session_mgmt_mcp.ports.transcript_source import Outline
from session_mgmt_mcp.ports.vector_store import Record

SHOP, BLOG, PLAIN = Path("/code/shop"), Path("/code/blog"), Path("/code/plain")
DIRTY = WorkingState("main", "a" * 40, None, 0, 0, None, [Changed("cart.py", "modified")], 0)
GAP = timedelta(minutes=30)


class FakeGit:
    """Repositories at `/code/*` but one."""

    def __init__(self) -> None:
        self.states = {SHOP: DIRTY, BLOG: DIRTY}
        self.gone: set[Path] = set()

    async def resolve(self, folder: Path) -> Path | None:
        return None if folder in self.gone else folder

    async def find(self, folder: Path) -> Repository | None:
        root = next((top for top in self.states if folder.is_relative_to(top)), None)
        return Repository(root, root / ".git", "main") if root else None

    async def state(self, folder: Path) -> WorkingState | None:
        return self.states.get(folder)

    async def diff(self, folder: Path, most_bytes: int = 0) -> str:
        return "+ changed\n"

    async def ignored(self, folder: Path, paths: list[str]) -> frozenset[str]:
        return frozenset(path for path in paths if path.endswith(".log"))


class FakeTranscripts:
    def __init__(self) -> None:
        self.said: dict[Path, Outline] = {}

    async def outline(self, path: Path) -> Outline | None:
        return self.said.get(path)


class FakeProjects:
    async def project_of(self, folder: str, home: str = "") -> str:
        return Path(folder).relative_to("/code").parts[0]


@dataclass
class World:
    """A monitor over fakes; `hook` and `files` play what happens, `after` lets time go by."""

    git: FakeGit = field(default_factory=FakeGit)
    clock: FixedClock = field(default_factory=FixedClock)
    storage: MemorySessionStorage | None = None
    watcher: MemoryFileWatcher = field(default_factory=MemoryFileWatcher)
    store: MemoryVectorStore = field(default_factory=MemoryVectorStore)
    transcripts: FakeTranscripts = field(default_factory=FakeTranscripts)
    troubles: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.storage = self.storage or MemorySessionStorage(self.clock.now)

        async def follow(path: Path) -> None:
            pass

        observer = Observer(self.git, self.transcripts, self.store, MemoryFileDigests(), follow)
        self.contexts = ContextService(observer, self.storage, self.clock)
        self.watching = Watching(self.watcher, self.git)
        self.monitor = InterruptionMonitor(
            self.contexts, observer, Monitors(self.storage), self.watching, FakeProjects(), self.git, self.store,
            self.clock, GAP, self.troubles.append, settle=0, look_every=0,
        )  # fmt: skip

    async def hook(self, event: str, session: str = "s1", cwd: Path = SHOP, **more: str) -> None:
        self.monitor.on_event({"event": event, "session_id": session, "cwd": str(cwd), **more})
        await self.settle()

    async def files(self, root: Path, *paths: str, head: bool = False) -> None:
        await self.watcher.watches[root].tell(*paths, head=head)
        await self.settle()

    async def after(self, **time: float) -> None:
        self.clock.advance(**time)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(60):
            await asyncio.sleep(0)
        await self.monitor.catch_up()
        for _ in range(60):
            await asyncio.sleep(0)

    async def kept(self) -> list[Context]:
        assert not self.troubles, self.troubles
        return sorted([context async for context in self.contexts.all()], key=lambda context: context.time)

    async def reasons(self) -> list[tuple[Reason, str]]:
        return [(context.reason, context.place.project) for context in await self.kept()]


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.monitor.close()
    await world.watching.close()


async def test_nothing_is_noticed_before_somebody_asks_for_it(world):
    await world.hook("UserPromptSubmit")
    await world.hook("Stop")
    await world.after(hours=5)
    assert await world.kept() == [] and not world.monitor.busy and world.watcher.watches == {}


async def test_a_long_silence_after_a_turn_is_a_gap_that_began_with_it(world):
    await world.monitor.start(SHOP, "ada", True)
    await world.hook("UserPromptSubmit", transcript_path="/t.jsonl")
    await world.hook("Stop")
    silent = world.clock.now()
    await world.after(minutes=29)
    assert await world.kept() == []
    await world.after(minutes=2)
    await world.after(hours=3)
    [kept] = await world.kept()
    assert (kept.reason, kept.began, kept.place.session, kept.place.user) == (Reason.LONG_GAP, silent, "s1", "ada")
    assert kept.interrupted and kept.work.branch == "main"


async def test_the_next_prompt_ends_the_gap(world):
    await world.monitor.start(SHOP, "default", True)
    await world.hook("UserPromptSubmit")
    await world.hook("Stop")
    await world.after(minutes=31)
    await world.after(minutes=20)
    await world.hook("UserPromptSubmit")
    [kept] = await world.kept()
    assert kept.resumed == world.clock.now()
    service = InterruptionService(world.contexts, world.store, world.clock)
    [interruption] = await service.history("default", "shop", 24)
    assert interruption.length == timedelta(minutes=51)
    await world.hook("Stop")
    await world.after(minutes=31)
    assert len(await world.kept()) == 2


async def test_a_turn_that_goes_on_is_no_gap(world):
    await world.monitor.start(SHOP, "default", True)
    await world.hook("UserPromptSubmit")
    await world.hook("Stop")
    await world.hook("UserPromptSubmit")
    await world.after(minutes=100)
    assert await world.kept() == []
    await world.after(minutes=30)
    assert await world.reasons() == [(Reason.LONG_GAP, "shop")]


async def test_work_that_leaves_nothing_unfinished_is_interrupted_by_nobody(world):
    world.git.states[SHOP] = replace(DIRTY, changed=[])
    await world.monitor.start(SHOP, "default", True)
    await world.hook("UserPromptSubmit")
    await world.hook("Stop")
    await world.after(hours=2)
    assert await world.kept() == []


async def test_a_prompt_in_another_project_is_a_switch(world):
    await world.monitor.start(SHOP, "default", True)
    await world.hook("UserPromptSubmit")
    await world.hook("UserPromptSubmit", "s2", BLOG / "posts")
    [kept] = await world.kept()
    assert (kept.reason, kept.place.project, kept.note) == (Reason.PROJECT_SWITCH, "shop", "to blog")
    await world.hook("UserPromptSubmit", "s2", BLOG)
    await world.after(minutes=45)
    assert len(await world.kept()) == 1
    await world.hook("UserPromptSubmit")
    assert (await world.kept())[0].resumed == world.clock.now()


async def test_files_that_change_elsewhere_are_a_switch_once_the_project_rests(world):
    await world.monitor.start(SHOP, "default", True)
    await world.monitor.start(BLOG, "default", True)
    await world.hook("UserPromptSubmit")
    await world.after(seconds=30)
    await world.files(BLOG, "posts/a.md")
    assert await world.kept() == []
    await world.after(seconds=61)
    await world.files(BLOG, "build.log")
    assert await world.kept() == []
    await world.files(BLOG, "posts/a.md")
    assert await world.reasons() == [(Reason.PROJECT_SWITCH, "shop")]


async def test_files_that_change_here_keep_a_project_from_resting(world):
    await world.monitor.start(SHOP, "default", True)
    await world.monitor.start(BLOG, "default", True)
    await world.hook("UserPromptSubmit")
    await world.after(seconds=61)
    await world.files(SHOP, "cart.py")
    await world.files(BLOG, "posts/a.md")
    assert await world.kept() == []


async def check_out(world: World, branch: str) -> None:
    world.git.states[SHOP] = replace(DIRTY, branch=branch, changed=[])
    await world.files(SHOP, head=True)


async def ran(world: World, command: str, before: timedelta, ok: bool | None = True) -> None:
    call = {"tool": "Bash", "ok": ok, "files": [], "command": command, "error": ""}
    time = world.clock.now() - before
    await world.store.upsert(
        [Record("r1", "action", f"Bash: {command}", "shop", time, session="s1", role="tool", metadata={"call": call})]
    )


async def test_another_branch_under_a_session_is_an_interruption_kept_as_it_was_before(world):
    await world.monitor.start(SHOP, "default", True)
    await world.hook("UserPromptSubmit")
    await check_out(world, "other")
    [kept] = await world.kept()
    assert (kept.reason, kept.note, kept.began) == (Reason.BRANCH_SWITCH, "to other", world.clock.now())
    assert (kept.work.branch, [one.path for one in kept.work.changed]) == ("main", ["cart.py"])


@pytest.mark.parametrize(
    ("command", "before", "ok", "kept"),
    [
        ("git switch other", timedelta(seconds=20), True, 0),
        ("git switch other", timedelta(minutes=5), True, 1),
        ("./release.sh", timedelta(minutes=5), None, 0),
        ("./release.sh", timedelta(seconds=20), True, 1),
        ("digit-count", timedelta(seconds=20), True, 1),
    ],
)
async def test_a_checkout_that_the_session_made_itself_is_none(world, command, before, ok, kept):
    await world.monitor.start(SHOP, "default", True)
    await world.hook("UserPromptSubmit")
    await ran(world, command, before, ok)
    await check_out(world, "other")
    assert len(await world.kept()) == kept


async def test_a_checkout_without_a_session_interrupts_nobody(world):
    await world.monitor.start(SHOP, "default", True)
    await world.files(SHOP, "cart.py")
    await check_out(world, "other")
    world.git.states[SHOP] = replace(DIRTY, branch="other")
    await world.hook("UserPromptSubmit")
    await world.hook("SessionEnd")
    await check_out(world, "third")
    assert await world.kept() == []


async def test_a_prompt_is_looked_at_at_once_although_changes_wait(world):
    world.monitor._look_every = 3_600
    await world.monitor.start(SHOP, "default", True)
    await world.files(SHOP, "cart.py")
    world.git.states[SHOP] = replace(DIRTY, changed=[Changed("price.py", "modified")])
    await world.files(SHOP, "price.py")
    assert [one.path for one in world.monitor.sees(SHOP).changed] == ["cart.py"]
    await world.hook("UserPromptSubmit")
    assert [one.path for one in world.monitor.sees(SHOP).changed] == ["price.py"]


async def test_a_checkout_right_after_the_start_is_seen(world):
    await world.monitor.start(SHOP, "default", True)
    await world.settle()
    world.git.states[SHOP] = replace(DIRTY, branch="other", changed=[])
    await world.hook("UserPromptSubmit")
    assert [context.note for context in await world.kept()] == ["to other"]


async def test_without_watching_files_prompts_still_tell(world):
    await world.monitor.start(SHOP, "default", False)
    assert world.watcher.watches == {} and world.monitor.busy
    await world.hook("UserPromptSubmit")
    await world.hook("UserPromptSubmit", "s2", BLOG)
    assert await world.reasons() == [(Reason.PROJECT_SWITCH, "shop")]


async def test_monitoring_goes_on_in_the_next_process_until_it_is_stopped(world):
    await world.monitor.start(SHOP / "src", "ada", True)
    await world.monitor.close()
    assert not world.monitor.busy
    second = World(storage=world.storage, clock=world.clock)
    await second.monitor.resume()
    assert second.monitor.busy and list(second.watcher.watches) == [SHOP]
    [(stopped, _)] = await second.monitor.stop("shop")
    assert (stopped.state, stopped.user) == ("off", "ada") and not second.monitor.busy
    third = World(storage=world.storage, clock=world.clock)
    await third.monitor.resume()
    assert not third.monitor.busy


async def test_only_the_named_project_is_stopped(world):
    await world.monitor.start(SHOP, "default", True)
    await world.monitor.start(BLOG, "default", True)
    assert [monitor.project for monitor, _ in await world.monitor.stop("blog")] == ["blog"]
    assert world.monitor.busy and await world.monitor.stop("blog") == []
    assert [monitor.project for monitor, _ in await world.monitor.stop(None)] == ["shop"]


async def test_starting_twice_is_starting_once(world):
    first = await world.monitor.start(SHOP, "default", True)
    world.clock.advance(minutes=5)
    again = await world.monitor.start(SHOP, "default", False)
    assert (first.already, again.already, again.monitor.since) == (False, True, first.monitor.since)
    assert world.watcher.watches[SHOP].closed
    assert len(await world.monitor.stop(None)) == 1 and not world.monitor.busy


async def test_a_project_that_is_deleted_ends_its_monitoring_and_says_so(world):
    await world.monitor.start(SHOP, "default", True)
    world.git.gone.add(SHOP)
    world.watcher.watches[SHOP].vanish()
    await world.settle()
    [monitor] = await world.monitor.states("shop")
    assert (monitor.state, monitor.why, world.monitor.busy) == ("ended", "The folder is gone.", False)


async def test_what_was_deleted_while_nobody_watched_has_ended_too(world):
    await world.monitor.start(SHOP, "default", True)
    await world.monitor.close()
    second = World(storage=world.storage, clock=world.clock)
    second.watcher.gone.add(SHOP)
    await second.monitor.resume()
    [monitor] = await second.monitor.states("shop")
    assert monitor.state == "ended" and "no folder" in monitor.why and not second.monitor.busy


async def test_what_cannot_be_watched_is_not_on(world):
    world.watcher.gone.add(SHOP)
    with pytest.raises(NotFound):
        await world.monitor.start(SHOP, "default", True)
    assert await world.monitor.states(None) == [] and not world.monitor.busy


async def test_a_session_that_is_resumed_takes_up_what_it_left(world):
    left = await world.contexts.preserve("s1", "shop", str(SHOP), "", Reason.SESSION_END)
    other = await world.contexts.preserve("s2", "shop", str(SHOP), "", Reason.SESSION_LOST)
    await world.after(hours=1)
    await world.hook("UserPromptSubmit")
    found = {context.id: context.resumed for context in await world.kept()}
    assert found == {left.id: world.clock.now(), other.id: None}
