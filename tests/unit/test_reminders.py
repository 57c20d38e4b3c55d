"""Reminders are delivered once, whatever clocks, processes and machines do meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.dateparser.parser import DateparserDateParser
from session_mgmt_mcp.adapters.dateutil.recurrence import DateutilRecurrence
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.beginning import NOTHING, in_words
from session_mgmt_mcp.domain.reminder import LINE_TOKENS, Method, Status, Told
from session_mgmt_mcp.domain.reminders import MOST_OPEN, ReminderService, Wish
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.ports.errors import Invalid, NotFound

BERLIN = ZoneInfo("Europe/Berlin")
WEDNESDAY = datetime(2026, 11, 18, 15, 30, tzinfo=BERLIN)
SHOP, BLOG = "shop-a1b2c3", "blog-d4e5f6"


class World:
    """One storage and one clock; any number of services over them."""

    def __init__(self, now: datetime = WEDNESDAY) -> None:
        self.clock = FixedClock(now.astimezone(UTC))
        self.storage = MemorySessionStorage(self.clock.now)
        self.reminders = self.another()

    def another(self) -> ReminderService:
        return ReminderService(self.storage, self.clock, DateparserDateParser(), DateutilRecurrence(), BERLIN)

    async def wish(self, expression: str, title: str = "Call Bob", project: str = SHOP, **more):
        return await self.reminders.create(Wish(title, expression, project, **more))

    async def told(self, project: str = SHOP, service: ReminderService | None = None) -> list[str]:
        async with (service or self.reminders).deliver(project, Told.HOOK) as lines:
            return list(lines)

    async def shown(self, service: ReminderService | None = None, desktop: bool = True) -> list[str]:
        """What the desktop is shown now."""
        lines = []
        while handover := await (service or self.reminders).hand_to_desktop():
            lines += handover.lines
            await (handover.done(Told.DESKTOP) if desktop else handover.failed(no_desktop=True))
        return lines

    def at(self, text: str) -> None:
        """Sets the clock, forth or back."""
        wanted = datetime.fromisoformat(text).replace(tzinfo=BERLIN)
        self.clock.advance(seconds=(wanted - self.clock.now()).total_seconds())


@pytest.fixture
def world():
    return World()


async def test_a_reminder_is_told_when_it_is_due_in_its_project_and_once(world):
    await world.wish("in 20 minutes")
    assert not await world.told()
    world.clock.advance(minutes=20)
    assert not await world.told(BLOG)
    assert await world.told() == ['Reminder for the user: "Call Bob" (due Wednesday 2026-11-18 15:50)']
    assert not await world.told() and not await world.told(service=world.another())


async def test_one_for_every_project_is_told_wherever_a_session_is(world):
    await world.wish("in 20 minutes", project="*")
    world.clock.advance(minutes=30)
    assert len(await world.told(BLOG)) == 1 and not await world.told(SHOP)


async def test_what_was_not_handed_over_is_still_due(world):
    await world.wish("in 20 minutes")
    world.clock.advance(minutes=20)
    with pytest.raises(ConnectionError):
        async with world.reminders.deliver(SHOP, Told.HOOK):
            raise ConnectionError
    assert len(await world.told()) == 1


async def test_what_somebody_died_handing_over_is_due_again_a_minute_later(world):
    await world.wish("in 20 minutes")
    world.clock.advance(minutes=20)
    assert (await world.reminders.hand_over(SHOP)).lines  # and then the process is killed
    after = world.another()
    assert not await world.told(service=after)
    world.clock.advance(minutes=1)
    assert len(await world.told(service=after)) == 1


async def test_two_processes_deliver_once(world):
    for number in range(5):
        await world.wish("in 20 minutes", f"Call {number}")
    world.clock.advance(minutes=20)
    services = [world.another() for _ in range(8)]
    told = await asyncio.gather(*(world.told(service=service) for service in services))
    told += [await world.told() for _ in range(2)]
    lines = [line for lines in told for line in lines]
    assert len(lines) == len(set(lines)) == 5


async def test_services_over_the_same_files_deliver_once_between_them(tmp_path):
    world = World()

    def another() -> ReminderService:
        storage = LocalSessionStorage(tmp_path, world.clock.now)
        return ReminderService(storage, world.clock, DateparserDateParser(), DateutilRecurrence(), BERLIN)

    maker = another()
    for number in range(6):
        await maker.create(Wish(f"Call {number}", "every day at 9", SHOP))
    for day in (19, 20):
        world.at(f"2026-11-{day} 09:00")
        services = [another() for _ in range(6)]
        told = await asyncio.gather(*(world.told(service=service) for service in services))
        told += [await world.told(service=maker) for _ in range(2)]
        lines = [line for lines in told for line in lines]
        assert len(lines) == len(set(lines)) == 6


async def test_at_most_so_many_are_told_at_once_the_longest_due_first(world):
    for number in range(5, 0, -1):
        await world.wish(f"in {number} minutes", f"Call {number}")
    world.clock.advance(minutes=6)
    first, second = await world.told(), await world.told()
    assert [line.split('"')[1] for line in first + second] == [f"Call {number}" for number in range(1, 6)]
    assert len(first) == 3


async def test_a_repetition_is_told_at_each_of_its_times(world):
    await world.wish("every weekday at 9")
    heard = []
    for day in range(19, 27):
        world.at(f"2026-11-{day} 09:00:30")
        heard += [line[-17:-1] for line in await world.told()]
        assert not await world.told()
    assert heard == [f"2026-11-{day} 09:00" for day in (19, 20, 23, 24, 25, 26)]


async def test_what_was_missed_is_told_late_once_and_says_when_it_was_due(world):
    await world.wish("every day at 9")
    await world.wish("tomorrow at noon", "Order lunch")
    world.at("2026-11-22 10:15")  # the machine was off
    after = world.another()
    assert await world.told(service=after) == [
        'Reminder for the user: "Call Bob" (was due Thursday 2026-11-19 09:00, 3 days ago, and 3 times since)',
        'Reminder for the user: "Order lunch" (was due Thursday 2026-11-19 12:00, 2 days ago)',
    ]
    assert not await world.told(service=after)
    world.at("2026-11-23 09:00")
    assert len(await world.told(service=after)) == 1


async def test_a_repetition_that_has_ended_is_done(world):
    reminder = await world.wish("every day at 9, 2 times")
    for day in (19, 20):
        world.at(f"2026-11-{day} 09:00")
        assert len(await world.told()) == 1
    [listed] = await world.reminders.list(closed=True)
    assert (listed.id, listed.status, listed.deliveries, listed.told_by) == (reminder.id, Status.DONE, 2, Told.HOOK)
    world.at("2026-11-21 09:00")
    assert not await world.told()


async def test_an_opening_is_told_to_the_first_new_session_of_that_project(world):
    await world.wish("when I open project Blog", session="s1", project=SHOP)
    assert await world.reminders.opened(BLOG, "s1") == 0 and not await world.told(BLOG)
    assert await world.reminders.opened(SHOP, "s2") == 0
    assert await world.reminders.opened(BLOG, "s2") == 1
    [told] = await world.told(BLOG)
    assert "Call Bob" in told and "when the next session starts in the project Blog" in told
    assert await world.reminders.opened(BLOG, "s3") == 0 and not await world.told(BLOG)


async def test_an_opening_again_and_again_is_told_once_a_session(world):
    await world.wish("every session", session="s1")
    heard = 0
    for session in ("s1", "s2", "s2", "s1", "s3", "s2"):
        restarted = world.another()
        await restarted.opened(SHOP, session)
        heard += len(await world.told(service=restarted))
    assert heard == 2


async def test_a_cancelled_reminder_is_never_told(world):
    reminder = await world.wish("in 20 minutes")
    assert (await world.reminders.cancel(reminder.id)).status is Status.CANCELLED
    world.clock.advance(hours=1)
    assert not await world.told() and not await world.reminders.list()
    assert (await world.reminders.cancel(reminder.id)).status is Status.CANCELLED
    for id in ("0" * 20, "", "../x", "é" * 300):
        with pytest.raises(NotFound, match="list_user_reminders"):
            await world.reminders.cancel(id)


async def test_cancelled_while_it_is_handed_over_it_stays_cancelled(world):
    reminder = await world.wish("every day at 9")
    world.at("2026-11-19 09:00")
    handover = await world.reminders.hand_over(SHOP)
    await world.another().cancel(reminder.id)
    await handover.done(Told.ANSWER)
    assert [one.status for one in await world.reminders.list(closed=True)] == [Status.CANCELLED]


async def test_what_is_over_is_kept_a_month(world):
    await world.wish("in 20 minutes")
    world.clock.advance(minutes=20)
    await world.told()
    world.clock.advance(days=29)
    assert len(await world.reminders.list(closed=True)) == 1
    world.clock.advance(days=2)
    assert not await world.reminders.list(closed=True)


async def test_the_list_shows_what_comes_next_first_by_user_and_project(world):
    await world.wish("tomorrow", "second")
    await world.wish("in an hour", "first", project="*")
    await world.wish("when I open project shop", "waits")
    await world.wish("in 2 hours", "of another", user="alice")
    await world.wish("in 2 hours", "elsewhere", project=BLOG)
    assert [one.title for one in await world.reminders.list("default", [SHOP])] == ["first", "second", "waits"]
    assert [one.title for one in await world.reminders.list("alice")] == ["of another"]
    assert len(await world.reminders.list()) == 5


async def test_what_is_open_can_be_told_of_without_delivering_it(world):
    await world.wish("every day at 9", "Stand up")
    await world.wish("when I open project shop", "Look at the shop")
    await world.wish("tomorrow", "elsewhere", project=BLOG)
    assert await world.reminders.lines(SHOP) == [
        '"Stand up" (Thursday 2026-11-19 09:00)',
        '"Look at the shop" (when the next session starts in the project shop)',
    ]
    world.at("2026-11-20 10:00")
    lines = await world.reminders.lines(SHOP)
    assert "was due Thursday 2026-11-19 09:00, 1 day ago, and 1 time since" in lines[0]
    assert len(await world.told()) == 1


texts = st.sampled_from(
    ["Überprüfe die Konfiguration ", "日本語の説明", "\U0001f600", "word ", "a1-_/:.", "\n", "<b>&"]
)


@settings(max_examples=20, deadline=None)
@given(texts, texts, texts, st.sampled_from(["every minute", "when I open project {}", "in 2 minutes"]))
def test_three_lines_fit_whatever_is_in_them_and_all_are_shown_at_a_beginning(title, description, other, when):
    async def live() -> None:
        world = World()
        for number in range(3):
            name = (other * 40)[:150].strip() or "x"
            wish = {"description": (description * 300)[:2_000], "user": (other * 40)[:100], "session": "s1"}
            await world.wish(when.format(name), f"{number} {title * 20}"[:300], project="*", **wish)
        world.clock.advance(days=3)
        await world.reminders.opened(name, "s2")
        async with world.reminders.deliver(SHOP if "open" not in when else name, Told.HOOK) as lines:
            assert len(lines) == 3 and max(map(tokens, lines)) <= LINE_TOKENS
            said = in_words(NOTHING, SHOP, world.clock.now(), lines)
            assert all(f'"{number}' in said for number in range(3))

    asyncio.run(live())


async def test_one_for_another_user_says_for_whom(world):
    await world.wish("in 20 minutes", user="alice")
    world.clock.advance(minutes=20)
    assert not await world.reminders.due(SHOP, "default")
    assert (await world.told())[0].startswith('Reminder for alice: "Call Bob"')


async def test_secrets_and_private_parts_never_reach_the_storage(world):
    await world.wish(
        "in 20 minutes", "Rotate DB_PASSWORD=h7-Kestrel-99", description="<private>the vault</private> soon"
    )
    with pytest.raises(Invalid, match="title"):
        await world.wish("in 20 minutes", "<private>all of it</private>")
    kept = str((await world.storage.list("reminders")).documents)
    assert "Kestrel" not in kept and "vault" not in kept and "redacted" in kept


async def test_what_is_no_reminder_is_refused_and_nothing_kept(world):
    for title, when in (
        ("  ", "tomorrow"),
        ("x\0", "tomorrow"),
        ("x", "sometime"),
        ("x", "yesterday"),
        ("x" * 99_999, "tomorrow"),
    ):
        with pytest.raises(Invalid):
            await world.wish(when, title)
    assert not (await world.storage.list("reminders")).documents


async def test_there_is_an_end_to_how_many_are_open(world):
    reminder = await world.wish("tomorrow")
    body = (await world.storage.get("reminders", reminder.id)).body
    for number in range(MOST_OPEN - 1):
        await world.storage.put("reminders", f"{number:020}", body)
    with pytest.raises(Invalid, match="cancel"):
        await world.wish("tomorrow")


# clocks that jump


async def test_a_clock_that_was_put_back_tells_nothing_twice(world):
    await world.wish("every day at 9")
    await world.wish("tomorrow at 9", "Order lunch")
    world.at("2026-11-19 09:01")
    assert len(await world.told()) == 2
    for moment in ("2026-11-19 08:30", "2026-11-18 09:30", "2026-11-19 09:00", "2026-11-19 09:30", "2026-11-20 08:59"):
        world.at(moment)
        assert not await world.told()
    world.at("2026-11-20 09:00")
    assert len(await world.told()) == 1


async def test_a_clock_that_was_a_year_ahead_for_a_moment_loses_nothing(world):
    await world.wish("every day at 9")
    world.at("2027-11-19 12:00")
    assert "100 or more times since" in (await world.told())[0]
    world.at("2026-11-18 16:00")
    assert not await world.told()
    heard = []
    for day in (19, 20, 21):
        for hour in (8, 9, 10):
            world.at(f"2026-11-{day} {hour:02}:00:10")
            heard += [f"{day} {hour}"] * len(await world.told())
    assert heard == ["20 9", "21 9"]  # that of the 19th was told when the clock was past it


async def test_a_clock_put_back_while_it_is_handed_over_does_not_bring_it_again(world):
    await world.wish("every day at 9")
    world.at("2026-11-19 09:00")
    handover = await world.reminders.hand_over(SHOP)
    world.at("2026-11-19 08:30")
    await handover.done(Told.ANSWER)
    world.at("2026-11-19 09:10")
    assert not await world.told()
    world.at("2026-11-20 09:00")
    assert len(await world.told()) == 1


async def test_a_clock_put_back_a_little_does_not_bring_what_was_told_as_missed(world):
    await world.wish("every hour")
    world.at("2026-11-18 19:31")
    assert "was due Wednesday 2026-11-18 16:30, 3 hours ago, and 3 times since" in (await world.told())[0]
    world.clock.advance(seconds=-40)
    assert not await world.told()
    world.at("2026-11-18 20:30")
    assert len(await world.told()) == 1


async def test_a_clock_that_stood_in_the_past_delays_and_loses_nothing(world):
    await world.wish("tomorrow at 9")
    world.at("1990-01-01 00:00")
    assert not await world.told()
    world.at("2026-11-19 09:00")
    assert len(await world.told()) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["in 20 minutes", "tomorrow at 9", "every day at 9", "every 2 hours", "every friday at 17:00"]),
    st.lists(st.tuples(st.integers(-3_000, 6_000), st.booleans()), min_size=1, max_size=25),
)
def test_no_occurrence_is_told_twice_however_the_clock_jumps_and_services_restart(expression, jumps):
    async def live() -> None:
        world = World()
        await world.wish(expression)
        heard: list[str] = []
        for minutes, restart in jumps:
            world.clock.advance(minutes=minutes)
            if restart:
                world.reminders = world.another()
            async with world.reminders.deliver(SHOP, Told.HOOK) as lines:
                due = [line.split("due ")[1][:30].rstrip(",)") for line in lines]
            heard += due
        assert len(heard) == len(set(heard))
        if "every" not in expression:
            assert len(heard) <= 1

    asyncio.run(live())


async def test_a_time_of_the_wall_follows_the_wall_when_the_zone_changes():
    world = World()
    await world.wish("every day at 9")
    moved = ReminderService(
        world.storage, world.clock, DateparserDateParser(), DateutilRecurrence(), ZoneInfo("America/New_York")
    )
    [listed] = await moved.list()
    assert listed.due == datetime(2026, 11, 19, 14, tzinfo=UTC)


# the desktop


async def test_one_for_the_desktop_turns_the_service_on_and_goes_there_alone(world):
    assert await world.reminders.is_on() is None
    await world.wish("in 20 minutes", method=Method.DESKTOP)
    assert await world.another().is_on() is True
    assert await world.reminders.next_on_desktop() == world.clock.now() + timedelta(minutes=20)
    assert not await world.shown()
    world.clock.advance(minutes=20)
    assert not await world.told()
    assert len(await world.shown()) == 1 and not await world.shown() and not await world.told()
    assert await world.reminders.next_on_desktop() is None


async def test_one_for_the_session_never_goes_to_the_desktop(world):
    await world.wish("in 20 minutes")
    assert await world.reminders.is_on() is None
    await world.reminders.switch(True)
    world.clock.advance(minutes=20)
    assert not await world.shown() and await world.reminders.next_on_desktop() is None


async def test_one_for_both_goes_to_each_once(world):
    await world.wish("in 20 minutes", method=Method.BOTH)
    world.clock.advance(minutes=20)
    assert len(await world.shown()) == 1 and not await world.shown(world.another())
    assert len(await world.told()) == 1 and not await world.told() and not await world.shown()


async def test_one_for_both_that_comes_again_is_shown_each_time_while_no_session_comes(world):
    await world.wish("every day at 9", method=Method.BOTH)
    for day in (19, 20, 21):
        world.at(f"2026-11-{day} 09:00")
        assert len(await world.shown()) == 1 and not await world.shown()
        assert await world.reminders.next_on_desktop() == datetime(2026, 11, day + 1, 9, tzinfo=BERLIN)
    assert "2026-11-21 09:00" in (await world.told())[0] and not await world.told()


async def test_without_a_desktop_it_waits_for_a_session(world):
    for method in (Method.DESKTOP, Method.BOTH):
        await world.wish("in 20 minutes", method=method)
    world.clock.advance(minutes=20)
    assert len(await world.shown(desktop=False)) == 2 and not await world.shown()
    assert await world.reminders.next_on_desktop() is None
    assert len(await world.told()) == 2 and not await world.told()


async def test_without_a_desktop_today_the_next_time_tries_it_again(world):
    await world.wish("every day at 9", method=Method.DESKTOP)
    world.at("2026-11-19 09:00")
    assert await world.shown(desktop=False) and await world.told()
    world.at("2026-11-20 09:00")
    assert len(await world.shown()) == 1 and not await world.told()


async def test_while_the_service_is_off_all_go_to_sessions(world):
    await world.wish("in 20 minutes", method=Method.DESKTOP)
    assert await world.reminders.switch(False) and not await world.reminders.switch(False)
    world.clock.advance(minutes=20)
    assert not await world.shown() and len(await world.told()) == 1
    await world.wish("in 20 minutes", method=Method.DESKTOP)
    assert await world.another().is_on() is False, "what the user switched off stays off"


async def test_many_are_read_page_by_page_and_none_is_left_out(world):
    for number in range(250):
        await world.wish("in 20 minutes", f"Call {number}")
    world.clock.advance(minutes=20)
    assert len(await world.another().due(SHOP)) == 250


async def test_a_change_wakes_whoever_waits_for_the_next_one(world):
    world.reminders.changed.clear()
    await world.wish("in 20 minutes")
    assert world.reminders.changed.is_set()
