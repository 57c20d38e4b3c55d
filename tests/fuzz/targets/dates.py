"""Times in words: whatever somebody types, as a stretch of the past, as a time ahead, and as a rule that is stored."""

import asyncio
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from session_mgmt_mcp.adapters.dateparser.parser import DateparserDateParser
from session_mgmt_mcp.adapters.dateutil.recurrence import DateutilRecurrence
from session_mgmt_mcp.domain.intervals import interval_of
from session_mgmt_mcp.domain.openings import Opening
from session_mgmt_mcp.domain.reminder_times import Once, timing_of
from session_mgmt_mcp.domain.spans import Span
from session_mgmt_mcp.domain.times import _span
from session_mgmt_mcp.ports.errors import Invalid

from tests.fuzz.reading import Reader

T = TypeVar("T")
_WORDS = """
every on the last first day of month at 9 in 3 and until for , monday - 9:30 pm am hours from next a when i open session times
2nd tomorrow yesterday today week half past end other may 5 . .. between since before after ago quarter q2 2025 2026-02-30
2026-01-31 0001-01-01 9999-12-31 december feb 29 31st noon midnight to date christmas spring business days weekend year decade
fortnight 20 minutes 1000000 99999999999 1.5 twenty-five older than more t12:00 z +23:59 utc \u0663 \u00b2 \u2013 \u2019 's / :
early mid late remind me project shop starting twice except weekday o'clock 13:60 24:00
FREQ= YEARLY SECONDLY DAILY ; INTERVAL= COUNT= BYDAY= BYMONTH=2 BYMONTHDAY=30 BYHOUR= BYSETPOS= BYYEARDAY= BYWEEKNO= UNTIL= MO -1
"""
INGREDIENTS = (b" ", b"  ", b"\n", b"\x00", b"\xff", *(word.encode() for word in _WORDS.split()))
ZONES = tuple(ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"))
NOWS = (
    datetime(2026, 11, 18, 15, 30, tzinfo=UTC),
    datetime(2024, 2, 29, 0, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
)
SECONDS = 3.0  # of CPU for one text
_parser, _recurrence = DateparserDateParser(), DateutilRecurrence()
_loop = asyncio.new_event_loop()


async def _named(name: str, now: datetime) -> Span | None:
    return _span(await _parser.parse(name, now), now)


def _run(work: Coroutine[Any, Any, T]) -> T | None:
    try:
        return _loop.run_until_complete(work)
    except Invalid as error:
        assert str(error).splitlines() == [str(error)] and len(str(error)) < 1_000, "an error is one sentence"
        return None


def check(data: bytes) -> None:
    reader = Reader(data)
    zone, now, kind = reader.one_of(ZONES), reader.one_of(NOWS), reader.below(8)
    text = reader.rest().decode("utf-8", "surrogateescape")
    began = time.process_time()
    if kind == 7:
        _check_rule(text, now)
    elif kind % 2:
        _check_ahead(text, now, zone)
    else:
        _check_past(text, now.astimezone(zone))
    assert time.process_time() - began < SECONDS, "one text took seconds"


def _check_past(text: str, now: datetime) -> None:
    found = _run(interval_of(text, now, _named))
    if found is not None:
        assert found.how
        found.how.encode()
        assert found.start is None or found.start.astimezone(UTC) <= now
        if found.start and found.end:
            assert found.start.astimezone(UTC) < found.end.astimezone(UTC), "it ends before it begins"


def _check_ahead(text: str, now: datetime, zone: ZoneInfo) -> None:
    found = _run(timing_of(text, now, zone, _parser, _recurrence))
    if isinstance(found, Once):
        assert now < found.at <= now + timedelta(366 * 51)
    elif found is not None and not isinstance(found, Opening):
        assert found.rule == _recurrence.normal(found.rule), "a rule that is not the same when it is read again"
        assert list(_recurrence.occurrences(found.rule, found.start, found.first - timedelta(days=1), 3))


def _check_rule(text: str, now: datetime) -> None:
    """A rule out of a document that somebody else wrote."""
    try:
        rule = _recurrence.normal(text)
        found = _recurrence.occurrences(rule, now.replace(tzinfo=None), now.replace(tzinfo=None), 3)
    except Invalid as error:
        assert len(str(error)) < 1_000
        return
    assert list(found) == sorted(found)
