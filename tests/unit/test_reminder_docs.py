"""The page on reminders is true."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.dateparser.parser import DateparserDateParser
from session_mgmt_mcp.adapters.dateutil.recurrence import DateutilRecurrence
from session_mgmt_mcp.domain.clock_times import HOURS
from session_mgmt_mcp.domain.reminder import Method
from session_mgmt_mcp.domain.reminder_times import timing_of
from session_mgmt_mcp.reminding import HORIZON

from .test_reminder_times import BERLIN, NOW

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reminders.md").read_text()
SAID = re.findall(r"^\| ([^|`]+?) \| ([^|]+?) \|$", PAGE.partition("## How it reaches")[0], re.MULTILINE)[1:]


def test_the_page_has_a_table():
    assert len(SAID) > 20


@pytest.mark.parametrize(("text", "understood"), SAID)
async def test_what_the_page_says_can_be_said_is_understood_so(text, understood):
    found = await timing_of(text, NOW, BERLIN, DateparserDateParser(), DateutilRecurrence())
    assert found.how.removesuffix(" (Europe/Berlin)") == understood


def test_the_page_names_every_method_and_the_figures_of_the_code():
    assert {f"`{method}`" for method in Method} <= set(re.findall(r"`\w+`", PAGE))
    assert timedelta(hours=12) == HORIZON and "within 12 hours" in PAGE and HOURS["morning"] == 9
