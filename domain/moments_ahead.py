"""A moment ahead in words: "tomorrow at 3pm", "in 20 minutes", "end of day".

What names no clock time means nine in the morning; a bare hour up to six is in the afternoon. What comes round again is the
next that is ahead.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from session_mgmt_mcp.domain.clock_times import without_clock
from session_mgmt_mcp.domain.days_ahead import AHEAD, Asked, after_lengths, candidates
from session_mgmt_mcp.domain.spans import shifted_month
from session_mgmt_mcp.domain.wall_clock import settled
from session_mgmt_mcp.ports.date_parser import Precision
from session_mgmt_mcp.ports.errors import Invalid

FURTHEST = timedelta(365.25 * 50)


@dataclass(frozen=True, slots=True)
class Once:
    """`at` is aware, in UTC. `how` says what was understood."""

    at: datetime
    how: str


async def once(text: str, asked: Asked) -> Once | None:
    """What a plain text means; None for what is no time. Raises Invalid for one that is past, and names the next one."""
    note = ""
    if (at := _exact(text, asked)) is None:
        day = without_clock(text)
        walls = None if day is None or len(day.clocks) > 1 else await candidates(day, asked)
        if walls is not None:
            found = [settled(wall, asked.zone) for wall in walls]
            ahead = [one for one in found if one.at > asked.now]
            if not ahead and found:
                raise _past(found[-1].at, asked)
            if ahead:
                at, note = ahead[0].at, ahead[0].note
    if at is None:
        moment = await asked.parser.parse(text, asked.now, "future")
        if moment is None or re.search(r"\b(?:before|after)\b", text) or moment.precision is not Precision.TIME:
            return None
        at = moment.at
    at = at.astimezone(UTC).replace(microsecond=0)
    if at <= asked.now:
        raise _past(at, asked)
    if at - asked.now > FURTHEST:
        raise Invalid(f"{asked.text[:60]!r} is {at:%Y-%m-%d}, more than 50 years ahead: name an earlier time.")
    return Once(at, f"{at.astimezone(asked.zone):%A %Y-%m-%d %H:%M} ({asked.zone}){also(note)}")


def also(note: str) -> str:
    """The note at the end of what was understood."""
    return f"; {note.rstrip('.')}" if note else ""


def _past(at: datetime, asked: Asked) -> Invalid:
    """Names the next possible time: the same hour today or tomorrow, of a date long past the same day of a year ahead."""
    local, now = at.astimezone(asked.zone), asked.now
    if now - at < timedelta(minutes=1):
        return Invalid(f"{asked.text[:60]!r} is no time ahead: the next possible time is in 1 minute.")
    day = now.date()
    if now - at > timedelta(7):
        day = shifted_month(local.date(), 12 * (now.year - local.year))
        day = day if day >= now.date() else shifted_month(day, 12)
    possible = settled(datetime.combine(day, local.time()), asked.zone).at
    if possible <= now:
        far = now - at > timedelta(7)
        later = shifted_month(day, 12) if far else day + timedelta(1)
        possible = settled(datetime.combine(later, local.time()), asked.zone).at
    return Invalid(
        f"{asked.text[:60]!r} is past ({local:%Y-%m-%d %H:%M}): the next possible time is "
        f"{possible.astimezone(asked.zone):%Y-%m-%d at %H:%M}."
    )


def _exact(text: str, asked: Asked) -> datetime | None:
    """A length from now on, or a moment in ISO 8601."""
    if match := AHEAD.fullmatch(text):
        return after_lengths(match[1] or match[2] or match[3], asked.now)
    if re.fullmatch(r"\d{4}-?\d\d-?\d\d[t ]\d\d:?\d\d\S*", text):
        at = datetime.fromisoformat(text.upper())
        return at if at.tzinfo else settled(at, asked.zone).at
    return None
