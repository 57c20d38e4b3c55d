"""ISO dates and days written out: the shortest DateParser that keeps the contract."""

import re
from datetime import UTC, datetime

from session_mgmt_mcp.ports.date_parser import Moment, Precision, Prefer

MONTHS = re.findall(r"\w+", "january february march april may june july august september october november december")
WRITTEN = re.compile(rf"(?:(\d\d?) )?({'|'.join(MONTHS)})(?: (\d{{4}}))?(?: at (\d\d?):(\d\d))?", re.IGNORECASE)
ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d))?")


class MemoryDateParser:
    """DateParser for tests: "2026-05-03 14:00", "3 May", "May 2026", "3 May 2026 at 14:00"."""

    async def parse(self, text: str, now: datetime, prefer: Prefer = "past") -> Moment | None:
        if iso := ISO.fullmatch(text.strip()):
            year, month, day, hour, minute = (int(part or 0) for part in iso.groups())
            return _moment(now, year, month, day, hour, minute, Precision.TIME if iso[4] else Precision.DAY)
        if not (written := WRITTEN.fullmatch(text.strip())):
            return None
        month, day = MONTHS.index(written[2].lower()) + 1, int(written[1] or 1)
        precision = Precision.TIME if written[4] else Precision.DAY if written[1] else Precision.MONTH
        hour, minute = int(written[4] or 0), int(written[5] or 0)
        if written[3]:
            return _moment(now, int(written[3]), month, day, hour, minute, precision)
        found = _moment(now, now.year, month, day, hour, minute, precision)
        if found and prefer == "past" and found.at > now:
            return _moment(now, now.year - 1, month, day, hour, minute, precision)
        if found and prefer == "future" and found.at < now:
            return _moment(now, now.year + 1, month, day, hour, minute, precision)
        return found


def _moment(
    now: datetime, year: int, month: int, day: int, hour: int, minute: int, precision: Precision
) -> Moment | None:
    try:
        at = datetime(year, month, day, hour, minute, tzinfo=now.tzinfo)
    except ValueError:
        return None
    return Moment(at.astimezone(UTC).astimezone(now.tzinfo), precision)
