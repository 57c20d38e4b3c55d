"""What every DateParser does."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from session_mgmt_mcp.ports.date_parser import DateParser, Precision

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 6, 17, 15, 30, tzinfo=BERLIN)


class DateParserContract:
    """Subclass it and give a `parser` fixture."""

    async def test_a_day_with_its_year_is_that_day(self, parser: DateParser) -> None:
        for text in ("2025-10-03", "3 October 2025"):
            found = await parser.parse(text, NOW)
            assert found is not None and found.precision is Precision.DAY
            assert found.at.date().isoformat() == "2025-10-03"

    async def test_a_month_is_known_as_a_month(self, parser: DateParser) -> None:
        found = await parser.parse("May 2025", NOW)
        assert found is not None and (found.at.year, found.at.month, found.precision) == (2025, 5, Precision.MONTH)

    async def test_what_lacks_a_year_lies_on_the_preferred_side(self, parser: DateParser) -> None:
        past, future = await parser.parse("3 October", NOW), await parser.parse("3 October", NOW, "future")
        assert past is not None and future is not None
        assert (past.at.year, future.at.year) == (2025, 2026)
        past, future = await parser.parse("3 May", NOW), await parser.parse("3 May", NOW, "future")
        assert past is not None and future is not None
        assert (past.at.year, future.at.year) == (2026, 2027)

    async def test_a_clock_time_is_a_moment_in_the_zone_of_now(self, parser: DateParser) -> None:
        for text in ("2026-01-03 14:00", "3 January 2026 at 14:00"):
            found = await parser.parse(text, NOW)
            assert found is not None and found.precision is Precision.TIME
            assert found.at == datetime(2026, 1, 3, 13, tzinfo=UTC)
            assert found.at.utcoffset() == timedelta(hours=1)

    async def test_an_hour_that_the_clocks_skip_is_the_one_after(self, parser: DateParser) -> None:
        found = await parser.parse("2026-03-29 02:30", NOW)
        assert found is not None and found.at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC) and found.at.hour == 3

    @pytest.mark.parametrize(
        "text", ["", " ", "hello", "the cache", "5", "at 5", "a", "17180000", "31 February", "\0", "é" * 5_000, "v1.2"]
    )
    async def test_what_is_no_date_is_none(self, parser: DateParser, text: str) -> None:
        assert await parser.parse(text, NOW) is None
