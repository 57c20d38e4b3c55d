"""When something happens again, by the rules of RFC 5545."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol


class Recurrence(Protocol):
    """Reads recurrence rules, as "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR". All times are wall clocks without a zone.

    >>> recurrence.occurrences("FREQ=DAILY", datetime(2026, 3, 1, 9), datetime(2026, 3, 4, 12), 2)
    [datetime.datetime(2026, 3, 5, 9, 0), datetime.datetime(2026, 3, 6, 9, 0)]
    """

    def normal(self, rule: str) -> str:
        """The one way to write this rule: equal for equal rules, and normal already. Raises Invalid for what is no rule."""

    def occurrences(self, rule: str, start: datetime, after: datetime, most: int) -> Sequence[datetime]:
        """The first ones strictly after `after`, in order; fewer than `most` where the rule ends.

        `start` is the rule's DTSTART: it says what the rule leaves open (weekday, day, clock time), where counting
        begins (INTERVAL, COUNT), and is an occurrence only if the rule says so. Raises Invalid for what is no rule.
        """
