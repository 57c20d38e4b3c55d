"""Stretches of time as people name them: "last tuesday", "between May and July", "since the morning of 3 October".

Single periods are those of `periods`; here is how they are bounded, joined to ranges, and cut into parts. Ranges hold their
last day. The grammar is ours; single dates beyond it are asked of `named`.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from session_mgmt_mcp.domain.periods import (
    DAY,
    MONTH,
    NUMBER,
    ORDINALS,
    UNIT,
    UNITS,
    period_of,
    rolled,
    value_of,
    weekday_number,
)
from session_mgmt_mcp.domain.phrases import plain
from session_mgmt_mcp.domain.spans import AROUND, HOUR, PARTS, Span, before, days, part_of, third
from session_mgmt_mcp.ports.errors import Invalid

Named: TypeAlias = Callable[[str, datetime], Awaitable[Span | None]]
"""What a name of a moment or day means, seen from a `now`; None for what is none."""

LONGEST = 200
EXAMPLES = '"last tuesday", "between May and July" or "2026-01-01..2026-02-01"'
_THIRDS = {"beginning": 0, "start": 0, "early": 0, "middle": 1, "mid": 1, "end": 2, "late": 2}
_LONGER = r"(?:(older than|more than|longer ago than|at least|over)|newer than|less than|at most|no more than|under)"


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open [start, end), aware; None: since ever, or until now. `how` says what was understood."""

    start: datetime | None
    end: datetime | None
    how: str


@dataclass(frozen=True, slots=True)
class _Names:
    """`known` is what was read before: a heap of words has few different parts, but very many ways into them."""

    named: Named
    known: dict[tuple[str, datetime], Span | None] = field(default_factory=dict)


async def interval_of(text: str, now: datetime, named: Named) -> Interval:
    """What `text` means, said at `now` (aware, in the speaker's zone). Raises Invalid for what is no time, or none yet.

    >>> (await interval_of("last month", datetime(2026, 11, 18, tzinfo=UTC), nothing)).start.isoformat()
    '2026-10-01T00:00:00+00:00'
    """
    cleaned = _cleaned(text)
    try:
        span = await _read(cleaned, now, _Names(named)) if cleaned and len(text) <= LONGEST else None
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
    flat = plain(text)
    flat = re.sub(r"^(?:everything|anything|all) (?=before |after |since |from |in |until |between )", "", flat)
    return re.sub(r"^(week|month|quarter|year) to date$", r"this \1", flat)


async def _read(text: str, now: datetime, names: _Names) -> Span | None:
    key = (text, now)
    if key not in names.known:
        names.known[key] = None  # what is made of itself is nothing
        names.known[key] = await _read_anew(text, now, names)
    return names.known[key]


async def _read_anew(text: str, now: datetime, names: _Names) -> Span | None:
    spellings = tuple(dict.fromkeys((text, _bare(text))))
    for spelling in spellings:
        if span := period_of(spelling, now):
            return span
    for reader in (_bounded, _ranged):
        if span := await reader(text, now, names):
            return span
    for reader in (_partly, _single):
        for spelling in spellings:
            if span := await reader(spelling, now, names):
                return span
    return None


async def _single(text: str, now: datetime, names: _Names) -> Span | None:
    return await names.named(text, now)


def _bare(text: str) -> str:
    """Without the words that only lead up to a time."""
    lead = r"(?:(?:sometime|some time|back|somewhere|only|it was|all|the whole of|whole) )?"
    bare = re.sub(rf"^{lead}(?:(?:in|on|during|around|about|at|within|over|of|throughout|from) )?", "", text)
    return re.sub(r"^(?:the|all|whole) ", "", bare)


# one bound


async def _bounded(text: str, now: datetime, names: _Names) -> Span | None:
    if match := re.fullmatch(rf"{_LONGER} ({NUMBER}) ?({UNIT})s?(?: ago| old)?", text):
        start = rolled(now, value_of(match[2]), UNITS[match[3]]).start
        if match[1]:
            return Span(None, start, f"before {start:%Y-%m-%d %H:%M}")
        return Span(start, None, f"from {start:%Y-%m-%d %H:%M} on")
    if match := re.fullmatch(
        r"(?:ever )?since (.+)|(?:from )?(.+?) (?:on|onwards?|until now|till now|up to now)", text
    ):
        if span := await _read(match[1] or match[2], now, names):
            return Span(span.since or span.start, None, f"since {_beginning(span)}")
    elif match := re.fullmatch(r"(before|prior to|after|until|till|up to|by|through) (.+)", text):
        if (span := await _read(match[2], now, names)) is None:
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


async def _ranged(text: str, now: datetime, names: _Names) -> Span | None:
    for left, right, either_order in _halves(text):
        if span := await _range(left, right, now, names, either_order):
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


async def _range(left: str, right: str, now: datetime, names: _Names, either_order: bool) -> Span | None:
    left, right = _sharing(left, right)
    last = await _read(right, now, names)
    if last is None or last.start is None or last.end is None:
        return None
    year = re.search(r"\b(?:19|20)\d\d$", right)
    first = await _read(f"{left} {year[0]}", now, names) if year and not re.search(r"\d{4}", left) else None
    first = first or await _read(left, now, names)
    if first and first.start and before(last.start, first.start):
        # Of what comes round again, the one before: "from November to February", "between monday and wednesday".
        earlier = await _read(left, last.start - timedelta(microseconds=1), names)
        moved = earlier and earlier.start and before(earlier.start, first.start)
        first = earlier if moved and not re.search(r"\b(?:ago|yesterday|today|last|this)\b|\d{4}", left) else first
    if first is None or first.start is None:
        return None
    if either_order and before(last.start, first.start):
        first, last = last, first
    clock = _lasts(last) == timedelta(hours=1)  # "to 5pm" ends at five
    end = last.start if clock else last.end
    until = f"until {last.start:%Y-%m-%d %H:%M}" if clock else f"through {last.how}"
    return Span(first.since or first.start, end, f"from {_beginning(first)} {until}")


def _beginning(span: Span) -> str:
    """Of a clock time, which is its hour, only where that begins."""
    return span.how.removesuffix(HOUR)


def _lasts(span: Span) -> timedelta:
    assert span.start is not None and span.end is not None
    return span.end.astimezone(UTC) - span.start.astimezone(UTC)


def _sharing(left: str, right: str) -> tuple[str, str]:
    """ "3" and "10 October": a lone number takes the month of the other."""
    number = r"\d{1,2}(?:st|nd|rd|th)?"
    left, right = left.removeprefix("the "), right.removeprefix("the ").replace(" of ", " ")
    day = re.sub(r"(?<=\d)(?:st|nd|rd|th)$", "", left)
    if re.fullmatch(number, left) and (month := re.search(rf"\b(?:{MONTH})\b(?: \d{{4}})?", right)):
        return f"{day} {month[0]}", right
    if re.fullmatch(rf"{number}(?:,? \d{{4}})?", right) and (month := re.match(rf"(?:{MONTH})\b", left)):
        return left, f"{month[0]} {right}"
    return left, right


# a part of a day, a part of a month


async def _partly(text: str, now: datetime, names: _Names) -> Span | None:
    if match := re.fullmatch(rf"(.+?)(?: in the| at)? ({'|'.join(PARTS)})|({'|'.join(PARTS)}) of (.+)", text):
        day, part = match[1] or match[4], match[2] or match[3]
        span = await _read({"this": "today", "last": "yesterday"}.get(day, day), now, names)
        if span and span.start and span.end and _is_day(span):
            return part_of(span.start.date(), part, now.tzinfo)
    if match := re.fullmatch(r"(?:the )?(week|weekend) (?:of|from|beginning|starting) (.+)", text):
        span = await _read(match[2], now, names)
        return AROUND[match[1]](span.start.date(), now.tzinfo) if span and span.start else None
    if match := re.fullmatch(rf"(?:the )?({'|'.join(ORDINALS)}) (week|day|{DAY}) (?:of|in) (.+)", text):
        span = await _read(match[3], now, names)
        return _counted(match[1], match[2], span, now) if span and span.start and span.end else None
    if match := re.fullmatch(rf"(?:the )?({'|'.join(_THIRDS)})(?: of |[ -])(.+)", text):
        span = await _read(match[2], now, names)
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
        number = weekday_number(unit)
        first += timedelta((number - first.weekday()) % 7)
    start = first + timedelta(step * (ORDINALS[which] - 1))
    if which == "last":
        last = after - timedelta(length)
        start = last - timedelta((last - first).days % step if unit not in ("week", "day") else 0)
    if start + timedelta(length) > after:
        return None
    return days(start, start + timedelta(length), now.tzinfo, f"{which} {unit} of {span.how}")


def _is_day(span: Span) -> bool:
    assert span.start is not None and span.end is not None
    return span.end.date() - span.start.date() == timedelta(1) and span.start.hour < 4
