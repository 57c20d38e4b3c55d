"""Rules of RFC 5545: the contract, and the examples that people's reminders come from."""

import time
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.dateutil.recurrence import DateutilRecurrence
from session_mgmt_mcp.adapters.memory.recurrence import MemoryRecurrence
from session_mgmt_mcp.contracts.recurrence import RecurrenceContract
from session_mgmt_mcp.ports.errors import Invalid


class TestDateutil(RecurrenceContract):
    @pytest.fixture
    def recurrence(self):
        return DateutilRecurrence()


class TestMemory(RecurrenceContract):
    @pytest.fixture
    def recurrence(self):
        return MemoryRecurrence()


# Section 3.8.5.3 of RFC 5545: all of these start on Tuesday 2 September 1997 at 9, or on the day named.
EXAMPLES = {
    "FREQ=YEARLY;INTERVAL=2;BYMONTH=1;BYDAY=SU": ["1999-01-03", "1999-01-10", "1999-01-17"],
    "FREQ=WEEKLY;UNTIL=19971224T000000": ["1997-09-02", "1997-09-09", "1997-09-16"],
    "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH": ["1997-09-02", "1997-09-04", "1997-09-16"],
    "FREQ=MONTHLY;COUNT=10;BYDAY=1FR": ["1997-09-05", "1997-10-03", "1997-11-07"],
    "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU": ["1997-09-07", "1997-09-28", "1997-11-02"],
    "FREQ=MONTHLY;BYMONTHDAY=-3": ["1997-09-28", "1997-10-29", "1997-11-28"],
    "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1": ["1997-09-30", "1997-10-01", "1997-10-31"],
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13": ["1998-02-13", "1998-03-13", "1998-11-13"],
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2": ["1997-09-29", "1997-10-30", "1997-11-27"],
    "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8": ["1998-06-04", "1998-06-11", "1998-06-18"],
    "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8": ["2000-11-07", "2004-11-02", "2008-11-04"],
}


@pytest.mark.parametrize(("rule", "expected"), EXAMPLES.items())
def test_the_examples_of_the_standard_come_out_as_it_says(rule, expected):
    start = datetime(1996, 11, 5, 9) if "INTERVAL=4" in rule else datetime(1997, 9, 2, 9)
    found = DateutilRecurrence().occurrences(rule, start, datetime(1997, 1, 1), 3)
    assert [f"{at:%Y-%m-%d}" for at in found] == expected


@pytest.mark.parametrize("text", ["FREQ=DAILY\nRRULE:FREQ=WEEKLY", "FREQ=DAILY EXDATE:20260101T000000", "A" * 10_000])
def test_more_than_one_rule_is_none(text):
    with pytest.raises(Invalid):
        DateutilRecurrence().normal(text)


@given(
    st.sampled_from(["MINUTELY", "HOURLY", "DAILY"]),
    st.integers(1, 500),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 9)),
    st.booleans(),
)
def test_steps_that_are_skipped_are_the_steps_that_would_be_taken(freq, interval, after, ends):
    start, until = datetime(2026, 1, 2, 8, 30), ";UNTIL=20260107T120000" if ends else ""
    step = {"MINUTELY": timedelta(minutes=1), "HOURLY": timedelta(hours=1), "DAILY": timedelta(1)}[freq] * interval
    expected = [at for n in range(20_000 // interval) if (at := start + n * step) > after]
    expected = [at for at in expected if not ends or at <= datetime(2026, 1, 7, 12)][:3]
    found = DateutilRecurrence().occurrences(f"FREQ={freq};INTERVAL={interval}{until}", start, after, 3)
    assert found == expected


def test_a_rule_of_every_minute_is_quick_after_years():
    began = time.process_time()
    start, after = datetime(2020, 1, 1), datetime(2026, 1, 1, 0, 0, 30)
    [found] = DateutilRecurrence().occurrences("FREQ=MINUTELY", start, after, 1)
    assert found == datetime(2026, 1, 1, 0, 1) and time.process_time() - began < 1


def test_a_rule_that_never_comes_true_ends():
    rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
    assert not DateutilRecurrence().occurrences(rule, datetime(2026, 1, 1), datetime(2026, 1, 1), 1)
