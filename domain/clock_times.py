"""Times of day in words: "at 3pm", "half past nine", "in the evening", and what is left of a text without them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from session_mgmt_mcp.domain.periods import MONTH

HOURS: Mapping[str, int] = {
    "morning": 9,
    "noon": 12,
    "lunchtime": 12,
    "afternoon": 14,
    "evening": 18,
    "night": 20,
}
"""When a part of a day is, where no clock time is named."""
MORNING = HOURS["morning"]
WORK_ENDS = 17
ENDS: Mapping[str, int] = {"morning": 12, "noon": 14, "lunchtime": 14, "afternoon": 18, "evening": 24, "night": 29}

_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_HOUR = rf"(?P<hour>\d\d?|{_WORDS})"
_AT = r"(?:\b(?:exactly |right )?(?:at|by|around|about|not later than) |@ ?)"
_PATTERNS = [
    re.compile(pattern)
    for pattern in (
        rf"(?:{_AT})?\b(?P<name>noon|midday|midnight)\b",
        rf"(?:{_AT})?\b(?P<before>half|(?:a )?quarter|\d\d?(?= minutes?)|5|10|20|25|five|ten)(?: minutes?)? (?P<side>past|to|after|before) "
        rf"{_HOUR}(?: ?(?P<half>[ap])m)?\b(?: ?o'?clock)?",
        rf"(?:{_AT})?(?<![\d:.T-])\b{_HOUR}[:h](?P<minute>\d\d)(?: ?(?P<half>[ap])m)?\b(?![:\d])(?: ?o'?clock| ?h\b)?",
        rf"(?:{_AT})?(?<![\d:.-])\b{_HOUR}(?:\.(?P<minute>\d\d))? ?(?P<half>[ap])m\b",
        rf"(?:{_AT})?\b{_HOUR} ?o'?clock\b",
        rf"{_AT}{_HOUR}(?:\.(?P<minute>\d\d)| ?h)?\b(?![.:/-]| ?(?:st|nd|rd|th|{MONTH}|second|minute|hour|day|week|month|year))",
    )
]
_LIST = re.compile(r"\bat \d\d?(?:, ?\d\d?)*,? and \d\d?\b(?![:.]| ?[ap]m)")
_PART = re.compile(rf"\b(?:(?:in|during|at) )?(?:the )?\b({'|'.join(HOURS)})\b")


@dataclass(frozen=True, slots=True)
class ClockTime:
    """`hour` 24 is the midnight that ends a day. `either`: the other half of the day would do as well."""

    hour: int
    minute: int = 0
    either: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    """What is left of a text without its times of day: `rest`, and those times; `part` as "evening"."""

    rest: str
    clocks: tuple[ClockTime, ...]
    part: str


def without_clock(text: str) -> Day | None:
    """Takes the times of day out of a plain text; None when one is no time of day, as 25:00.

    >>> without_clock("every weekday at 9")
    Day(rest='every weekday', clocks=(ClockTime(hour=9, minute=0, either=True),), part='')
    """
    text = re.sub(
        r"\btonight\b", "today night", re.sub(r"\bthis (?=morning|noon|lunch|afternoon|evening|night)", "today ", text)
    )
    text = _LIST.sub(lambda match: " ".join(f"at {hour}" for hour in re.findall(r"\d+", match[0])), text)
    found: list[re.Match[str]] = []
    while match := next((match for pattern in _PATTERNS if (match := pattern.search(text))), None):
        found.append(match)
        text = f"{text[: match.start()]}\0{text[match.end() :]}"
    part = ""
    if match := _PART.search(text):
        part = match[1]
        text = f"{text[: match.start()]} {text[match.end() :]}"
    found.sort(key=lambda match: match.start())
    clocks = [_clock(match, part) for match in found]
    if None in clocks:
        return None
    rest = re.sub(r"\0(?:(?:,| and|, and) ?\0)*", " ", text)
    rest = re.sub(r"^(?:and|at|on|,)\b|[ ,]+(?:and|at|on)?$", "", " ".join(rest.split())).strip(" ,")
    return Day(rest, tuple(clock for clock in clocks if clock), part)


def _clock(match: re.Match[str], part: str) -> ClockTime | None:
    groups = match.groupdict()
    if name := groups.get("name"):
        return ClockTime(24 if name == "midnight" else 12)
    words = _WORDS.split("|")
    hour = words.index(match["hour"]) + 1 if match["hour"] in words else int(match["hour"])
    minute = int(groups.get("minute") or 0)
    either = not groups.get("minute") and hour <= 12
    if before := groups.get("before"):
        offset = {"half": 30, "five": 5, "ten": 10}.get(before) or (15 if "quarter" in before else int(before))
        minutes = hour * 60 + (-offset if groups["side"] in ("to", "before") else offset)
        hour, minute, either = *divmod(minutes, 60), hour <= 12
    if half := groups.get("half"):
        if not 1 <= hour <= 12:
            return None
        return _checked(hour % 12 + (12 if half == "p" else 0), minute)
    if part and either:
        return _checked(_in_part(hour, part), minute)
    # A bare "at 3" is in the afternoon; "3:00" and "at 03" are written as a day of 24 hours is.
    if either and 1 <= hour <= 6 and not match["hour"].startswith("0"):
        return _checked(hour + 12, minute)
    return _checked(hour, minute, either and not match["hour"].startswith("0"))


def _in_part(hour: int, part: str) -> int:
    match part:
        case "morning":
            return hour % 12
        case "night" if hour <= 5:
            return hour  # two at night
        case "noon" | "lunchtime":
            return hour if hour >= 10 else hour + 12
        case _:
            return 24 if hour == 12 and part != "afternoon" else hour % 12 + 12


def _checked(hour: int, minute: int, either: bool = False) -> ClockTime | None:
    return (
        ClockTime(hour, minute, either) if (0 <= hour < 24 and 0 <= minute < 60) or (hour, minute) == (24, 0) else None
    )
