"""Recurrence day by day and week by week: the shortest one that keeps the contract."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from session_mgmt_mcp.ports.errors import Invalid, Unsupported

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
KNOWN = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY")
STEPS = {"MINUTELY": timedelta(minutes=1), "HOURLY": timedelta(hours=1), "DAILY": timedelta(1), "WEEKLY": timedelta(1)}


class MemoryRecurrence:
    """Recurrence for tests: every so many minutes, hours, days or weeks, on days of the week."""

    def normal(self, rule: str) -> str:
        parts = _parts(rule)
        return ";".join(f"{name}={parts[name]}" for name in KNOWN if name in parts)

    def occurrences(self, rule: str, start: datetime, after: datetime, most: int) -> Sequence[datetime]:
        return list(islice((at for at in _all(_parts(rule), start) if at > after), most))


def _parts(rule: str) -> dict[str, str]:
    parts = dict(part.partition("=")[::2] for part in rule.split(";"))
    if "FREQ" not in parts or "" in parts.values():
        raise Invalid(f"{rule[:60]!r} is no recurrence rule of RFC 5545: give for example FREQ=WEEKLY;BYDAY=MO.")
    if not all(parts.get(name, "1").isdecimal() and int(parts.get(name, "1")) for name in ("INTERVAL", "COUNT")):
        raise Invalid(f"{rule[:60]!r} is no recurrence rule of RFC 5545: INTERVAL and COUNT are 1 or more.")
    if parts["FREQ"] not in STEPS or set(parts) - set(KNOWN):
        if parts["FREQ"] in ("MONTHLY", "YEARLY"):
            raise Unsupported(f"{rule[:60]!r} is beyond the recurrence for tests: dateutil's has all rules.")
        raise Invalid(f"{rule[:60]!r} is no recurrence rule of RFC 5545: give for example FREQ=WEEKLY;BYDAY=MO.")
    return {name: value for name, value in parts.items() if (name, value) != ("INTERVAL", "1")}


def _all(parts: dict[str, str], start: datetime) -> Iterator[datetime]:
    interval, count = int(parts.get("INTERVAL", "1")), int(parts.get("COUNT", "-1"))
    until = datetime.fromisoformat(parts["UNTIL"]) if "UNTIL" in parts else datetime.max
    weekly = parts["FREQ"] == "WEEKLY"
    days = parts["BYDAY"].split(",") if "BYDAY" in parts else [DAYS[start.weekday()]] if weekly else DAYS
    monday = start.date() - timedelta(start.weekday())
    step = STEPS[parts["FREQ"]] * (1 if weekly else interval)
    at = start
    while at <= until and count != 0:
        if DAYS[at.weekday()] in days and (not weekly or (at.date() - monday).days // 7 % interval == 0):
            count -= 1
            yield at
        if at > datetime.max - step:
            return
        at += step
