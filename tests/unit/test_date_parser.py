import pytest
from session_mgmt_mcp.adapters.dateparser.parser import DateparserDateParser
from session_mgmt_mcp.contracts.date_parser import NOW, DateParserContract
from session_mgmt_mcp.ports.date_parser import Precision


class TestDateparser(DateParserContract):
    @pytest.fixture
    def parser(self):
        return DateparserDateParser()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tomorrow at 3pm", "2026-06-18 15:00"),
        ("friday at noon", "2026-06-19 12:00"),
        ("in 90 minutes", "2026-06-17 17:00"),
    ],
)
async def test_what_lies_ahead_is_read_for_those_who_plan(text, expected):
    found = await DateparserDateParser().parse(text, NOW, "future")
    assert found is not None and found.precision is Precision.TIME and f"{found.at:%Y-%m-%d %H:%M}" == expected
