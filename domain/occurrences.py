"""Occurrences of a rule in a time zone: the rule goes by the wall clock, and moments do not go back."""

from datetime import datetime, timedelta, tzinfo

from session_mgmt_mcp.domain.wall_clock import on_the_wall, settled
from session_mgmt_mcp.ports.recurrence import Recurrence

_LARGEST_GAP = timedelta(hours=25)  # a wall clock may have been put back or forward by so much


def next_occurrence(
    recurrence: Recurrence, rule: str, start: datetime, zone: tzinfo, after: datetime
) -> datetime | None:
    """The first occurrence on the wall of `zone` whose moment is strictly after `after` (aware); None: the rule has ended."""
    wall = on_the_wall(after, zone) - _LARGEST_GAP
    while found := recurrence.occurrences(rule, start, wall, 8):
        for occurrence in found:
            if settled(occurrence, zone).at > after:
                return occurrence
        wall = found[-1]
    return None
