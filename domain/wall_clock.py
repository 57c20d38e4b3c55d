"""Times on the wall of a time zone, where some do not exist and others come twice."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo


@dataclass(frozen=True, slots=True)
class Settled:
    """The moment (UTC) that a wall-clock time means; `note` says it where that was not plain."""

    at: datetime
    note: str = ""


def settled(wall: datetime, zone: tzinfo) -> Settled:
    """As RFC 5545 (3.3.5) has it: a skipped time counts on from before the gap, of two equal ones the first is meant.

    >>> settled(datetime(2026, 3, 29, 2, 30), ZoneInfo("Europe/Berlin")).note
    '02:30 does not exist on 2026-03-29, when the clocks go forward: 03:30 is meant.'
    """
    at = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    shown = at.astimezone(zone).replace(tzinfo=None)
    if shown != wall:
        meant = f"{shown:%H:%M}" if shown.date() == wall.date() else f"{shown:%Y-%m-%d %H:%M}"
        note = f"{wall:%H:%M} does not exist on {wall:%Y-%m-%d}, when the clocks go forward: {meant} is meant."
        return Settled(at, note)
    if wall.replace(tzinfo=zone, fold=1).astimezone(UTC) != at:
        return Settled(at, f"{wall:%H:%M} comes twice on {wall:%Y-%m-%d}: the first is meant.")
    return Settled(at)


def on_the_wall(at: datetime, zone: tzinfo) -> datetime:
    """What the clock shows at `at` (aware), without its zone."""
    return at.astimezone(zone).replace(tzinfo=None)
