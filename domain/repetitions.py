"""What happens again and again, in words: "every other friday", "weekdays", "the last day of each month".

The rules are those of RFC 5545; the words that come with them say what was understood.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from session_mgmt_mcp.domain.periods import (
    DAY,
    DAYS,
    FEASTS,
    MONTH,
    MONTHS,
    NUMBER,
    ORDINALS,
    UNIT,
    UNITS,
    value_of,
    weekday_number,
)
from session_mgmt_mcp.domain.text import counted

CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
WORKDAYS = ",".join(CODES[:5])
_WORKDAY = r"weekdays?|work(?:ing)? ?days?|business days?"
_ORDINAL = "|".join(ORDINALS)
_STEP = rf"(?:(other|second|2nd|third|3rd|fourth|4th|{NUMBER}) )?"
_AND = r"(?:, and |, ?| and | & ?|/)"
_A_DAY = rf"(?:(?:{DAY})s?|{_WORKDAY}|weekends?)"
_DAY_LIST = rf"{_A_DAY}(?:{_AND}{_A_DAY})*"
_DATE = r"\d\d?(?:st|nd|rd|th)?"
_DATE_LIST = rf"{_DATE}(?:{_AND}{_DATE})*"
_WEEKDAY_RANGE = re.compile(
    rf"\b(?:(?:every|each) (?:day,? )?)?(?:from )?\b({DAY})s?(?: ?- ?| to | through | thru )({DAY})s?\b"
)
_ADVERBS = {
    "daily": "every day",
    "nightly": "every day",
    "hourly": "every hour",
    "weekly": "every week",
    "biweekly": "every 2 weeks",
    "bi-weekly": "every 2 weeks",
    "fortnightly": "every 2 weeks",
    "monthly": "every month",
    "quarterly": "every 3 months",
    "yearly": "every year",
    "annually": "every year",
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rule without its clock time: `parts` as BYDAY and BYMONTHDAY. `words` say it.

    Not `named`: nobody said which day, so that counting begins today.
    """

    freq: str
    interval: int
    parts: tuple[tuple[str, str], ...]
    words: str
    named: bool = True

    @property
    def on_the_time_line(self) -> bool:
        """Hours and minutes pass; days are counted by the calendar."""
        return self.freq in ("HOURLY", "MINUTELY")

    def rule(self, *more: tuple[str, str], interval: int | None = None) -> str:
        step = self.interval if interval is None else interval
        steps = [("INTERVAL", str(step))] if step != 1 else []
        return ";".join(f"{name}={value}" for name, value in [("FREQ", self.freq), *steps, *self.parts, *more])


_Rule: TypeAlias = Callable[[re.Match[str]], Pattern | None]
_RULES: list[tuple[re.Pattern[str], _Rule]] = []


def pattern_of(text: str, today: date) -> Pattern | None:
    """What a plain text without a clock time repeats by; None for what is said to happen once.

    Raises ValueError for a step that no rule has, as every 1.5 days.
    """
    spelled = _spelled(text)
    for pattern, rule in _RULES:
        if (match := pattern.fullmatch(spelled)) and (found := rule(match)):
            return found
    if match := re.fullmatch(rf"every {_STEP}(day|week|month|year|quarter)s?", spelled):
        return replace(_by_today(_step(match[1]), match[2], today), named=False)
    return None


def weekdays_listed(text: str) -> str:
    """ "monday to friday" as "every monday, tuesday, wednesday, thursday, friday"."""

    def listed(match: re.Match[str]) -> str:
        first, last = weekday_number(match[1]), weekday_number(match[2])
        return "every " + ", ".join(DAYS[(first + step) % 7] for step in range((last - first) % 7 + 1))

    return _WEEKDAY_RANGE.sub(listed, text)


def once_of(text: str) -> Pattern | None:
    """The rule whose next occurrence is meant by "the last day of the month", "the first monday of december"."""
    if match := re.fullmatch(
        rf"(?:on )?(?:the )?({_ORDINAL}) (day|{DAY}|{_WORKDAY}) (?:of|in) (?:the|this) month", text
    ):
        return _nth(match[1], match[2])
    if match := re.fullmatch(rf"(?:on )?(?:the )?({_ORDINAL}) (day|{DAY}|{_WORKDAY}) (?:of|in) ({MONTH})", text):
        return _in_month(_nth(match[1], match[2]), match[3])
    if match := re.fullmatch(r"(?:on )?(?:the )?(\d\d?)(?:st|nd|rd|th)(?: of (?:the|this) month)?", text):
        return Pattern("MONTHLY", 1, (("BYMONTHDAY", match[1]),), "")
    if match := re.fullmatch(rf"(?:on )?({DAY}),? (?:the )?(\d\d?)(?:st|nd|rd|th)", text):
        day = (("BYDAY", CODES[weekday_number(match[1])]), ("BYMONTHDAY", match[2]))
        return Pattern("MONTHLY", 1, day, "")
    if match := re.fullmatch(rf"(?:on |at )?({'|'.join(FEASTS)})", text):
        return _yearly(*FEASTS[match[1]])
    return None


def _spelled(text: str) -> str:
    """Every way to say it as "every …"."""
    text = re.sub(r"^on (?=every|each|the|weekday|weekend)", "", text)
    if (word := text.split(" ", 1)[0]) in _ADVERBS:
        text = _ADVERBS[word] + text[len(word) :]
    text = re.sub(r"\b(?:once )?(?:each|every single|every)\b", "every", text)
    text = re.sub(r"^once (?:a|an|per) ", "every ", text)
    text = re.sub(r"\b(first|last) of (every|the|a)\b", r"\1 day of \2", text)
    if text == "every":  # "every morning", without its part of the day
        return "every day"
    if re.fullmatch(rf"{_WORKDAY}|weekends", text) and text != "weekday":
        return f"every {text}"
    if re.fullmatch(rf"(?:on )?(?:{DAY})s(?:{_AND}(?:{DAY})s)*|(?:on )?(?:{DAY})(?:{_AND}(?:{DAY}))+", text):
        return f"every {text.removeprefix('on ')}"
    return text


def _rule(pattern: str) -> Callable[[_Rule], _Rule]:
    def add(rule: _Rule) -> _Rule:
        _RULES.append((re.compile(pattern), rule))
        return rule

    return add


@_rule(rf"every (?:({NUMBER}) ?)?(h|hr|hour|m|min|minute)s?")
def _time_line(match: re.Match[str]) -> Pattern:
    minutes = value_of(match[1] or "1") * (60 if match[2].startswith("h") else 1)
    if minutes != int(minutes) or minutes < 1:
        raise ValueError("a reminder repeats by whole minutes")
    if minutes % 60 == 0:
        hours = int(minutes) // 60
        return Pattern("HOURLY", hours, (), f"every {counted(hours, 'hour')}" if hours > 1 else "every hour")
    return Pattern(
        "MINUTELY", int(minutes), (), f"every {counted(int(minutes), 'minute')}" if minutes > 1 else "every minute"
    )


@_rule(rf"every {_STEP}({_DAY_LIST})")
@_rule(rf"every {_STEP}(?:weeks?|fortnight) on ({_DAY_LIST})")
def _weekly(match: re.Match[str]) -> Pattern:
    interval = _step(match[1]) * (2 if "fortnight" in match[0] else 1)
    names = re.split(_AND, match[2])
    numbers = sorted({number for name in names for number in _numbers(name)})
    if numbers == [5, 6]:
        numbers = [5] if names == ["weekend"] else numbers  # a weekend is reminded of once
    codes = ",".join(CODES[number] for number in numbers)
    listed = "weekday" if codes == WORKDAYS else _listed([DAYS[number].title() for number in numbers])
    words = (
        f"every {listed}"
        if interval == 1
        else f"every {interval} weeks on {listed}{'s' if listed == 'weekday' else ''}"
    )
    return Pattern("WEEKLY", interval, (("BYDAY", codes),), words)


@_rule(rf"(?:every )?(?:the )?({_ORDINAL})() (day|{DAY}|{_WORKDAY}) (?:of|in) every month")
@_rule(rf"every (?:the )?({_ORDINAL})() (day|{DAY}|{_WORKDAY}) (?:of|in) (?:the|a) month")
@_rule(rf"(?:every )?(?:the )?({_ORDINAL})(?: (other|second|{NUMBER}))? (day|{DAY}|{_WORKDAY}) (?:of|in) every months?")
def _nth_of_month(match: re.Match[str]) -> Pattern:
    return _nth(match[1], match[3], _step(match[2]))


@_rule(rf"every last ({DAY}|{_WORKDAY})")
def _every_last(match: re.Match[str]) -> Pattern:
    return _nth("last", match[1])


@_rule(rf"every {_STEP}months? on (?:the )?({_ORDINAL}) (day|{DAY}|{_WORKDAY})")
def _month_on_nth(match: re.Match[str]) -> Pattern:
    return _nth(match[2], match[3], _step(match[1]))


@_rule(rf"every (?:the )?({_ORDINAL}) (day|{DAY}|{_WORKDAY}) (?:of|in) ({MONTH})")
@_rule(rf"every year on (?:the )?({_ORDINAL}) (day|{DAY}|{_WORKDAY}) (?:of|in) ({MONTH})")
def _nth_of_named_month(match: re.Match[str]) -> Pattern:
    return _in_month(_nth(match[1], match[2]), match[3])


@_rule(rf"every {_STEP}months? (?:on )?(?:the )?({_DATE_LIST})")
def _month_on_dates(match: re.Match[str]) -> Pattern:
    return _on_dates(_dates(match[2]), _step(match[1]))


@_rule(rf"(?:every )?(?:the )?({_DATE_LIST}) (?:day )?(?:of|in) every month")
@_rule(rf"every (?:the )?(\d\d?(?:st|nd|rd|th)(?:{_AND}{_DATE})*)(?: (?:day )?(?:of|in) (?:the|a) month)?")
def _dates_of_month(match: re.Match[str]) -> Pattern:
    return _on_dates(_dates(match[1]))


@_rule(rf"every (?:year (?:on |in )?)?(?:the )?({_DATE})? ?(?:of )?({MONTH})(?: (?:the )?({_DATE}))?")
def _date_of_year(match: re.Match[str]) -> Pattern | None:
    if match[1] and match[3]:
        return None
    return _yearly(_month(match[2]), _dates(match[1] or match[3] or "1")[0])


@_rule(rf"every (?:year (?:on |at )?)?({'|'.join(FEASTS)})")
def _feast_of_year(match: re.Match[str]) -> Pattern:
    return _yearly(*FEASTS[match[1]])


@_rule(rf"every {_STEP}(?:({UNIT}))s?")
def _other_units(match: re.Match[str]) -> Pattern | None:
    if UNITS[match[2]] == "second":
        raise ValueError("a reminder repeats by whole minutes")
    return None


def _by_today(interval: int, unit: str, today: date) -> Pattern:
    many = f"every {interval} " if interval > 1 else "every "
    match unit:
        case "day":
            return Pattern("DAILY", interval, (), f"{many}day{'s' * (interval > 1)}")
        case "week":
            name = DAYS[today.weekday()].title()
            words = f"every {name}" if interval == 1 else f"{many}weeks on {name}"
            return Pattern("WEEKLY", interval, (("BYDAY", CODES[today.weekday()]),), words)
        case "year":
            return _yearly(today.month, today.day, interval)
        case _:
            return _on_dates([today.day], interval * (3 if unit == "quarter" else 1))


def _nth(which: str, what: str, interval: int = 1) -> Pattern:
    number = -1 if which == "last" else ORDINALS[which]
    words = f"on the {which} {what} of every {f'{interval} months' if interval > 1 else 'month'}"
    if what == "day":
        return Pattern("MONTHLY", interval, (("BYMONTHDAY", str(number)),), words)
    if re.fullmatch(_WORKDAY, what):
        words = words.replace(what, "weekday", 1)
        return Pattern("MONTHLY", interval, (("BYDAY", WORKDAYS), ("BYSETPOS", str(number))), words)
    day = weekday_number(what)
    words = words.replace(f" {what} ", f" {DAYS[day].title()} ", 1)
    return Pattern("MONTHLY", interval, (("BYDAY", f"{number}{CODES[day]}"),), words)


def _in_month(pattern: Pattern, name: str) -> Pattern:
    month = _month(name)
    words = pattern.words.replace("every month", f"every {MONTHS[month - 1].title()}")
    return Pattern("YEARLY", 1, (("BYMONTH", str(month)), *pattern.parts), words)


def _on_dates(numbers: Sequence[int], interval: int = 1) -> Pattern:
    """A single date beyond the 28th is the last day of a month that is too short for it."""
    if not all(1 <= number <= 31 for number in numbers):
        raise ValueError("no month has such a day")
    of = f"of every {f'{interval} months' if interval > 1 else 'month'}"
    if len(numbers) == 1 and numbers[0] > 28:
        parts = (("BYMONTHDAY", ",".join(map(str, range(28, numbers[0] + 1)))), ("BYSETPOS", "-1"))
        return Pattern("MONTHLY", interval, parts, f"on the {_nth_word(numbers[0])} {of}, or its last day")
    listed = _listed([_nth_word(number) for number in sorted(set(numbers))])
    having = ", where it has one" if max(numbers) > 28 else ""
    dates = ",".join(map(str, sorted(set(numbers))))
    return Pattern("MONTHLY", interval, (("BYMONTHDAY", dates),), f"on the {listed} {of}{having}")


def _yearly(month: int, day: int, interval: int = 1) -> Pattern:
    date(2024, month, day)  # raises ValueError for what no year has
    every = f"every {f'{interval} years' if interval > 1 else 'year'} on {day} {MONTHS[month - 1].title()}"
    if (month, day) == (2, 29):
        parts = (("BYMONTH", "2"), ("BYMONTHDAY", "28,29"), ("BYSETPOS", "-1"))
        return Pattern("YEARLY", interval, parts, f"{every}, or the 28th")
    return Pattern("YEARLY", interval, (("BYMONTH", str(month)), ("BYMONTHDAY", str(day))), every)


def _step(word: str | None) -> int:
    if not word:
        return 1
    count = 2.0 if word == "other" else float(ORDINALS.get(word) or value_of(word))
    if count != int(count) or not 1 <= count <= 1_000:
        raise ValueError("a rule goes by whole steps")
    return int(count)


def _numbers(name: str) -> Sequence[int]:
    if re.fullmatch(_WORKDAY, name):
        return range(5)
    return (5, 6) if name.startswith("weekend") else (weekday_number(name),)


def _dates(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _month(name: str) -> int:
    return next(at for at, month in enumerate(MONTHS, 1) if month.startswith(name[:3]))


def _nth_word(number: int) -> str:
    ending = "th" if 11 <= number <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
