"""When somebody wants to be reminded: "tomorrow at 3pm", "every weekday at 9", "when I open project shop".

What names no clock time means nine in the morning; a bare hour up to six is in the afternoon. What comes round again is the
next that is ahead.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TypeAlias

from session_mgmt_mcp.domain import repetitions
from session_mgmt_mcp.domain.clock_times import HOURS, MORNING, Day, without_clock
from session_mgmt_mcp.domain.days_ahead import Asked
from session_mgmt_mcp.domain.moments_ahead import Once, also, once
from session_mgmt_mcp.domain.occurrences import next_occurrence
from session_mgmt_mcp.domain.openings import Opening, opening_of
from session_mgmt_mcp.domain.periods import NUMBER, UNIT, UNITS, value_of
from session_mgmt_mcp.domain.phrases import plain
from session_mgmt_mcp.domain.repetitions import Pattern
from session_mgmt_mcp.domain.spans import shifted
from session_mgmt_mcp.domain.wall_clock import on_the_wall, settled
from session_mgmt_mcp.ports.date_parser import DateParser
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.recurrence import Recurrence

LONGEST = 200
EXAMPLES = (
    '"tomorrow at 3pm", "in 20 minutes", "next friday at 14:00", "every weekday at 9", '
    '"on the last day of each month", "2027-01-31 at 8:30" or "when I open project shop"'
)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A rule of RFC 5545 on the wall clock of whoever is reminded; hourly and faster ones run in UTC.

    `start` is its DTSTART, `first` the first occurrence ahead, both without a zone.
    """

    rule: str
    start: datetime
    first: datetime
    how: str


Timing: TypeAlias = Once | Repeated | Opening


async def timing_of(text: str, now: datetime, zone: tzinfo, parser: DateParser, recurrence: Recurrence) -> Timing:
    """What `text` means, said at `now` (aware). Raises Invalid for what is no time, and for one that is past.

    >>> (await timing_of("in 20 minutes", datetime(2026, 3, 1, 9, tzinfo=UTC), UTC, parser, recurrence)).at.minute
    20
    """
    asked = Asked(" ".join(text.split()), now.astimezone(zone), zone, parser, recurrence)
    if len(text) <= LONGEST and (cleaned := _without_lead(plain(text))):
        if opening := opening_of(_without_lead(asked.text.strip(" .,;:!?\"'"))):
            return opening
        try:
            if (found := await _repeated(cleaned, asked) or await once(cleaned, asked)) is not None:
                return found
        except (ValueError, OverflowError):
            pass
    raise Invalid(f"The time {asked.text[:60]!r} was not understood: say for example {EXAMPLES}.")


def _without_lead(text: str) -> str:
    return re.sub(r"^(?:please )?(?:remind me |notify me |tell me )?(?:again )?", "", text, flags=re.IGNORECASE)


_FOR = re.compile(rf"^(.+) for (?:the next )?({NUMBER}) ?({UNIT})s?$")
_UNTIL = re.compile(r"^(.+?),? (?:until|till|through|up to) (?:and including )?(.+)$")
_STARTING = re.compile(
    r"^(.+?),? (?:starting|beginning|effective|from|as of)(?: on| from| at)? (.+?)(?: on(?:wards?)?)?$"
)


async def _repeated(text: str, asked: Asked) -> Repeated | None:
    text = repetitions.weekdays_listed(text)
    count, until, begins = 0, None, asked.now
    if match := re.fullmatch(rf"(.+?),? (?:for )?(?:(twice)|({NUMBER}|\d+) times)", text):
        text, count = match[1], 2 if match[2] else int(value_of(match[3]))
        if not 1 <= count <= 1_000:
            return None
    elif match := _UNTIL.fullmatch(text):
        text, until = match[1], await _last_day(match[2], asked)
        if until is None:
            return None
    length = None
    if match := _FOR.fullmatch(text):
        text, length = match[1], (value_of(match[2]), UNITS[match[3]])
    from_day = None
    if match := _STARTING.fullmatch(text):
        text, from_day = match[1], match[2]
    day = without_clock(text)
    if day is None or text == "every" or (pattern := repetitions.pattern_of(day.rest, asked.now.date())) is None:
        return None
    if from_day is not None:
        if (first := await once(from_day, asked)) is None:
            return None
        begins = first.at.astimezone(asked.zone)
    if length is not None:
        until = on_the_wall(shifted(begins, *length), asked.zone) - timedelta(seconds=1)
    ends = [("COUNT", str(count))] if count else [("UNTIL", f"{until:%Y%m%dT%H%M%S}")] if until else []
    if pattern.on_the_time_line:
        return None if day.clocks or day.part else _on_the_time_line(pattern, ends, until, begins, asked)
    return _by_the_calendar(pattern, day, ends, begins, asked)


def _on_the_time_line(
    pattern: Pattern, ends: list[tuple[str, str]], until: datetime | None, begins: datetime, asked: Asked
) -> Repeated | None:
    start = on_the_wall(begins, UTC).replace(microsecond=0)
    if until:
        ends = [("UNTIL", f"{on_the_wall(settled(until, asked.zone).at, UTC):%Y%m%dT%H%M%S}")]
    return _from(pattern, ends, start, UTC, asked, pattern.words)


def _by_the_calendar(
    pattern: Pattern, day: Day, ends: list[tuple[str, str]], begins: datetime, asked: Asked
) -> Repeated | None:
    times = sorted({(clock.hour % 24, clock.minute) for clock in day.clocks}) or [(HOURS.get(day.part, MORNING), 0)]
    if len({minute for _, minute in times}) > 1:
        return None  # no rule has 9:00 and 17:30
    hours = [hour for hour, _ in times]
    more = [("BYHOUR", ",".join(map(str, hours))), ("BYMINUTE", str(times[0][1]))] if len(hours) > 1 else []
    pattern = replace(pattern, parts=(*pattern.parts, *more))
    start = datetime.combine(begins.date(), time(*times[0]))
    if pattern.interval > 1 and pattern.named:
        # Counting begins with the nearest day that the rule names.
        every = _from(replace(pattern, interval=1), [], start, asked.zone, asked, "")
        start = every.first.replace(hour=times[0][0], minute=times[0][1]) if every else start
    elif ends and ends[0][0] == "COUNT":  # what is past today does not count
        start = next_occurrence(asked.recurrence, pattern.rule(), start, asked.zone, asked.now) or start
    at = " and ".join(f"{hour:02}:{minute:02}" for hour, minute in times)
    return _from(pattern, ends, start, asked.zone, asked, f"{pattern.words} at {at}")


def _from(
    pattern: Pattern, ends: Sequence[tuple[str, str]], start: datetime, zone: tzinfo, asked: Asked, words: str
) -> Repeated | None:
    rule = asked.recurrence.normal(pattern.rule(*ends))
    first = next_occurrence(asked.recurrence, rule, start, zone, asked.now)
    if first is None:
        return None
    ending = "".join(
        f", {value} times"
        if name == "COUNT"
        else f", until {_shown(settled(datetime.fromisoformat(value), zone).at, asked)}"
        for name, value in ends
    )
    at = settled(first, zone)
    how = (
        f"{words}{ending}; first {at.at.astimezone(asked.zone):%A} {_shown(at.at, asked)} ({asked.zone}){also(at.note)}"
    )
    return Repeated(rule, start, first, how)


def _shown(at: datetime, asked: Asked) -> str:
    return f"{at.astimezone(asked.zone):%Y-%m-%d %H:%M}"


async def _last_day(text: str, asked: Asked) -> datetime | None:
    """Until a day includes that day, until a clock time includes that moment."""
    found = await once(text, asked)
    day = without_clock(text)
    if found is None or day is None:
        return None
    wall = on_the_wall(found.at, asked.zone)
    return wall if day.clocks else datetime.combine(wall.date(), time(23, 59, 59))
