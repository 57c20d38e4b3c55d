"""Recurrence on dateutil.rrule, whose rules are those of RFC 5545."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from session_mgmt_mcp.ports.errors import Invalid

if TYPE_CHECKING:
    from dateutil.rrule import rrule

LONGEST = 500
ZERO = re.compile(r"\b(?:INTERVAL|COUNT)=(?:-|\+?0*(?:;|$))", re.IGNORECASE)
"""The library would count on the spot for ever, or backwards."""
ANY = datetime(2000, 1, 1)
STEPS = {"MINUTELY": timedelta(minutes=1), "HOURLY": timedelta(hours=1), "DAILY": timedelta(1)}


class DateutilRecurrence:
    """Recurrence."""

    def normal(self, rule: str) -> str:
        return str(_read(rule, ANY)).partition("RRULE:")[2]

    def occurrences(self, rule: str, start: datetime, after: datetime, most: int) -> Sequence[datetime]:
        return list(_read(rule, _nearer(rule, start, after)).xafter(after, most))


def _nearer(rule: str, start: datetime, after: datetime) -> datetime:
    """The last occurrence up to `after` of a rule that only counts steps: the library would take them one by one."""
    parts = dict(part.partition("=")[::2] for part in rule.upper().split(";"))
    step = STEPS.get(parts.pop("FREQ", ""))
    interval = parts.pop("INTERVAL", "1")
    parts.pop("UNTIL", None)
    if step is None or parts or not re.fullmatch(r"[1-9]\d{0,5}", interval) or after <= start:
        return start
    return start + step * int(interval) * ((after - start) // (step * int(interval)))


def _read(rule: str, start: datetime) -> "rrule":
    from dateutil.rrule import rrule, rrulestr

    if len(rule) <= LONGEST and not {"\n", ":", " "} & set(rule):  # one rule, and nothing around it
        try:
            read = rrulestr(f"RRULE:{rule}", dtstart=start)
        except (ValueError, TypeError, KeyError, IndexError, OverflowError):
            read = None
        if isinstance(read, rrule) and not ZERO.search(rule):
            return read
    raise Invalid(f"{rule[:60]!r} is no recurrence rule of RFC 5545: give for example FREQ=WEEKLY;BYDAY=MO.")
