"""Days ahead in words: "next friday", "the day after tomorrow", "end of the month", "25 December"."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from session_mgmt_mcp.domain import repetitions
from session_mgmt_mcp.domain.clock_times import ENDS, HOURS, MORNING, WORK_ENDS, ClockTime, Day
from session_mgmt_mcp.domain.periods import DAY, MONTH, NUMBER, UNIT, UNITS, period_of, value_of, weekday_number
from session_mgmt_mcp.domain.repetitions import Pattern
from session_mgmt_mcp.domain.spans import AROUND, shifted, shifted_month
from session_mgmt_mcp.domain.wall_clock import on_the_wall
from session_mgmt_mcp.ports.date_parser import DateParser, Precision
from session_mgmt_mcp.ports.recurrence import Recurrence

_LENGTH = rf"(?:{NUMBER}) ?(?:{UNIT})s?"
_LENGTHS = re.compile(rf"({NUMBER}) ?({UNIT})s?")
AHEAD = re.compile(
    rf"(?:in|after|within) (?:about |around |exactly )?({_LENGTH}(?:(?:, and |, ?| and | )?{_LENGTH})*)(?:'s?)?(?: time)?"
    rf"|({_LENGTH}(?:(?:, and |, ?| and | )?{_LENGTH})*) (?:from (?:now|today)|later|hence)"
    rf"|({_LENGTH}(?:(?:, and |, ?| and | )?{_LENGTH})*)"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks, and when: what words for a time are read against."""

    text: str  # as it was typed
    now: datetime  # aware, in the speaker's zone
    zone: tzinfo
    parser: DateParser
    recurrence: Recurrence


async def candidates(day: Day, asked: Asked) -> Sequence[datetime] | None:
    """Wall-clock times that may be meant, the likeliest first: the first one ahead is. None for what is no day."""
    if match := re.fullmatch(
        r"(?:(?:at|by|until) )?(?:the )?(?:end of|eod|eow|eom|eoy|cob|close of)(?: (?:the )?(.+))?", day.rest
    ):
        return await _ends(day, match[0], match[1] or "", asked)
    today = asked.now.date()
    if not day.rest:
        if not day.clocks and not day.part:
            return None
        return [wall for one in (today, today + timedelta(1)) for wall in _at(one, day, asked)]
    if (days := await _days(day.rest, asked)) is None:
        return None
    return [wall for one in days for wall in _at(one, day, asked)]


_TODAY = ("", "today")


def _at(one: date, day: Day, asked: Asked) -> Iterator[datetime]:
    """That day at the time named; a bare hour also in the other half of the day, a part of it as long as it lasts."""
    start = datetime.combine(one, time())
    for clock in day.clocks:
        yield start + timedelta(hours=clock.hour, minutes=clock.minute)
        if clock.either and clock.hour < 12 and one == asked.now.date() and day.rest in _TODAY:
            yield start + timedelta(hours=clock.hour + 12, minutes=clock.minute)
    if not day.clocks:
        yield start + timedelta(hours=HOURS.get(day.part, MORNING))
        if one == asked.now.date() and day.rest in _TODAY:
            full = on_the_wall(asked.now, asked.zone).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
            if full < start + timedelta(hours=ENDS.get(day.part, 24)):
                yield full


_ENDS = {"eod": "day", "eow": "week", "eom": "month", "eoy": "year", "cob": "day", "close of": "day"}


def after_lengths(lengths: str, now: datetime) -> datetime | None:
    """Months before days before hours: "1 month and 2 hours" is by the calendar first."""
    parts = [(value_of(count), UNITS[unit]) for count, unit in _LENGTHS.findall(lengths)]
    if not any(count for count, _ in parts):
        return None
    order = ("decade", "year", "quarter", "month", "fortnight", "week", "weekend", "day")
    for count, unit in sorted(parts, key=lambda part: order.index(part[1]) if part[1] in order else len(order)):
        now = shifted(now, count, unit)
    return now


async def _ends(day: Day, whole: str, what: str, asked: Asked) -> Sequence[datetime] | None:
    """The end of a day or week is when work ends; of today also an hour before midnight, as long as that is ahead."""
    unit = next((unit for word, unit in _ENDS.items() if word in whole), "")
    if unit:
        what = f"{unit} {what}" if what and not re.fullmatch("business|day|play", what) else unit
    what = re.sub(r"^(?:business|work(?:ing)?) ?day$|^business$|^today$", "day", what.strip()).removeprefix("business ")
    clock = day.clocks[0] if day.clocks else ClockTime(WORK_ENDS)
    today = asked.now.date()
    if what in ("day", "day today"):
        ends = [datetime.combine(today, time()) + timedelta(hours=hour) for hour in (clock.hour, 23)]
        return [*ends, datetime.combine(today, time(23, 59)), ends[0] + timedelta(1)]
    if match := re.fullmatch(r"(?:(this|next|coming) )?(week|weekend|month|quarter|year)", what):
        span = period_of(f"{'next' if match[1] in ('next', 'coming') else 'this'} {match[2]}", asked.now)
        assert span is not None and span.end is not None
        last = span.end.date() - timedelta(3 if match[2] == "week" else 1)
        following = AROUND[match[2]](span.end.date(), asked.zone).end
        assert following is not None
        days = [last, span.end.date() - timedelta(1)]
        if not match[1]:
            days.append(following.date() - timedelta(3 if match[2] == "week" else 1))
    else:
        if re.fullmatch(MONTH, what):
            what = f"last day of {what}"
        days = list(await _days(what.removeprefix("day "), asked) or ())
        if re.fullmatch(rf"({MONTH}) \d{{4}}", what):
            days = [shifted_month(one, 1) - timedelta(1) for one in days]
    return [datetime.combine(one, time(clock.hour % 24, clock.minute)) for one in days] or None


async def _days(text: str, asked: Asked) -> Sequence[date] | None:
    """Days that `text` may mean, the likeliest first."""
    today = asked.now.date()
    bare = re.sub(r"^(?:on|by|at|in|for|this coming|before) ", "", text)
    bare = re.sub(r"\b(first|last) of\b", r"\1 day of", bare)
    match bare.removeprefix("the "):
        case "today" | "now today":
            return [today]
        case "tomorrow" | "tmrw" | "tmr" | "tomorow":
            return [today + timedelta(1)]
        case "next weekday" | "next working day" | "next work day" | "next workday" | "next business day":
            return [today + timedelta({4: 3, 5: 2}.get(today.weekday(), 1))]
        case "day after tomorrow":
            return [today + timedelta(2)]
        case "weekend" | "this weekend":
            saturday = today - timedelta(today.weekday()) + timedelta(5)
            return [saturday, saturday + timedelta(1), saturday + timedelta(7)]
    return _weekdays(bare, today) or await _named_days(text, bare, asked)


def _weekdays(text: str, today: date) -> Sequence[date] | None:
    if match := re.fullmatch(rf"(?:(this|next|coming|the coming|the next) )?({DAY})", text):
        ahead = (weekday_number(match[2]) - today.weekday()) % 7
        if (match[1] or "").endswith(("next", "coming")):
            return [today + timedelta(ahead or 7)]
        return [today + timedelta(ahead), today + timedelta(ahead + 7)]
    if match := re.fullmatch(
        rf"({DAY}) (?:of )?(?:the )?(next week|this week|week after next)|(next week|this week)(?: on)? ({DAY})", text
    ):
        weeks = {"next week": 1, "this week": 0, "week after next": 2}[match[2] or match[3]]
        return [today + timedelta(7 * weeks - today.weekday() + weekday_number(match[1] or match[4]))]
    return None


async def _named_days(text: str, bare: str, asked: Asked) -> Sequence[date] | None:
    today = asked.now.date()
    if match := AHEAD.fullmatch(text):
        at = after_lengths(match[1] or match[2] or match[3], asked.now)
        return [at.date()] if at else None
    if match := re.fullmatch(rf"({_LENGTH}) (?:from|after) (.+)", bare):
        days = await _days(match[2], asked)
        at = after_lengths(match[1], datetime.combine(days[0], time(12), asked.zone)) if days else None
        return [at.date()] if at else None
    if pattern := repetitions.once_of(bare):
        return _occurrences(pattern, datetime.combine(today, time()), asked)
    if match := re.fullmatch(
        r"(?:(?:beginning|start) of )?(?:(?:the )?(next|coming)) (week|weekend|month|quarter|year)", bare
    ):
        span = period_of(f"next {match[2]}", asked.now)
        return [span.start.date()] if span and span.start else None
    if (match := re.fullmatch(r"(.+?) (?:of |in )?next month", bare)) and (
        pattern := repetitions.once_of(f"{match[1]} of the month")
    ):
        return _occurrences(pattern, datetime.combine(shifted_month(today.replace(day=1), 1), time()), asked)[:1]
    if (
        (span := period_of(bare, asked.now))
        and span.end
        and span.end <= asked.now
        and span.start
        and _is_named_past(bare)
    ):
        return [span.start.date()]
    return await _dates(text, bare, asked)


def _is_named_past(text: str) -> bool:
    return bool(re.search(r"\bago\b|\blast\b|\bprevious\b|\byesterday\b|\bpast\b|\bbefore last\b", text))


def _occurrences(pattern: Pattern, start: datetime, asked: Asked) -> Sequence[date]:
    return [at.date() for at in asked.recurrence.occurrences(pattern.rule(), start, start - timedelta(seconds=1), 2)]


async def _dates(text: str, bare: str, asked: Asked) -> Sequence[date] | None:
    """Dates written out. One without a year that is today may have its hour ahead still."""
    today = asked.now.date()
    before = datetime.combine(today, time(), asked.zone) - timedelta(seconds=1)
    dated = re.search(r"\d", bare) and not re.search(r"\b(?:from|after|in|ago|tomorrow)\b", bare)
    found = (dated and await asked.parser.parse(bare, before, "future")) or await asked.parser.parse(
        text, asked.now, "future"
    )
    if found is None or re.search(r"\b(?:before|after)\b", text):
        return None
    day = found.at.date()
    if (named := re.search(rf"\b({DAY})\b", text)) and weekday_number(named[1]) != day.weekday():
        return None
    match found.precision:
        case Precision.DAY:
            return [day] if re.search(r"\d{4}|\d[./-]\d", bare) else [day, shifted_month(day, 12)]
        case Precision.MONTH:
            first = day.replace(day=1)
            return [first] if re.search(r"\d{4}", bare) or first > today else [first, shifted_month(first, 12)]
        case Precision.YEAR:
            return [day.replace(month=1, day=1)]
        case _:
            return None
