"""How full a context is."""

from datetime import UTC, datetime

import pytest
from session_mgmt_mcp.domain.pressure import pressure
from session_mgmt_mcp.ports.transcript_source import Outline, Usage

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def outline(tokens: int | None, model: str = "claude-opus-5-5", compactions: int = 0) -> Outline:
    usage = None if tokens is None else Usage(model, tokens, NOW)
    return Outline("s", "/shop", "/shop", "", NOW, NOW, (), (), usage, compactions, ())


@pytest.mark.parametrize(
    ("tokens", "model", "window", "verdict", "due"),
    [
        (100_000, "claude-opus-5-5", 200_000, "low", False),
        (139_999, "claude-opus-5-5", 200_000, "low", False),
        (140_000, "claude-opus-5-5", 200_000, "high", True),
        (170_000, "claude-opus-5-5", 200_000, "critical", True),
        (170_000, "claude-sonnet-4-5-20250929[1m]", 1_000_000, "low", False),
        (700_000, "claude-sonnet-4-5-20250929[1M]", 1_000_000, "high", True),
        (210_000, "claude-opus-5-5", 1_000_000, "low", False),
    ],
)
def test_the_share_of_the_models_window_decides(tokens, model, window, verdict, due):
    found = pressure(outline(tokens, model))
    assert (found.tokens, found.window, found.share, found.verdict) == (tokens, window, tokens / window, verdict)
    assert found.due is due
    assert f"{tokens:,} of {window:,} tokens" in found.why


@pytest.mark.parametrize(
    ("outlined", "why"),
    [
        (None, "No reply of the model has been seen yet"),
        (outline(None), "No reply of the model has been seen yet"),
        (outline(None, compactions=1), "No reply has come since the last compaction"),
    ],
)
def test_what_no_reply_has_said_is_unknown(outlined, why):
    found = pressure(outlined)
    assert (found.tokens, found.share, found.verdict, found.due) == (None, None, "unknown", False)
    assert found.why == f"{why}, so the use of the context is not known."
