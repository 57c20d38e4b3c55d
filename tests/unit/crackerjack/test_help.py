"""Only what a help text offers is used."""

from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.crackerjack.help import options_in, version_in

from tests.unit.crackerjack import printed


def test_an_option_stands_at_the_beginning_of_a_line() -> None:
    options = options_in(printed.HELP)
    assert options >= {
        "--fast",
        "-f",
        "--comp",
        "--pr",
        "--new-pull-request",
        "--run-tests",
        "--smart-commit",
        "--help",
    }


def test_an_option_that_others_mention_is_none() -> None:
    assert not {"--ai-fix", "-t).", "--basic-comm"} & options_in(printed.HELP)
    assert "--ai-fix" in options_in(printed.HELP.replace("│ --dry-run", "│ --ai-fix "))


def test_help_without_frames_is_read_as_well() -> None:
    assert options_in("Options:\n  -n, --workers INTEGER  How many.\n  --coverage / --no-coverage\n") == {
        *("-n", "--workers", "--coverage", "--no-coverage"),
    }


@given(st.text())
def test_no_help_is_an_error(text: str) -> None:
    assert all(option.startswith("-") for option in options_in(text)) and version_in(text) in text
