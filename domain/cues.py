"""What a question gives away about its answer: who said it, when, and of what sort it is."""

import re
from dataclasses import dataclass
from itertools import pairwise

from session_mgmt_mcp.domain.text import COMMON_WORDS, in_word

MONTHS = re.findall(r"\w+", "january february march april may june july august september october november december")
_MONTH = "|".join(MONTHS)
_WORD = re.compile(r"\w+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_DAY = re.compile(rf"\b([0-3]?\d)(?:st|nd|rd|th)?(?: of)?,? (?:{_MONTH})\b|\b(?:{_MONTH}) ([0-3]?\d)(?:st|nd|rd|th)?\b")
_ISO = re.compile(r"\b((?:19|20)\d\d)-([01]\d)(?:-([0-3]\d))?\b")
_MAY = re.compile(
    r"\b(?:in|of|on|since|until|before|after|during|last|this|early|late|mid|\d+(?:st|nd|rd|th)?) may\b|\bmay \d"
)
_WHEN = re.compile(
    r"\bwhen\b|\bhow long\b|\b(?:what|which) (?:date|year|month|day|time)\b|\bdeadline\b|\bhow many (?:days|weeks|months|years)\b"
)
_AMOUNT = re.compile(r"\bhow (?:many|much|often|old|long)\b|\baverage\b|\bpercentage\b|\bnumber of\b|\btotal\b")
_ASSISTANT = re.compile(
    r"\byou\b.*\b(?:recommend|suggest|advise|tell|told|said|say|explain|mention|give|gave|propose|provide|list|describe)"
    r"|\b(?:recommended|suggested|told|gave|advised) me\b|\byour (?:recommendation|suggestion|advice|answer|explanation)"
)
_OVERVIEW = re.compile(r"\bsummar|\boverview\b|\bwalk me through\b|\brecap\b")
_DATED = frozenset(
    _WORD.findall(
        """yesterday today tonight tomorrow ago recently just since weekend week weeks month months year years days
        monday tuesday wednesday thursday friday saturday sunday january february march april june july august september
        october november december jan feb mar apr jun jul aug sep sept oct nov dec last next"""
    )
)
_COUNTED = frozenset(
    _WORD.findall(
        "one two three four five six seven eight nine ten dozen few couple several many first second third once twice"
    )
)
_STANDING = ("always", "never", "prefer", "from now on", "make sure")
_I_STAND_BY = re.compile("i (?:like|want|love|hate|need|decided|chose) ")
_DIGITS = re.compile(r"\d")

_ENDING = re.compile(r"(?<=\w{3})(?:ing|ed|es|s)$")
_STEM = 6  # characters that tell words apart
_NAME = re.compile(r"(?<!\w)(?:\w+(?:[./\\]+\w+)+|\w+_\w+|\w*[a-z0-9][A-Z]\w*)")
_REST_AND_GAP = re.compile(r"\w*\W+")
_SHORT_AND_GAP = re.compile(r"\w{1,3}\W+")
_PAIRED = 16  # words of a question whose neighbours are looked for


@dataclass(frozen=True, slots=True)
class Cues:
    """Of one question."""

    words: frozenset[str] = frozenset()
    wants_time: bool = False  # "when", "how long"
    wants_amount: bool = False  # "how many"
    asks_assistant: bool = False  # "did you recommend"
    asks_overview: bool = False  # "summarise"
    stems: frozenset[str] = frozenset()  # beginnings of the words that carry the question, and the names in it, whole
    names: frozenset[str] = frozenset()  # of files and of code, lower case
    pairs: tuple[tuple[str, str], ...] = ()  # of them, neighbours in the question
    months: tuple[int, ...] = ()  # named in the question: a day without a month is none
    year: int | None = None
    day: int | None = None

    def coverage(self, *texts: str) -> float:
        """Share of the question's words that the texts have, 0..1."""
        if not self.stems:
            return 0.0
        lower = " ".join(texts).lower()
        return sum(map(lower.__contains__, self.stems)) / len(self.stems)

    def named_in(self, text: str) -> bool:
        """Whether the question names files or code, and the text has all of these names."""
        lower = text.lower()
        return bool(self.names) and all(name in lower for name in self.names)

    def phrase(self, text: str) -> float:
        """Share of the question's pairs of words that stand together in the text, at most a short word between, 0..1."""
        if not self.pairs:
            return 0.0
        lower = text.lower()
        return sum(other in lower and _together(one, other, lower) for one, other in self.pairs) / len(self.pairs)


def cues_of(query: str) -> Cues:
    """Reads the question.

    >>> cues_of("When did Ann move in June 2023?").months
    (6,)
    >>> sorted(cues_of("the tests of userCache.py").stems)
    ['test', 'userca', 'usercache.py']
    """
    text = query.lower()
    months, year, day = _named_time(text)
    stems = [
        _ENDING.sub("", word)[:_STEM] for word in _WORD.findall(text) if len(word) > 2 and word not in COMMON_WORDS
    ]
    names = frozenset(name.lower() for name in _NAME.findall(query))
    return Cues(
        words=frozenset(_WORD.findall(text)),
        wants_time=bool(_WHEN.search(text)),
        wants_amount=bool(_AMOUNT.search(text)),
        asks_assistant=bool(_ASSISTANT.search(text)),
        asks_overview=bool(_OVERVIEW.search(text)),
        stems=frozenset(stems) | names,
        names=names,
        pairs=tuple(dict.fromkeys(pairwise(stems[:_PAIRED]))),
        months=months,
        year=year,
        day=day,
    )


def _together(one: str, other: str, text: str) -> bool:
    """A word that begins with one, and then one that begins with the other: a pattern for each pair takes longer to make."""
    at = text.find(one)
    while at >= 0:
        if not in_word(text[at - 1 : at]) and (gap := _REST_AND_GAP.match(text, at + len(one))):
            end = gap.end()
            if text.startswith(other, end):
                return True
            short = _SHORT_AND_GAP.match(text, end)
            if short and text.startswith(other, short.end()):
                return True
        at = text.find(one, at + 1)
    return False


def asks(text: str) -> bool:
    return text.rstrip().endswith("?")


def is_dated(text: str) -> bool:
    """Has a date or a span of time."""
    return not _DATED.isdisjoint(_WORD.findall(text.lower())) or bool(_YEAR.search(text))


def is_counted(text: str) -> bool:
    """Has a number."""
    return bool(_DIGITS.search(text)) or not _COUNTED.isdisjoint(_WORD.findall(text.lower()))


def is_standing(text: str) -> bool:
    """Says what is preferred or always to be done."""
    lower = text.lower()
    return any(map(lower.__contains__, _STANDING)) or bool(_I_STAND_BY.search(lower))


def _named_time(text: str) -> tuple[tuple[int, ...], int | None, int | None]:
    if iso := _ISO.search(text):
        return (int(iso[2]),), int(iso[1]), int(iso[3]) if iso[3] else None
    words = set(_WORD.findall(text))
    months = tuple(
        number for number, month in enumerate(MONTHS, 1) if month in words and (month != "may" or _MAY.search(text))
    )
    year = _YEAR.search(text)
    day = _DAY.search(text) if months else None
    return months, int(year[0]) if year else None, int(day[1] or day[2]) if day else None
