"""What people mean by a time ahead; said on a Wednesday afternoon in Berlin unless the test says otherwise."""

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as dtime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.dateparser.parser import DateparserDateParser
from session_mgmt_mcp.adapters.dateutil.recurrence import DateutilRecurrence
from session_mgmt_mcp.domain.occurrences import next_occurrence
from session_mgmt_mcp.domain.openings import Opening, opening_of
from session_mgmt_mcp.domain.reminder_times import Once, Repeated, timing_of
from session_mgmt_mcp.domain.wall_clock import on_the_wall, settled
from session_mgmt_mcp.ports.errors import Invalid

BERLIN, NEW_YORK, LORD_HOWE = (
    ZoneInfo(f"{name}") for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
)
ZONES = (BERLIN, NEW_YORK, LORD_HOWE)
NOW = datetime(2026, 11, 18, 15, 30, tzinfo=BERLIN)
RECURRENCE = DateutilRecurrence()


async def read(text: str, now: datetime = NOW, zone: ZoneInfo | None = None):
    return await timing_of(text, now, zone or now.tzinfo, DateparserDateParser(), RECURRENCE)


def shown(found: Once | Repeated, zone=BERLIN) -> str:
    first = found.at.astimezone(zone) if isinstance(found, Once) else found.first
    return f"{first:%Y-%m-%d %H:%M}"


ONCE = {
    "tomorrow at 3pm": "2026-11-19 15:00",
    "Tomorrow at 3 p.m.": "2026-11-19 15:00",
    "remind me tomorrow at 3pm": "2026-11-19 15:00",
    "9am tomorrow": "2026-11-19 09:00",
    "tomorrow": "2026-11-19 09:00",
    "tomorrow morning": "2026-11-19 09:00",
    "tomorrow evening at 8": "2026-11-19 20:00",
    "tomorrow at noon": "2026-11-19 12:00",
    "the day after tomorrow": "2026-11-20 09:00",
    "next friday at 2pm": "2026-11-20 14:00",
    "next wednesday at 4pm": "2026-11-25 16:00",
    "on friday": "2026-11-20 09:00",
    "wednesday at 4": "2026-11-18 16:00",
    "wednesday at 9am": "2026-11-25 09:00",
    "wednesday": "2026-11-25 09:00",
    "by friday 5pm": "2026-11-20 17:00",
    "monday at half past nine": "2026-11-23 09:30",
    "on monday at 9.30": "2026-11-23 09:30",
    "friday at midnight": "2026-11-21 00:00",
    "sunday evening": "2026-11-22 18:00",
    "tuesday next week": "2026-11-24 09:00",
    "next week on tuesday at 3": "2026-11-24 15:00",
    "this weekend": "2026-11-21 09:00",
    "in 20 minutes": "2026-11-18 15:50",
    "in 1 hour and 30 minutes": "2026-11-18 17:00",
    "in an hour": "2026-11-18 16:30",
    "in half an hour": "2026-11-18 16:00",
    "in an hour and a half": "2026-11-18 17:00",
    "in a quarter of an hour": "2026-11-18 15:45",
    "in 1.5 hours": "2026-11-18 17:00",
    "in twenty-five minutes": "2026-11-18 15:55",
    "1h30m": "2026-11-18 17:00",
    "45 min": "2026-11-18 16:15",
    "1 hour from now": "2026-11-18 16:30",
    "in a couple of hours": "2026-11-18 17:30",
    "in 3 days": "2026-11-21 15:30",
    "in 3 days at 9am": "2026-11-21 09:00",
    "in 2 weeks": "2026-12-02 15:30",
    "in a fortnight": "2026-12-02 15:30",
    "in one month": "2026-12-18 15:30",
    "a week from monday": "2026-11-30 09:00",
    "2 days after tomorrow": "2026-11-21 09:00",
    "tonight": "2026-11-18 20:00",
    "today": "2026-11-18 16:00",
    "this afternoon": "2026-11-18 16:00",
    "this evening": "2026-11-18 18:00",
    "tonight at 11": "2026-11-18 23:00",
    "end of day": "2026-11-18 17:00",
    "EOD": "2026-11-18 17:00",
    "end of tomorrow": "2026-11-19 17:00",
    "end of business friday": "2026-11-20 17:00",
    "end of the week": "2026-11-20 17:00",
    "end of next week": "2026-11-27 17:00",
    "end of month": "2026-11-30 17:00",
    "at 17:00": "2026-11-18 17:00",
    "at 5": "2026-11-18 17:00",
    "at 9": "2026-11-18 21:00",
    "at 9:00": "2026-11-19 09:00",
    "quarter to 5": "2026-11-18 16:45",
    "5pm": "2026-11-18 17:00",
    "15h30": "2026-11-19 15:30",
    "noon": "2026-11-19 12:00",
    "midnight": "2026-11-19 00:00",
    "next week": "2026-11-23 09:00",
    "next month": "2026-12-01 09:00",
    "beginning of next month": "2026-12-01 09:00",
    "next year": "2027-01-01 09:00",
    "in december": "2026-12-01 09:00",
    "on 2026-12-25": "2026-12-25 09:00",
    "2027-01-31 at 8:30": "2027-01-31 08:30",
    "2027-01-31T08:30": "2027-01-31 08:30",
    "2027-01-31T08:30:00Z": "2027-01-31 09:30",
    "25.12.2026": "2026-12-25 09:00",
    "december 25": "2026-12-25 09:00",
    "25 December at 3pm": "2026-12-25 15:00",
    "november 18 at 4pm": "2026-11-18 16:00",
    "november 18 at 9am": "2027-11-18 09:00",
    "christmas at 8": "2026-12-25 08:00",
    "the 5th": "2026-12-05 09:00",
    "on the 18th at 17:00": "2026-11-18 17:00",
    "the 31st": "2026-12-31 09:00",
    "on the last day of the month": "2026-11-30 09:00",
    "first of next month": "2026-12-01 09:00",
    "first monday of next month": "2026-12-07 09:00",
    "3rd wednesday of the month at 11": "2026-12-16 11:00",
    "last friday of december": "2026-12-25 09:00",
    "last day of february": "2027-02-28 09:00",
    "end of january": "2027-01-31 17:00",
    "end of november": "2026-11-30 17:00",
    "end of march 2027": "2027-03-31 17:00",
    "friday the 13th": "2027-08-13 09:00",
    "friday, december 25": "2026-12-25 09:00",
    "next business day": "2026-11-19 09:00",
}


@pytest.mark.parametrize(("text", "expected"), ONCE.items())
async def test_a_moment_is_the_next_one_that_fits_its_words(text, expected):
    found = await read(text)
    assert isinstance(found, Once) and shown(found) == expected
    assert expected in found.how and "Europe/Berlin" in found.how


AGAIN = {
    "every weekday at 9": ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-19 09:00"),
    "at 9 every weekday": ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-19 09:00"),
    "weekdays at 8:30": ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-19 08:30"),
    "every working day at 8:45am": ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-19 08:45"),
    "every monday at 10am": ("FREQ=WEEKLY;BYDAY=MO", "2026-11-23 10:00"),
    "mondays and thursdays at 9": ("FREQ=WEEKLY;BYDAY=MO,TH", "2026-11-19 09:00"),
    "mon, wed and fri at 8": ("FREQ=WEEKLY;BYDAY=MO,WE,FR", "2026-11-20 08:00"),
    "every tuesday morning": ("FREQ=WEEKLY;BYDAY=TU", "2026-11-24 09:00"),
    "weekends at 10": ("FREQ=WEEKLY;BYDAY=SA,SU", "2026-11-21 10:00"),
    "every weekend": ("FREQ=WEEKLY;BYDAY=SA", "2026-11-21 09:00"),
    "every other friday at 17:00": ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "2026-11-20 17:00"),
    "every second tuesday": ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "2026-11-24 09:00"),
    "every 2 weeks on monday and friday": ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "2026-11-20 09:00"),
    "every 2 weeks": ("FREQ=WEEKLY;INTERVAL=2;BYDAY=WE", "2026-12-02 09:00"),
    "monday to friday at 9": ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-19 09:00"),
    "every day from mon-thu at 9": ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH", "2026-11-19 09:00"),
    "saturday through monday at 10": ("FREQ=WEEKLY;BYDAY=MO,SA,SU", "2026-11-21 10:00"),
    "every day at 9, 12 and 18": ("FREQ=DAILY;BYHOUR=9,12,18;BYMINUTE=0", "2026-11-18 18:00"),
    "first of every month at 10": ("FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01 10:00"),
    "every last friday": ("FREQ=MONTHLY;BYDAY=-1FR", "2026-11-27 09:00"),
    "once a week": ("FREQ=WEEKLY;BYDAY=WE", "2026-11-25 09:00"),
    "daily at 7am": ("FREQ=DAILY", "2026-11-19 07:00"),
    "every day": ("FREQ=DAILY", "2026-11-19 09:00"),
    "every morning": ("FREQ=DAILY", "2026-11-19 09:00"),
    "every evening at 7": ("FREQ=DAILY", "2026-11-18 19:00"),
    "every day at midnight": ("FREQ=DAILY", "2026-11-19 00:00"),
    "every day at 9am and 5pm": ("FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0", "2026-11-18 17:00"),
    "every 3 days": ("FREQ=DAILY;INTERVAL=3", "2026-11-21 09:00"),
    "every other day": ("FREQ=DAILY;INTERVAL=2", "2026-11-20 09:00"),
    "first monday of each month": ("FREQ=MONTHLY;BYDAY=+1MO", "2026-12-07 09:00"),
    "every first monday of the month": ("FREQ=MONTHLY;BYDAY=+1MO", "2026-12-07 09:00"),
    "last friday of every month at 16:00": ("FREQ=MONTHLY;BYDAY=-1FR", "2026-11-27 16:00"),
    "on the last day of each month": ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-11-30 09:00"),
    "last working day of every month": ("FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO,TU,WE,TH,FR", "2026-11-30 09:00"),
    "monthly on the 1st at 9": ("FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01 09:00"),
    "the 1st and 15th of each month": ("FREQ=MONTHLY;BYMONTHDAY=1,15", "2026-12-01 09:00"),
    "every 31st": ("FREQ=MONTHLY;BYSETPOS=-1;BYMONTHDAY=28,29,30,31", "2026-11-30 09:00"),
    "every quarter": ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=18", "2027-02-18 09:00"),
    "every year on 25 December": ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25", "2026-12-25 09:00"),
    "annually on march 3": ("FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=3", "2027-03-03 09:00"),
    "every day at 9:00 until friday": ("FREQ=DAILY;UNTIL=20261120T235959", "2026-11-19 09:00"),
    "every wednesday at 9 5 times": ("FREQ=WEEKLY;COUNT=5;BYDAY=WE", "2026-11-25 09:00"),
    "every weekday at 9 from monday": ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-23 09:00"),
    "every day at 9 starting 1 december": ("FREQ=DAILY", "2026-12-01 09:00"),
    # on the time line, in UTC
    "every 30 minutes": ("FREQ=MINUTELY;INTERVAL=30", "2026-11-18 15:00"),
    "hourly": ("FREQ=HOURLY", "2026-11-18 15:30"),
    "every 90 minutes": ("FREQ=MINUTELY;INTERVAL=90", "2026-11-18 16:00"),
    "every hour until 6pm": ("FREQ=HOURLY;UNTIL=20261118T170000", "2026-11-18 15:30"),
}


@pytest.mark.parametrize(("text", "expected"), AGAIN.items())
async def test_what_comes_again_is_a_rule_and_its_first_time(text, expected):
    found = await read(text)
    assert isinstance(found, Repeated) and (found.rule, shown(found)) == expected


async def test_the_reply_says_what_was_understood():
    said = {
        "every other friday at 17:00": "every 2 weeks on Friday at 17:00; first Friday 2026-11-20 17:00 (Europe/Berlin)",
        "every 31st": "on the 31st of every month, or its last day at 09:00; first Monday 2026-11-30 09:00 (Europe/Berlin)",
        "every hour until 6pm": "every hour, until 2026-11-18 18:00; first Wednesday 2026-11-18 16:30 (Europe/Berlin)",
        "every monday 2 times": "every Monday at 09:00, 2 times; first Monday 2026-11-23 09:00 (Europe/Berlin)",
    }
    for text, how in said.items():
        assert (await read(text)).how == how


async def test_so_many_times_are_counted_from_the_first_one_ahead():
    found = await read("every day at 9, 3 times")
    occurrences = RECURRENCE.occurrences(found.rule, found.start, datetime(2026, 1, 1), 9)
    assert [f"{at:%d %H}" for at in occurrences] == ["19 09", "20 09", "21 09"]


@pytest.mark.parametrize(
    ("text", "project", "again"),
    [
        ("when I open project X", "X", False),
        ("when I open Shop-Front", "Shop-Front", False),
        ("When I open the project called Shop", "Shop", False),
        ("next time I work on the shop repo", "shop", False),
        ("whenever I open project shop", "shop", True),
        ("every time I start working on shop", "shop", True),
        ("when shop is opened", "shop", False),
        ("when I start a session", "", False),
        ("when I start claude", "", False),
        ("when I'm back in this project", "", False),
        ("next session", "", False),
        ("every session", "", True),
    ],
)
async def test_an_opening_names_a_project_as_it_was_typed(text, project, again):
    found = await read(text)
    assert isinstance(found, Opening) and (found.project, found.again) == (project, again)


def test_what_opens_nothing_is_no_opening():
    for text in ("when the build is done", "when I get home", "tomorrow", "when", "open project X", "when I open"):
        assert opening_of(text) is None


@pytest.mark.parametrize(
    ("text", "next_possible"),
    [
        ("yesterday at 5pm", "2026-11-18 at 17:00"),
        ("yesterday", "2026-11-19 at 09:00"),
        ("today at 9am", "2026-11-19 at 09:00"),
        ("2020-12-25", "2026-12-25 at 09:00"),
        ("2020-01-01T08:30", "2027-01-01 at 08:30"),
        ("last monday at 8:00", "2026-11-19 at 08:00"),
        ("3 days ago", "2026-11-19 at 09:00"),
        ("now", "in 1 minute"),
        ("in 0 minutes", "in 1 minute"),
    ],
)
async def test_the_past_is_refused_and_the_next_possible_time_named(text, next_possible):
    with pytest.raises(Invalid, match="next possible time is ") as refused:
        await read(text)
    assert next_possible in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["", " ", "hello", "at 25", "25:00", "13pm", "on 31 February", "every february 30", "every 30 seconds", "when I get home",
     "every 1.5 days", "banana every day", "every hour at 9", "every day at 9:00 and 17:30", "in 99999999999 years", "every",
     "every day until the cows come home", "one hour before midnight", "thursday 25 december 2026", "2 to 5pm", "2 days before friday", "tomorrow " * 99, "\0", "é" * 300],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused_with_what_would_parse(text):
    with pytest.raises(Invalid) as refused:
        await read(text)
    assert "tomorrow at 3pm" in str(refused.value) and "\n" not in str(refused.value) and len(str(refused.value)) < 400


async def test_a_time_beyond_all_plans_is_refused():
    with pytest.raises(Invalid, match="50 years"):
        await read("in 60 years")


# daylight saving time

SPRING = {BERLIN: date(2026, 3, 29), NEW_YORK: date(2026, 3, 8), LORD_HOWE: date(2026, 10, 4)}
AUTUMN = {BERLIN: date(2026, 10, 25), NEW_YORK: date(2026, 11, 1), LORD_HOWE: date(2026, 4, 5)}


@pytest.mark.parametrize("zone", ZONES, ids=str)
async def test_nine_stays_nine_when_the_clocks_change(zone):
    for day in (SPRING[zone], AUTUMN[zone]):
        found = await read("every day at 9", datetime.combine(day, dtime(12), zone) - timedelta(1))
        at = settled(found.first, zone).at
        for _ in range(5):
            assert at.astimezone(zone).strftime("%H:%M") == "09:00"
            at = settled(next_occurrence(RECURRENCE, found.rule, found.start, zone, at), zone).at


@pytest.mark.parametrize(
    ("zone", "said", "shown", "moment"),
    [
        (BERLIN, "2026-03-29 at 2:30", "03:30", "2026-03-29T01:30"),
        (NEW_YORK, "2026-03-08 at 2:30am", "03:30", "2026-03-08T07:30"),
        (LORD_HOWE, "2026-10-04 at 2:15", "02:45", "2026-10-03T15:45"),  # half an hour forward
    ],
    ids=str,
)
async def test_a_time_that_the_clocks_skip_counts_on_from_before_the_gap_and_that_is_said(zone, said, shown, moment):
    found = await read(said, datetime(2026, 1, 1, tzinfo=zone))
    assert found.at.isoformat().startswith(moment)
    assert "does not exist" in found.how and f"{shown} is meant" in found.how


@pytest.mark.parametrize(
    ("zone", "said", "moment"),
    [
        (BERLIN, "2026-10-25 at 2:30", "2026-10-25T00:30"),
        (NEW_YORK, "2026-11-01 at 1:30am", "2026-11-01T05:30"),
        (LORD_HOWE, "2026-04-05 at 1:45", "2026-04-04T14:45"),
    ],
    ids=str,
)
async def test_of_a_time_that_comes_twice_the_first_is_meant_and_that_is_said(zone, said, moment):
    found = await read(said, datetime(2026, 1, 1, tzinfo=zone))
    assert found.at.isoformat().startswith(moment) and "comes twice" in found.how


async def test_an_occurrence_in_the_gap_is_not_lost_after_the_gap():
    start, zone = datetime(2026, 3, 1, 2, 30), BERLIN
    just_after = datetime(2026, 3, 29, 1, 10, tzinfo=UTC)  # 03:10 on the wall; 02:30 means 03:30 that day
    assert next_occurrence(RECURRENCE, "FREQ=DAILY", start, zone, just_after) == datetime(2026, 3, 29, 2, 30)


async def test_an_occurrence_that_comes_twice_comes_once():
    start, zone = datetime(2026, 10, 1, 2, 45), BERLIN
    second_time = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 for the second time
    assert next_occurrence(RECURRENCE, "FREQ=DAILY", start, zone, second_time) == datetime(2026, 10, 26, 2, 45)


async def test_hours_pass_on_the_time_line_also_when_the_clocks_change():
    now = datetime(2026, 10, 25, 0, 15, tzinfo=BERLIN)
    found = await read("every 2 hours", now)
    second = next_occurrence(RECURRENCE, found.rule, found.start, UTC, settled(found.first, UTC).at)
    assert settled(found.first, UTC).at - now == timedelta(hours=2)
    assert second - found.first == timedelta(hours=2)
    assert (await read("in 3 hours", now)).at - now == timedelta(hours=3)


# properties

moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))
zones = st.sampled_from(ZONES)
clocks = st.one_of(
    st.builds("{}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
    st.builds("{}{}".format, st.integers(1, 12), st.sampled_from(["am", "pm", " am", " pm"])),
)
weekdays = st.sampled_from(["monday", "tue", "wednesday", "thu", "friday", "sat", "sunday"])
counts = st.sampled_from(["a", "2", "three", "5", "ten", "45"])
units = st.sampled_from(["minute", "hour", "day", "week", "month", "year"])
days = st.one_of(
    st.sampled_from(
        ["tomorrow", "the day after tomorrow", "next week", "next month", "this weekend", "christmas", "the 5th"]
    ),
    st.builds("{} {}".format, st.sampled_from(["on", "next", "this", "by"]), weekdays),
    st.builds(
        "on the {} {} of {}".format,
        st.sampled_from(["first", "3rd", "last"]),
        weekdays,
        st.sampled_from(["the month", "may"]),
    ),
    st.builds("{} {}".format, st.integers(1, 28), st.sampled_from(["january", "June", "dec"])),
)
steps = st.one_of(
    st.sampled_from(
        [
            "day",
            "weekday",
            "weekend",
            "other day",
            "3 days",
            "week",
            "2 weeks",
            "month",
            "quarter",
            "year",
            "first monday of the month",
        ]
    ),
    st.builds("{}{}".format, st.sampled_from(["", "other ", "second "]), weekdays),
    st.builds("month on the {}th".format, st.integers(4, 31).filter(lambda day: day not in (21, 22, 23, 31))),
    st.builds("year on {} {}".format, st.integers(1, 29), st.sampled_from(["february", "july"])),
)
once = st.one_of(
    st.builds("in {} {}s".format, counts, units),
    st.builds("{} at {}".format, days, clocks),
    st.builds("at {}".format, clocks),
    days,
    st.sampled_from(["tonight", "end of day", "end of the week", "end of month", "midnight", "noon", "in the morning"]),
)
again = st.one_of(
    st.builds("every {} at {}".format, steps, clocks),
    st.builds("every {}".format, steps),
    st.builds("every {} minutes".format, st.integers(1, 500)),
)


def run(awaited):
    return asyncio.run(awaited)


@settings(max_examples=300, deadline=None)
@given(once, moments, zones)
@example("end of day", datetime(2026, 11, 18, 22, 59, 30, tzinfo=UTC), BERLIN)
@example("tonight", datetime(2026, 11, 18, 22, 59, 30, tzinfo=UTC), BERLIN)
def test_a_moment_is_always_ahead(text, now, zone):
    assert run(read(text, now, zone)).at > now


@settings(max_examples=200, deadline=None)
@given(again, moments, zones)
def test_a_repetition_is_always_ahead_strictly_rising_and_keeps_its_clock_time(text, now, zone):
    found = run(read(text, now, zone))
    zone = UTC if "MINUTELY" in found.rule or "HOURLY" in found.rule else zone
    at, occurrence = now, None
    for _ in range(6):
        occurrence = next_occurrence(RECURRENCE, found.rule, found.start, zone, at)
        assert settled(occurrence, zone).at > at
        at = settled(occurrence, zone).at
        if zone is not UTC:
            assert occurrence.time() == found.first.time()
            exists = not settled(occurrence, zone).note.count("does not exist")
            assert not exists or on_the_wall(at, zone) == occurrence


@settings(max_examples=200, deadline=None)
@given(again, moments, zones)
def test_the_text_of_a_rule_comes_back_as_the_same_rule(text, now, zone):
    found = run(read(text, now, zone))
    assert RECURRENCE.normal(found.rule) == found.rule
    after = found.start - timedelta(days=1)
    same = RECURRENCE.occurrences(RECURRENCE.normal(found.rule), found.start, after, 5)
    assert same == RECURRENCE.occurrences(found.rule, found.start, after, 5)


@settings(max_examples=200, deadline=None)
@given(st.integers(2020, 2040), st.integers(1, 12), st.integers(1, 28), st.integers(0, 23), st.integers(0, 59), zones)
def test_a_date_and_time_written_out_is_that_wall_clock_time(year, month, day, hour, minute, zone):
    wall = datetime(year, month, day, hour, minute)
    assume(not settled(wall, zone).note)
    found = run(read(f"{wall:%Y-%m-%d} at {wall:%H:%M}", datetime(2019, 1, 1, tzinfo=UTC), zone))
    assert on_the_wall(found.at, zone) == wall


words = st.sampled_from(
    [
        "every",
        "on",
        "the",
        "last",
        "first",
        "day",
        "of",
        "month",
        "at",
        "9",
        "in",
        "3",
        "and",
        "until",
        "for",
        ",",
        "monday",
        "-",
        "9:30",
        "pm",
        "hours",
        "from",
        "next",
        "a",
        "when",
        "i",
        "open",
        "session",
        "times",
        "2nd",
        "tomorrow",
        "week",
        "half",
        "past",
        "end",
        "other",
        "may",
        "5",
        ".",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(words, max_size=40).map(" ".join), st.text(max_size=200)), moments)
def test_any_text_is_read_or_refused_in_bounded_time(text, now):
    began = time.process_time()  # of all threads: a busy machine counts for nothing
    try:
        found = run(read(text, now, BERLIN))
        assert isinstance(found, Opening) or not isinstance(found, Once) or found.at > now
    except Invalid as error:
        assert "\n" not in str(error)
    assert time.process_time() - began < 3.0
