"""What every Recurrence does."""

from datetime import datetime

import pytest
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.recurrence import Recurrence

MONDAY = datetime(2026, 3, 2, 9)
WRONG = ("", "often", "FREQ=", "FREQ=OFTEN", "FREQ=DAILY;COLOUR=RED", "FREQ=DAILY;BYDAY=")
COUNTLESS = ("FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1", "FREQ=DAILY;COUNT=0", "COUNT=-2;FREQ=DAILY")


def days(found: object) -> list[str]:
    return [f"{at:%m-%d %H:%M}" for at in found]  # type: ignore[attr-defined]


class RecurrenceContract:
    """Subclass it and give a `recurrence` fixture."""

    def test_a_daily_rule_keeps_the_clock_time_of_its_start(self, recurrence: Recurrence) -> None:
        found = recurrence.occurrences("FREQ=DAILY", MONDAY, datetime(2026, 3, 28, 12), 2)
        assert days(found) == ["03-29 09:00", "03-30 09:00"]

    def test_an_occurrence_is_strictly_after(self, recurrence: Recurrence) -> None:
        assert days(recurrence.occurrences("FREQ=DAILY", MONDAY, MONDAY, 1)) == ["03-03 09:00"]

    def test_the_start_is_an_occurrence_when_the_rule_says_so(self, recurrence: Recurrence) -> None:
        before = datetime(2026, 1, 1)
        assert days(recurrence.occurrences("FREQ=DAILY", MONDAY, before, 1)) == ["03-02 09:00"]
        assert days(recurrence.occurrences("FREQ=WEEKLY;BYDAY=FR", MONDAY, before, 1)) == ["03-06 09:00"]

    def test_an_interval_counts_from_the_start(self, recurrence: Recurrence) -> None:
        found = recurrence.occurrences("FREQ=DAILY;INTERVAL=3", MONDAY, datetime(2026, 3, 9), 2)
        assert days(found) == ["03-11 09:00", "03-14 09:00"]
        found = recurrence.occurrences("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", MONDAY, datetime(2026, 3, 6, 9), 3)
        assert days(found) == ["03-16 09:00", "03-20 09:00", "03-30 09:00"]

    def test_hours_and_minutes_run_on_over_midnight(self, recurrence: Recurrence) -> None:
        late = datetime(2026, 3, 2, 23, 30)
        assert days(recurrence.occurrences("FREQ=MINUTELY;INTERVAL=45", MONDAY, late, 1)) == ["03-03 00:00"]
        assert days(recurrence.occurrences("FREQ=HOURLY", MONDAY, late, 1)) == ["03-03 00:00"]

    def test_a_rule_ends_by_its_count_and_by_its_last_day(self, recurrence: Recurrence) -> None:
        assert len(recurrence.occurrences("FREQ=DAILY;COUNT=3", MONDAY, datetime(2026, 1, 1), 9)) == 3
        assert not recurrence.occurrences("FREQ=DAILY;COUNT=3", MONDAY, datetime(2026, 3, 4, 9), 9)
        until = recurrence.occurrences("FREQ=DAILY;UNTIL=20260304T090000", MONDAY, MONDAY, 9)
        assert days(until) == ["03-03 09:00", "03-04 09:00"]

    def test_equal_rules_are_written_alike(self, recurrence: Recurrence) -> None:
        normal = recurrence.normal("FREQ=WEEKLY;BYDAY=FR;INTERVAL=2")
        assert recurrence.normal("INTERVAL=2;FREQ=WEEKLY;BYDAY=FR") == normal == recurrence.normal(normal)
        assert recurrence.normal("FREQ=DAILY;INTERVAL=1") == recurrence.normal("FREQ=DAILY")

    @pytest.mark.parametrize("rule", [*WRONG, *COUNTLESS])
    def test_what_is_no_rule_is_refused(self, recurrence: Recurrence, rule: str) -> None:
        with pytest.raises(Invalid, match="RFC 5545"):
            recurrence.normal(rule)
        with pytest.raises(Invalid, match="RFC 5545"):
            recurrence.occurrences(rule, MONDAY, MONDAY, 1)
