"""A clock that stands until it is told to go."""

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Clock for tests.

    >>> clock = FixedClock()
    >>> clock.advance(days=1)
    >>> clock.now().isoformat()
    '2026-01-02T00:00:00+00:00'
    """

    def __init__(self, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Also backwards: real clocks do."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
