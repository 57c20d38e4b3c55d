"""DateParser on dateparser, offline: its languages come with it."""

import asyncio
import re
import threading
from datetime import UTC, datetime
from typing import Any

from session_mgmt_mcp.ports.date_parser import Moment, Precision, Prefer

LONGEST = 100
TELLING = re.compile(r"[a-z]{3}|\d{4}|\d[:/.]\d|\d ?[ap]m\b", re.IGNORECASE)
"""What a date has at least; the library reads a lone "5" as the month of May."""
NO_DATE = re.compile(r"[\d ]{6,}|\d+")
"""The library takes a number for a time stamp."""
MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|\bmonth|\d{4}", re.IGNORECASE)
"""Without any of these the library took a number for a month, as in "tuesday at 3"."""
DAY_FIRST = re.compile(r"\d\d?\.\d\d?\.\d{2,4}")
_lock = threading.Lock()  # the library caches its languages without one


class DateparserDateParser:
    """DateParser. The first question costs the import and the language, half a second, in a thread."""

    async def parse(self, text: str, now: datetime, prefer: Prefer = "past") -> Moment | None:
        if len(text) > LONGEST or not TELLING.search(text) or NO_DATE.fullmatch(text.strip()):
            return None
        found = await asyncio.to_thread(_read, text, now, prefer)
        precision = _precision(found.period)
        if found.date_obj is None or (precision is Precision.MONTH and not MONTH.search(text)):
            return None
        at: datetime = found.date_obj
        zone = now.tzinfo
        aware = at.replace(tzinfo=zone) if at.tzinfo is None else at
        try:
            return Moment(aware.astimezone(UTC).astimezone(zone), precision)
        except OverflowError:
            return None


def _read(text: str, now: datetime, prefer: Prefer) -> Any:
    from dateparser.date import DateDataParser

    settings: dict[str, Any] = {
        "PREFER_DATES_FROM": prefer,
        "RELATIVE_BASE": now.replace(tzinfo=None),
        "RETURN_TIME_AS_PERIOD": True,
    }
    if DAY_FIRST.search(text):  # nobody writes the month first with dots
        settings["DATE_ORDER"] = "DMY"
    with _lock:
        return DateDataParser(languages=["en"], settings=settings).get_date_data(text)


def _precision(period: str) -> Precision:
    return Precision(period) if period in set(Precision) else Precision.TIME
