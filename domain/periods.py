"""Stretches of time that stand for themselves: "yesterday", "last month", "Q2 2025", "two weeks ago", "the 5th".

What has no year or week is the most recent that has begun. A bare weekday may be today, "last" one never is. "Last week",
"last month" are the calendar's; "the last 3 days" roll, from the start of the day three days ago.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from session_mgmt_mcp.domain.spans import (
    AROUND,
    HOUR,
    Span,
    before,
    day_of,
    half_of,
    month_of,
    months,
    part_of,
    quarter_of,
    shifted,
    shifted_month,
    week_of,
    year_of,
)

EXAMPLES = '"last tuesday", "between May and July" or "2026-01-01..2026-02-01"'

MONTHS = re.findall(r"\w+", "january february march april may june july august september october november december")
DAYS = re.findall(r"\w+", "monday tuesday wednesday thursday friday saturday sunday")
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
FEASTS = {
    "christmas eve": (12, 24),
    "christmas day": (12, 25),
    "christmas": (12, 25),
    "xmas": (12, 25),
    "boxing day": (12, 26),
    "new year's eve": (12, 31),
    "new years eve": (12, 31),
    "new year's day": (1, 1),
    "new years day": (1, 1),
    "new year's": (1, 1),
    "new years": (1, 1),
    "new year": (1, 1),
    "halloween": (10, 31),
    "valentine's day": (2, 14),
}
_NUMBERS = {
    word: number
    for number, word in enumerate(re.findall(r"\w+", "zero one two three four five six seven eight nine ten eleven"))
} | {
    "a": 1,
    "an": 1,
    "couple": 2,
    "few": 3,
    "several": 3,
    "dozen": 12,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "ninety": 90,
}
UNITS = {
    **{name: name for name in ("second", "minute", "hour", "day", "week", "weekend", "month", "quarter", "year")},
    **{"fortnight": "fortnight", "decade": "decade", "s": "second", "sec": "second", "min": "minute", "m": "minute"},
    **{"h": "hour", "hr": "hour", "d": "day", "w": "week", "wk": "week", "mo": "month", "y": "year", "yr": "year"},
}
ORDINALS = {
    "first": 1,
    "1st": 1,
    "second": 2,
    "2nd": 2,
    "third": 3,
    "3rd": 3,
    "fourth": 4,
    "4th": 4,
    "fifth": 5,
    "last": 4,
}

MONTH = "|".join(name for month in MONTHS for name in (month, month[:3])) + "|sept"
DAY = "|".join(name for day in DAYS for name in (day, day[:3])) + "|tues|thurs|thur"
NUMBER = rf"\d+(?:\.\d+)?|(?:{'|'.join(_NUMBERS)})(?= )"
UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_LONG_UNIT = "second|minute|hour|day|week|weekend|fortnight|month|quarter|half|year|decade"
_YEAR = r"(?:19|20)\d\d|last year|this year|year before last"
Rule: TypeAlias = Callable[[re.Match[str], datetime], Span | None]
_RULES: list[tuple[re.Pattern[str], Rule]] = []


def period_of(text: str, now: datetime) -> Span | None:
    """What `text`, in lower case, means at `now` (aware); None for no period. Raises ValueError beyond the calendar."""
    for pattern, rule in _RULES:
        if (match := pattern.fullmatch(text)) and (span := rule(match, now)):
            return span
    return None


def _rule(pattern: str) -> Callable[[Rule], Rule]:
    def add(rule: Rule) -> Rule:
        _RULES.append((re.compile(pattern), rule))
        return rule

    return add


@_rule(r"ever|all|always|all time|any time|anytime|everything")
def _ever(_: re.Match[str], now: datetime) -> Span:
    return Span(None, None, "all time")


@_rule(r"(?:just |right )?now|moments ago|a moment ago")
def _now(_: re.Match[str], now: datetime) -> Span:
    return rolled(now, 1, "hour")


@_rule(r"(?:earlier )?(?:today|yesterday)|(?:the )?day before yesterday|tonight|weekend|recently|lately")
def _near(match: re.Match[str], now: datetime) -> Span:
    match match[0].removeprefix("earlier ").removeprefix("the "):
        case "today":
            return day_of(now.date(), now.tzinfo)
        case "yesterday":
            return day_of(now.date() - timedelta(1), now.tzinfo)
        case "day before yesterday":
            return day_of(now.date() - timedelta(2), now.tzinfo)
        case "tonight":
            return part_of(now.date(), "evening", now.tzinfo)
        case "weekend":
            return _stepped("weekend", 0 if now.weekday() >= 5 else -1, now)
        case _:
            return rolled(now, 7, "day")


@_rule(rf"in ({NUMBER}) ?({UNIT})(?:s|'s time|s' time)?|({NUMBER}) ?({UNIT})s? from (?:now|today)")
def _ahead(match: re.Match[str], now: datetime) -> Span:
    """Read so that it is not taken for the past."""
    at = shifted(now, value_of(match[1] or match[3]), UNITS[match[2] or match[4]])
    return Span(at, None, "the future")


@_rule(
    rf"(?:about |around |roughly |some |exactly |approximately |almost |nearly )?({NUMBER}) ?({UNIT})s? (?:ago|back|earlier)"
)
def _ago(match: re.Match[str], now: datetime) -> Span:
    """That day, week, month; of hours and minutes one of them around the moment."""
    count, unit = value_of(match[1]), UNITS[match[2]]
    at = shifted(now, -count, unit)
    if unit in ("second", "minute", "hour"):
        half = timedelta(seconds={"second": 30, "minute": 30, "hour": 1_800}[unit])
        end = min(at.astimezone(UTC) + half, now.astimezone(UTC)).astimezone(now.tzinfo)
        start = (at.astimezone(UTC) - half).astimezone(now.tzinfo)
        return Span(start, end, f"around {at:%Y-%m-%d %H:%M}", at)
    unit = {"fortnight": "week", "decade": "year"}.get(unit, unit)
    if unit == "weekend":
        return AROUND[unit](now.date() - timedelta(7 * int(count)), now.tzinfo)
    return replace(AROUND[unit](at.date(), now.tzinfo), since=day_of(at.date(), now.tzinfo).start)


@_rule(
    rf"(?:(?:in|over|within|during|for|from) )?(?:(?:the|these) )?(?:last|past|previous|latest|recent) ({NUMBER}) ?({UNIT})s?"
)
@_rule(r"(?:(?:in|over|within|during|for) )?(?:the )?(?:last|past|previous) ()(second|minute|hour|day)")
@_rule(rf"(?:(?:in|over|within|during|for) )?(?:(?:the|this) )?past ()({_LONG_UNIT})")
@_rule(rf"(?:in|over|within|for) the last ()({_LONG_UNIT})")
@_rule(rf"({NUMBER}) ?({UNIT})s?")
def _rolling(match: re.Match[str], now: datetime) -> Span | None:
    unit = UNITS.get(match[2], match[2])
    count = value_of(match[1] or "1")
    return rolled(now, count, unit) if count else None


def rolled(now: datetime, count: float, unit: str) -> Span:
    """So many units up to now; days and more from the start of the first day."""
    start = shifted(now, -count, unit)
    if unit not in ("second", "minute", "hour"):
        start = day_of(start.date(), now.tzinfo).start or start
    return Span(start, None, f"the last {count:g} {unit}{'' if count == 1 else 's'}, from {start:%Y-%m-%d %H:%M} on")


@_rule(r"(?:earlier )?(this|current|last|previous|next|coming) (week|weekend|month|quarter|half|year)")
def _neighbouring(match: re.Match[str], now: datetime) -> Span:
    step = {"last": -1, "previous": -1, "next": 1, "coming": 1}.get(match[1], 0)
    return _stepped(match[2], step, now)


@_rule(r"the (week|month|quarter|year)")
def _the(match: re.Match[str], now: datetime) -> Span:
    return _stepped(match[1], 0, now)


@_rule(r"(week|weekend|month|quarter|half|year) before last")
def _before_last(match: re.Match[str], now: datetime) -> Span:
    return _stepped(match[1], -2, now)


def _stepped(unit: str, steps: int, now: datetime) -> Span:
    today = now.date()
    first = today.replace(day=1) if unit not in ("week", "weekend") else today
    span = AROUND[unit](shifted(_at(first, now), steps, unit).date(), now.tzinfo)
    return replace(span, how=f"{span.how}, by the calendar")


@_rule(rf"(?:(last|this|past|previous|next|coming) )?({DAY})")
def _weekday(match: re.Match[str], now: datetime) -> Span:
    today, number = now.date(), weekday_number(match[2])
    back = (today.weekday() - number) % 7
    match match[1]:
        case "last" | "past" | "previous":
            return day_of(today - timedelta(back or 7), now.tzinfo)
        case "next" | "coming":
            return day_of(today + timedelta(7 - back), now.tzinfo)
        case _:
            return day_of(today - timedelta(back), now.tzinfo)


@_rule(rf"({NUMBER}) ({DAY})s ago|({DAY}) before last()")
def _weekday_back(match: re.Match[str], now: datetime) -> Span:
    """Today does not count."""
    number = weekday_number(match[2] or match[3])
    back = (now.weekday() - number) % 7 or 7
    weeks = int(value_of(match[1])) if match[1] else 2
    return day_of(now.date() - timedelta(back + 7 * (weeks - 1)), now.tzinfo)


@_rule(r"(\d\d?)(?:st|nd|rd|th)")
def _day_of_month(match: re.Match[str], now: datetime) -> Span:
    """The last month that has begun with that day."""
    first = now.date().replace(day=1)
    for month in (first, shifted_month(first, -1), shifted_month(first, -2)):
        try:
            day = month.replace(day=int(match[1]))
        except ValueError:
            continue
        if day <= now.date():
            return day_of(day, now.tzinfo)
    raise ValueError("no month has such a day")


@_rule(rf"({DAY}) (?:of )?(last week|this week|(?:the )?week before last)|(last week|this week) ({DAY})")
def _weekday_of(match: re.Match[str], now: datetime) -> Span | None:
    week = period_of((match[2] or match[3]).removeprefix("the "), now)
    if week is None or week.start is None:
        return None
    return day_of(week.start.date() + timedelta(weekday_number(match[1] or match[4])), now.tzinfo)


@_rule(rf"(?:(last|this|past) )?({MONTH})(?:,? (?:of )?(?:the )?({_YEAR}))?")
def _month(match: re.Match[str], now: datetime) -> Span | None:
    number = next(at for at, name in enumerate(MONTHS, 1) if name.startswith(match[2][:3]))
    if match[1] and match[3]:
        return None
    year = _year_named(match[3], now) if match[3] else now.year - (number > now.month and match[1] != "this")
    if match[1] in ("last", "past") and (year, number) == (now.year, now.month):
        year -= 1
    return month_of(date(year, number, 1), now.tzinfo)


@_rule(rf"q([1-4])(?:[ -/]?(?:of )?({_YEAR}))?|({_YEAR})[ -/]?q([1-4])")
@_rule(rf"(?:the )?({'|'.join(ORDINALS)}) quarter(?: (?:of )?({_YEAR}))?()()")
def _quarter(match: re.Match[str], now: datetime) -> Span | None:
    name, year_name = match[1] or match[4], match[2] or match[3]
    if name == "last" and not year_name:
        return None
    month = int(ORDINALS.get(name) or name) * 3 - 2
    year = _year_named(year_name, now) if year_name else now.year - (month > now.month)
    return quarter_of(date(year, month, 1), now.tzinfo)


@_rule(rf"h([12])(?: (?:of )?({_YEAR}))?|(?:the )?(first|second) half(?: (?:of )?({_YEAR}))?|({_YEAR})[ -/]?h([12])")
def _half(match: re.Match[str], now: datetime) -> Span:
    month = 1 if (match[1] or match[3] or match[6]) in ("1", "first") else 7
    year_name = match[2] or match[4] or match[5]
    year = _year_named(year_name, now) if year_name else now.year - (month > now.month)
    return half_of(date(year, month, 1), now.tzinfo)


@_rule(rf"(?:(last|this|past) )?({'|'.join(_SEASONS)})(?: (?:of )?({_YEAR}))?")
def _season(match: re.Match[str], now: datetime) -> Span:
    """Of the northern half, by whole months; a winter is called by the year it begins in."""
    month = _SEASONS[match[2]]
    year = _year_named(match[3], now) if match[3] else now.year - (month > now.month)
    span = months(year, month, 3, now.tzinfo, f"{match[2]} {year}, three months from {MONTHS[month - 1].title()} on")
    if match[1] in ("last", "past") and span.end is not None and before(now, span.end):
        return months(year - 1, month, 3, now.tzinfo, span.how.replace(str(year), str(year - 1)))
    return span


@_rule(rf"({'|'.join(FEASTS)})(?: (?:of )?({_YEAR}))?")
def _feast(match: re.Match[str], now: datetime) -> Span:
    month, day = FEASTS[match[1]]
    year = _year_named(match[2], now) if match[2] else now.year - ((month, day) > (now.month, now.day))
    return day_of(date(year, month, day), now.tzinfo)


@_rule(r"(?:the )?(?:year )?((?:19|20)\d\d)|(?:the )?year before last")
def _year(match: re.Match[str], now: datetime) -> Span:
    return year_of(date(_year_named(match[1] or "year before last", now), 1, 1), now.tzinfo)


@_rule(rf"(?:(?:calendar )?week|cw|kw) ?(\d\d?)(?:,? (?:of )?({_YEAR}))?")
def _week(match: re.Match[str], now: datetime) -> Span:
    """As ISO 8601 counts them."""
    number = int(match[1])
    year = _year_named(match[2], now) if match[2] else now.year - (number > now.isocalendar().week)
    return week_of(date.fromisocalendar(year, number, 1), now.tzinfo)


@_rule(r"(\d{4})-(\d\d)|(\d{4})-?w(\d\d)|(\d{4}-\d\d-\d\d|(?:19|20)\d{6})")
def _iso(match: re.Match[str], now: datetime) -> Span:
    if match[1]:
        return month_of(date(int(match[1]), int(match[2]), 1), now.tzinfo)
    if match[3]:
        return week_of(date.fromisocalendar(int(match[3]), int(match[4]), 1), now.tzinfo)
    return day_of(date.fromisoformat(match[5]), now.tzinfo)


@_rule(r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d\S*")
def _iso_time(match: re.Match[str], now: datetime) -> Span:
    at = datetime.fromisoformat(match[0].upper())
    return hour_from(at.replace(tzinfo=now.tzinfo) if at.tzinfo is None else at, now)


def hour_from(at: datetime, now: datetime) -> Span:
    """A clock time is the hour that begins with it."""
    zone = now.tzinfo
    start, end = at.astimezone(zone), (at.astimezone(UTC) + timedelta(hours=1)).astimezone(zone)
    return Span(start, end, f"{start:%Y-%m-%d %H:%M}{HOUR}")


def _at(day: date, now: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=now.tzinfo)


def value_of(word: str) -> float:
    """Of a number in digits or in words."""
    return _NUMBERS[word] if word in _NUMBERS else float(word)


def weekday_number(name: str) -> int:
    """Monday is 0."""
    return next(number for number, day in enumerate(DAYS) if day.startswith(name[:3]))


def _year_named(name: str, now: datetime) -> int:
    match name.removeprefix("the "):
        case "this year":
            return now.year
        case "last year":
            return now.year - 1
        case "year before last":
            return now.year - 2
        case _:
            return int(name)
