"""One date or moment, as people write it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

Prefer: TypeAlias = Literal["past", "future"]


class Precision(StrEnum):
    """How exactly a moment was named: what is smaller was filled in."""

    YEAR = "year"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` lies in what was named: for a month any of its days, for a day any of its hours."""

    at: datetime  # aware, in the zone of the `now` that was given
    precision: Precision


class DateParser(Protocol):
    """Reads dates and clock times in English and ISO 8601. Spans of time are not its subject.

    >>> (await parser.parse("10 October", now)).precision
    <Precision.DAY: 'day'>
    """

    async def parse(self, text: str, now: datetime, prefer: Prefer = "past") -> Moment | None:
        """None for what is no date. What lacks a year or day is the nearest on the preferred side of `now` (aware)."""
