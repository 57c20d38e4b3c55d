"""How full a conversation's context is, by what the model's last reply said of it."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from session_mgmt_mcp.ports.transcript_source import Outline

WINDOW = 200_000
LONG_WINDOW = 1_000_000
HIGH, CRITICAL = 0.7, 0.85  # of the window: docs/architecture/0024
_LONG = re.compile(r"\[1m\]|-1m\b", re.IGNORECASE)

Verdict: TypeAlias = Literal["unknown", "low", "high", "critical"]


@dataclass(frozen=True, slots=True)
class Pressure:
    """Tokens that the next request begins with, and their share of the model's window; None: no reply has said."""

    tokens: int | None
    window: int
    share: float | None
    verdict: Verdict
    model: str
    compactions: int
    why: str  # one sentence

    @property
    def due(self) -> bool:
        """Whether a compaction is."""
        return self.verdict in ("high", "critical")


def window_of(model: str, tokens: int = 0) -> int:
    """Of a model by its id; one that holds more than the usual window has the long one.

    >>> window_of("claude-opus-5-5"), window_of("claude-sonnet-4-5[1m]"), window_of("claude-opus-5-5", 250_000)
    (200000, 1000000, 1000000)
    """
    return LONG_WINDOW if _LONG.search(model) or tokens > WINDOW else WINDOW


def pressure(outline: Outline | None) -> Pressure:
    """Unknown without a reply, or when none came since the last compaction."""
    compactions = outline.compactions if outline else 0
    if outline is None or outline.usage is None:
        why = (
            "No reply has come since the last compaction" if compactions else "No reply of the model has been seen yet"
        )
        return Pressure(
            None, WINDOW, None, "unknown", "", compactions, f"{why}, so the use of the context is not known."
        )
    used = outline.usage
    window = window_of(used.model, used.tokens)
    share = used.tokens / window
    verdict: Verdict = "critical" if share >= CRITICAL else "high" if share >= HIGH else "low"
    why = f"{used.tokens:,} of {window:,} tokens ({share:.0%}) are in use: {_ADVICE[verdict]}"
    return Pressure(used.tokens, window, share, verdict, used.model, compactions, why)


_ADVICE: dict[Verdict, str] = {
    "low": "no compaction is due.",
    "high": "compact with /compact at the next natural break.",
    "critical": "compact with /compact now, before the client does it by itself.",
}
