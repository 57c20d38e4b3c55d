"""What is told of a failure, without a run of pytest."""

import pytest
from session_mgmt_mcp.adapters.pytest_reportlog.failures import LONGEST_MESSAGE, failure_of
from session_mgmt_mcp.domain.redaction import redact

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.mark.parametrize("inside", [1, 10, 30, 39])
def test_a_message_is_not_cut_within_a_token(inside: int) -> None:
    text = "words " * 1_000
    text = text[: LONGEST_MESSAGE - 1 - inside].rsplit(" ", 1)[0]
    text = text.ljust(LONGEST_MESSAGE - 2 - inside, ".") + " " + TOKEN + " and more" * 100
    message = failure_of({"longrepr": text}).message
    assert TOKEN[:5] not in redact(message).text and len(message) <= LONGEST_MESSAGE


def test_what_has_no_words_is_cut_where_it_must_be() -> None:
    assert len(failure_of({"longrepr": "x" * 50_000}).message) == LONGEST_MESSAGE
