"""Stretches of the calendar in a time zone, and how they follow one another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

HOUR = " and an hour on"  # how a clock time ends in words


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open: `start` belongs to it, `end` does not. A moment has both at the same place; None is open."""

    start: datetime | None
    end: datetime | None
    how: str  # in words, for whoever wonders what was understood
    since: datetime | None = None  # where "since" it begins, when not at its start

    @property
    def moment(self) -> bool:
        return self.start is not None and self.start == self.end


def before(left: datetime, right: datetime) -> bool:
    """On the time line: two times of one zone would compare by their wall clocks."""
    return left.astimezone(UTC) < right.astimezone(UTC)


def midnight(day: date, zone: tzinfo | None) -> datetime:
    """The first moment of a day; where clocks skip midnight, the one they jump to."""
    return datetime.combine(day, time(), zone).astimezone(UTC).astimezone(zone)


def days(first: date, after: date, zone: tzinfo | None, how: str) -> Span:
    return Span(midnight(first, zone), midnight(after, zone), how)


def day_of(day: date, zone: tzinfo | None) -> Span:
    return days(day, day + timedelta(1), zone, f"{day:%A} {day}")


def week_of(day: date, zone: tzinfo | None) -> Span:
    """Monday to Sunday."""
    monday = day - timedelta(day.weekday())
    return days(monday, monday + timedelta(7), zone, f"the week of Monday {monday}")


def weekend_of(day: date, zone: tzinfo | None) -> Span:
    """Saturday and Sunday of the day's week."""
    saturday = day - timedelta(day.weekday()) + timedelta(5)
    return days(saturday, saturday + timedelta(2), zone, f"the weekend of Saturday {saturday}")


def months(year: int, month: int, count: int, zone: tzinfo | None, how: str) -> Span:
    """`count` months from that one on; raises ValueError beyond the years 1 to 9999."""
    first = date(year, month, 1)
    return days(first, shifted_month(first, count), zone, how)


def month_of(day: date, zone: tzinfo | None) -> Span:
    return months(day.year, day.month, 1, zone, f"{day:%B %Y}")


def quarter_of(day: date, zone: tzinfo | None) -> Span:
    quarter = (day.month - 1) // 3
    return months(day.year, quarter * 3 + 1, 3, zone, f"quarter {quarter + 1} of {day.year}")


def half_of(day: date, zone: tzinfo | None) -> Span:
    half = (day.month - 1) // 6
    return months(day.year, half * 6 + 1, 6, zone, f"half {half + 1} of {day.year}")


def year_of(day: date, zone: tzinfo | None) -> Span:
    return months(day.year, 1, 12, zone, f"the year {day.year}")


AROUND: Mapping[str, Callable[[date, tzinfo | None], Span]] = {
    "day": day_of,
    "week": week_of,
    "weekend": weekend_of,
    "month": month_of,
    "quarter": quarter_of,
    "half": half_of,
    "year": year_of,
}
"""By unit, the stretch that holds a day."""


def shifted_month(day: date, count: int) -> date:
    """So many months later, on the last day of a month that is too short."""
    number = day.year * 12 + day.month - 1 + count
    year, month = divmod(number, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            if not 1 <= year <= 9999:
                raise
    raise AssertionError("every month has 28 days")


def shifted(now: datetime, count: float, unit: str) -> datetime:
    """So many units later: hours by the clock on the time line, days and more by the calendar."""
    exact = {"second": 1, "minute": 60, "hour": 3_600}
    if unit in exact:
        return (now.astimezone(UTC) + timedelta(seconds=count * exact[unit])).astimezone(now.tzinfo)
    wall = now.replace(tzinfo=None)
    calendar = {"day": 1.0, "week": 7.0, "weekend": 7.0, "fortnight": 14.0}
    if unit in calendar:
        wall += timedelta(days=count * calendar[unit])
    else:
        whole, rest = divmod(count * {"month": 1, "quarter": 3, "half": 6, "year": 12, "decade": 120}[unit], 1)
        wall = datetime.combine(shifted_month(wall.date(), int(whole)), wall.time()) + timedelta(days=30 * rest)
    return wall.replace(tzinfo=now.tzinfo).astimezone(UTC).astimezone(now.tzinfo)


def third(span: Span, which: int) -> Span:
    """The first (0), middle (1) or last (2) third of a span of days, in whole days where it has three."""
    assert span.start is not None and span.end is not None
    first, count = span.start.date(), (span.end.date() - span.start.date()).days
    marks = [first + timedelta(days=-(-count * part // 3)) for part in (0, 1, 2, 3)]
    names = ("the beginning", "the middle", "the end")
    return days(marks[which], marks[which + 1], span.start.tzinfo, f"{names[which]} of {span.how}")


PARTS: Mapping[str, tuple[int, int]] = {
    "morning": (5, 12),
    "noon": (11, 14),
    "lunchtime": (11, 14),
    "afternoon": (12, 18),
    "evening": (18, 24),
    "night": (20, 29),
}
"""Hours of a day, 29 being five in the morning after."""


def part_of(day: date, part: str, zone: tzinfo | None) -> Span:
    first, last = (datetime.combine(day, time()) + timedelta(hours=hour) for hour in PARTS[part])
    start, end = (wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone) for wall in (first, last))
    return Span(start, end, f"{part} of {day:%A} {day}")
