"""Stretches of time as people name them: "last tuesday", "between May and July", "the week before last".

What has no year or week is the most recent that has begun. A bare weekday may be today, "last" one never is. "Last week",
"last month" are the calendar's; "the last 3 days" roll, from the start of the day three days ago. Ranges hold
their last day. The grammar is ours; single dates beyond it are asked of `named`.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from session_mgmt_mcp.domain.spans import (
    AROUND,
    PARTS,
    Span,
    before,
    day_of,
    days,
    half_of,
    month_of,
    months,
    part_of,
    quarter_of,
    shifted,
    shifted_month,
    third,
    week_of,
    year_of,
)
from session_mgmt_mcp.ports.errors import Invalid

Named: TypeAlias = Callable[[str, datetime], Awaitable[Span | None]]
"""What a name of a moment or day means, seen from a `now`; None for what is none."""

LONGEST = 200
_TYPESET = {0x2019: "'", 0x2013: "-", 0x2014: "-"}  # what editors make of an apostrophe and a hyphen
EXAMPLES = '"last tuesday", "between May and July" or "2026-01-01..2026-02-01"'

_MONTHS = re.findall(r"\w+", "january february march april may june july august september october november december")
_DAYS = re.findall(r"\w+", "monday tuesday wednesday thursday friday saturday sunday")
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_FEASTS = {
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
    "twenty": 20,
    "thirty": 30,
    "ninety": 90,
}
_UNITS = {
    **{name: name for name in ("second", "minute", "hour", "day", "week", "weekend", "month", "quarter", "year")},
    **{"fortnight": "fortnight", "decade": "decade", "s": "second", "sec": "second", "min": "minute", "m": "minute"},
    **{"h": "hour", "hr": "hour", "d": "day", "w": "week", "wk": "week", "mo": "month", "y": "year", "yr": "year"},
}
_THIRDS = {"beginning": 0, "start": 0, "early": 0, "middle": 1, "mid": 1, "end": 2, "late": 2}
_ORDINALS = {
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

_MONTH = "|".join(name for month in _MONTHS for name in (month, month[:3])) + "|sept"
_DAY = "|".join(name for day in _DAYS for name in (day, day[:3])) + "|tues|thurs|thur"
_NUMBER = rf"\d+(?:\.\d+)?|(?:{'|'.join(_NUMBERS)})(?= )"
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_LONGER = r"(?:(older than|more than|longer ago than|at least|over)|newer than|less than|at most|no more than|under)"
_LONG_UNIT = "second|minute|hour|day|week|weekend|fortnight|month|quarter|half|year|decade"
_YEAR = r"(?:19|20)\d\d|last year|this year|year before last"

Rule: TypeAlias = Callable[[re.Match[str], datetime], Span | None]
_RULES: list[tuple[re.Pattern[str], Rule]] = []


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open [start, end), aware; None: since ever, or until now. `how` says what was understood."""

    start: datetime | None
    end: datetime | None
    how: str


async def interval_of(text: str, now: datetime, named: Named) -> Interval:
    """What `text` means, said at `now` (aware, in the speaker's zone). Raises Invalid for what is no time, or none yet.

    >>> (await interval_of("last month", datetime(2026, 11, 18, tzinfo=UTC), nothing)).start.isoformat()
    '2026-10-01T00:00:00+00:00'
    """
    cleaned = _cleaned(text)
    try:
        span = await _read(cleaned, now, named) if cleaned and len(text) <= LONGEST else None
    except (ValueError, OverflowError):
        span = None
    if span is None or span.moment:
        raise Invalid(f"The time {text[:60]!r} was not understood: say for example {EXAMPLES}.")
    if span.start is not None and before(now, span.start):
        raise Invalid(
            f"{text[:60]!r} begins at {span.start:%Y-%m-%d %H:%M}, in the future: name a time that has begun."
        )
    if span.start is not None and span.end is not None and not before(span.start, span.end):
        raise Invalid(f"{text[:60]!r} ends before it begins: name the earlier time first.")
    return Interval(span.start, span.end, span.how)


def _cleaned(text: str) -> str:
    flat = " ".join(text.casefold().translate(_TYPESET).split())
    flat = flat.strip(" .,;:!?\"'")
    flat = re.sub(r"^(?:everything|anything|all) (?=before |after |since |from |in |until |between )", "", flat)
    flat = re.sub(r"\bhalf an hour\b", "30 minutes", flat)
    flat = re.sub(r"\bhalf (?:a )?year\b", "6 months", flat)
    flat = re.sub(r"\b(?:an|one) hour and a half\b", "90 minutes", flat)
    return re.sub(r"\b(?:a )?(couple|few|several|dozen) (?:of )?(?=\w)", r"\1 ", flat)


async def _read(text: str, now: datetime, named: Named) -> Span | None:
    spellings = tuple(dict.fromkeys((text, _bare(text))))
    for spelling in spellings:
        if span := _simple(spelling, now):
            return span
    for reader in (_bounded, _ranged):
        if span := await reader(text, now, named):
            return span
    for reader in (_partly, _single):
        for spelling in spellings:
            if span := await reader(spelling, now, named):
                return span
    return None


async def _single(text: str, now: datetime, named: Named) -> Span | None:
    return await named(text, now)


def _bare(text: str) -> str:
    """Without the words that only lead up to a time."""
    lead = r"(?:(?:sometime|some time|back|somewhere|only|it was|all|the whole of|whole) )?"
    bare = re.sub(rf"^{lead}(?:(?:in|on|during|around|about|at|within|over|of|throughout|from) )?", "", text)
    return re.sub(r"^(?:the|all|whole) ", "", bare)


# one bound


async def _bounded(text: str, now: datetime, named: Named) -> Span | None:
    if match := re.fullmatch(rf"{_LONGER} ({_NUMBER}) ?({_UNIT})s?(?: ago| old)?", text):
        start = _rolled(now, _number(match[2]), _UNITS[match[3]]).start
        if match[1]:
            return Span(None, start, f"before {start:%Y-%m-%d %H:%M}")
        return Span(start, None, f"from {start:%Y-%m-%d %H:%M} on")
    if match := re.fullmatch(
        r"(?:ever )?since (.+)|(?:from )?(.+?) (?:on|onwards?|until now|till now|up to now)", text
    ):
        if span := await _read(match[1] or match[2], now, named):
            return Span(span.since or span.start, None, f"since {span.how}")
    elif match := re.fullmatch(r"(before|prior to|after|until|till|up to|by|through) (.+)", text):
        if (span := await _read(match[2], now, named)) is None:
            return None
        match match[1]:
            case "after":
                return Span(span.end, None, f"after {span.how}")
            case "before" | "prior to" | "by":
                return Span(None, span.start, f"before {span.how}")
            case _:
                return Span(None, span.end, f"through {span.how}")
    return None


# two bounds


async def _ranged(text: str, now: datetime, named: Named) -> Span | None:
    for left, right, either_order in _halves(text):
        if span := await _range(left, right, now, named, either_order):
            return span
    return None


def _halves(text: str) -> Iterator[tuple[str, str, bool]]:
    if match := re.fullmatch(r"(\S+) ?\.\. ?(\S+)|(\d{4}-[\d-]+)/(\d{4}-[\d-]+)", text):
        yield match[1] or match[3], match[2] or match[4], False
    elif match := re.fullmatch(r"(?:(.+?) )?between (.+?) (?:and|to|-) (.+)", text):
        yield from _with_day(match[1], match[2], match[3], True)
    elif match := re.fullmatch(r"(?:(.+?) )?from (.+?) (?:to|until|till|through|-) (.+)", text):
        yield from _with_day(match[1], match[2], match[3], False)
    else:
        for separator in (" to ", " through ", " until ", " till ", " and ", " or ", " & ", " - ", "-"):
            left, found, right = text.partition(separator)
            if found and text.count(separator) == 1 and left and right:
                yield left, right, False


def _with_day(day: str | None, left: str, right: str, either_order: bool) -> Iterator[tuple[str, str, bool]]:
    """Clock times may have their day before both."""
    half = re.search(r"[ap]m$", right)
    if half and re.fullmatch(r"\d\d?(?::\d\d)?", left):
        left += half[0]
    yield (f"{day} at {left}", f"{day} at {right}", either_order) if day else (left, right, either_order)


async def _range(left: str, right: str, now: datetime, named: Named, either_order: bool) -> Span | None:
    left, right = _sharing(left, right)
    last = await _read(right, now, named)
    if last is None or last.start is None or last.end is None:
        return None
    year = re.search(r"\b(?:19|20)\d\d$", right)
    first = await _read(f"{left} {year[0]}", now, named) if year and not re.search(r"\d{4}", left) else None
    first = first or await _read(left, now, named)
    if first and first.start and before(last.start, first.start):
        # Of what comes round again, the one before: "from November to February", "between monday and wednesday".
        earlier = await _read(left, last.start - timedelta(microseconds=1), named)
        moved = earlier and earlier.start and before(earlier.start, first.start)
        first = earlier if moved and not re.search(r"\b(?:ago|yesterday|today|last|this)\b|\d{4}", left) else first
    if first is None or first.start is None:
        return None
    if either_order and before(last.start, first.start):
        first, last = last, first
    clock = _lasts(last) == timedelta(hours=1)  # "to 5pm" ends at five
    end = last.start if clock else last.end
    return Span(first.since or first.start, end, f"from {first.how} through {last.how}")


def _lasts(span: Span) -> timedelta:
    assert span.start is not None and span.end is not None
    return span.end.astimezone(UTC) - span.start.astimezone(UTC)


def _sharing(left: str, right: str) -> tuple[str, str]:
    """ "3" and "10 October": a lone number takes the month of the other."""
    number = r"\d{1,2}(?:st|nd|rd|th)?"
    left, right = left.removeprefix("the "), right.removeprefix("the ").replace(" of ", " ")
    day = re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", left)
    if re.fullmatch(number, left) and (month := re.search(rf"\b(?:{_MONTH})\b(?: \d{{4}})?", right)):
        return f"{day} {month[0]}", right
    if re.fullmatch(rf"{number}(?:,? \d{{4}})?", right) and (month := re.match(rf"(?:{_MONTH})\b", left)):
        return left, f"{month[0]} {right}"
    return left, right


# a part of a day, a part of a month


async def _partly(text: str, now: datetime, named: Named) -> Span | None:
    if match := re.fullmatch(rf"(.+?)(?: in the| at)? ({'|'.join(PARTS)})|({'|'.join(PARTS)}) of (.+)", text):
        day, part = match[1] or match[4], match[2] or match[3]
        span = await _read({"this": "today", "last": "yesterday"}.get(day, day), now, named)
        if span and span.start and span.end and _is_day(span):
            return part_of(span.start.date(), part, now.tzinfo)
    if match := re.fullmatch(r"(?:the )?(week|weekend) (?:of|from|beginning|starting) (.+)", text):
        span = await _read(match[2], now, named)
        return AROUND[match[1]](span.start.date(), now.tzinfo) if span and span.start else None
    if match := re.fullmatch(rf"(?:the )?({'|'.join(_ORDINALS)}) (week|day|{_DAY}) (?:of|in) (.+)", text):
        span = await _read(match[3], now, named)
        return _counted(match[1], match[2], span, now) if span and span.start and span.end else None
    if match := re.fullmatch(rf"(?:the )?({'|'.join(_THIRDS)})(?: of |[ -])(.+)", text):
        span = await _read(match[2], now, named)
        if span and span.start and span.end and _lasts(span) > timedelta(2):
            return third(span, _THIRDS[match[1]])
    return None


def _counted(which: str, unit: str, span: Span, now: datetime) -> Span | None:
    """The first week (its first seven days), the last day, the second monday of a span."""
    assert span.start is not None and span.end is not None
    first, after = span.start.date(), span.end.date()
    length = 7 if unit == "week" else 1
    step = 1 if unit == "day" else 7
    if unit not in ("week", "day"):
        number = _weekday_number(unit)
        first += timedelta((number - first.weekday()) % 7)
    start = first + timedelta(step * (_ORDINALS[which] - 1))
    if which == "last":
        last = after - timedelta(length)
        start = last - timedelta((last - first).days % step if unit not in ("week", "day") else 0)
    if start + timedelta(length) > after:
        return None
    return days(start, start + timedelta(length), now.tzinfo, f"{which} {unit} of {span.how}")


def _is_day(span: Span) -> bool:
    assert span.start is not None and span.end is not None
    return span.end.date() - span.start.date() == timedelta(1) and span.start.hour < 4


# without any other


def _simple(text: str, now: datetime) -> Span | None:
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
    return _rolled(now, 1, "hour")


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
            return _rolled(now, 7, "day")


@_rule(rf"in ({_NUMBER}) ?({_UNIT})(?:s|'s time|s' time)?|({_NUMBER}) ?({_UNIT})s? from (?:now|today)")
def _ahead(match: re.Match[str], now: datetime) -> Span:
    """Read so that it is not taken for the past."""
    at = shifted(now, _number(match[1] or match[3]), _UNITS[match[2] or match[4]])
    return Span(at, None, "the future")


@_rule(
    rf"(?:about |around |roughly |some |exactly |approximately |almost |nearly )?({_NUMBER}) ?({_UNIT})s? (?:ago|back|earlier)"
)
def _ago(match: re.Match[str], now: datetime) -> Span:
    """That day, week, month; of hours and minutes one of them around the moment."""
    count, unit = _number(match[1]), _UNITS[match[2]]
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
    rf"(?:(?:in|over|within|during|for|from) )?(?:(?:the|these) )?(?:last|past|previous|latest|recent) ({_NUMBER}) ?({_UNIT})s?"
)
@_rule(r"(?:(?:in|over|within|during|for) )?(?:the )?(?:last|past|previous) ()(second|minute|hour|day)")
@_rule(rf"(?:(?:in|over|within|during|for) )?(?:(?:the|this) )?past ()({_LONG_UNIT})")
@_rule(rf"(?:in|over|within|for) the last ()({_LONG_UNIT})")
@_rule(rf"({_NUMBER}) ?({_UNIT})s?")
def _rolling(match: re.Match[str], now: datetime) -> Span | None:
    unit = _UNITS.get(match[2], match[2])
    count = _number(match[1] or "1")
    return _rolled(now, count, unit) if count else None


def _rolled(now: datetime, count: float, unit: str) -> Span:
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


@_rule(rf"(?:(last|this|past|previous|next|coming) )?({_DAY})")
def _weekday(match: re.Match[str], now: datetime) -> Span:
    today, number = now.date(), _weekday_number(match[2])
    back = (today.weekday() - number) % 7
    match match[1]:
        case "last" | "past" | "previous":
            return day_of(today - timedelta(back or 7), now.tzinfo)
        case "next" | "coming":
            return day_of(today + timedelta(7 - back), now.tzinfo)
        case _:
            return day_of(today - timedelta(back), now.tzinfo)


@_rule(rf"({_NUMBER}) ({_DAY})s ago|({_DAY}) before last()")
def _weekday_back(match: re.Match[str], now: datetime) -> Span:
    """Today does not count."""
    number = _weekday_number(match[2] or match[3])
    back = (now.weekday() - number) % 7 or 7
    weeks = int(_number(match[1])) if match[1] else 2
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


@_rule(rf"({_DAY}) (?:of )?(last week|this week|(?:the )?week before last)|(last week|this week) ({_DAY})")
def _weekday_of(match: re.Match[str], now: datetime) -> Span | None:
    week = _simple((match[2] or match[3]).removeprefix("the "), now)
    if week is None or week.start is None:
        return None
    return day_of(week.start.date() + timedelta(_weekday_number(match[1] or match[4])), now.tzinfo)


@_rule(rf"(?:(last|this|past) )?({_MONTH})(?:,? (?:of )?(?:the )?({_YEAR}))?")
def _month(match: re.Match[str], now: datetime) -> Span | None:
    number = next(at for at, name in enumerate(_MONTHS, 1) if name.startswith(match[2][:3]))
    if match[1] and match[3]:
        return None
    year = _year_named(match[3], now) if match[3] else now.year - (number > now.month and match[1] != "this")
    if match[1] in ("last", "past") and (year, number) == (now.year, now.month):
        year -= 1
    return month_of(date(year, number, 1), now.tzinfo)


@_rule(rf"q([1-4])(?:[ -/]?(?:of )?({_YEAR}))?|({_YEAR})[ -/]?q([1-4])")
@_rule(rf"(?:the )?({'|'.join(_ORDINALS)}) quarter(?: (?:of )?({_YEAR}))?()()")
def _quarter(match: re.Match[str], now: datetime) -> Span | None:
    name, year_name = match[1] or match[4], match[2] or match[3]
    if name == "last" and not year_name:
        return None
    month = int(_ORDINALS.get(name) or name) * 3 - 2
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
    span = months(year, month, 3, now.tzinfo, f"{match[2]} {year}, three months from {_MONTHS[month - 1].title()} on")
    if match[1] in ("last", "past") and span.end is not None and before(now, span.end):
        return months(year - 1, month, 3, now.tzinfo, span.how.replace(str(year), str(year - 1)))
    return span


@_rule(rf"({'|'.join(_FEASTS)})(?: (?:of )?({_YEAR}))?")
def _feast(match: re.Match[str], now: datetime) -> Span:
    month, day = _FEASTS[match[1]]
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
    start = at.astimezone(UTC)
    zone = now.tzinfo
    return Span(
        start.astimezone(zone), (start + timedelta(hours=1)).astimezone(zone), f"{at:%Y-%m-%d %H:%M} and an hour on"
    )


def _at(day: date, now: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=now.tzinfo)


def _number(word: str) -> float:
    return _NUMBERS[word] if word in _NUMBERS else float(word)


def _weekday_number(name: str) -> int:
    return next(number for number, day in enumerate(_DAYS) if day.startswith(name[:3]))


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
