"""Scores over time as a page to read."""

from collections.abc import Sequence

from session_mgmt_mcp.domain.quality.trend import Recorded, regressions, trend_of
from session_mgmt_mcp.domain.sharing import share
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.domain.tokens import tokens

_NONE = "No score of this project was kept yet: a checkpoint keeps one."


def page(project: str, scores: Sequence[Recorded], budget: int) -> str:
    """Markdown of at most `budget` tokens (see `tokens`), a title at least; `scores` oldest first, shown newest first."""
    scored = [one for one in scores if one.score.total is not None]
    head = f"# Quality of {project}\n\n{_trend(scored)}"
    parts = [
        ("What got worse", [f"- {sentence}" for sentence in regressions(scored)]),
        ("Scores, newest first", [_line(one) for one in reversed(scored)]),
    ]
    room = budget - tokens(head) - sum(tokens(f"\n## {title}\n") for title, _ in parts)
    shown = share([[tokens(line) + 1 for line in lines] for _, lines in parts], room)
    sections = [
        "\n".join([f"\n## {title}", *lines[:count]])
        for (title, lines), count in zip(parts, shown, strict=True)
        if count
    ]
    return "\n".join([head, *sections]) + "\n"


def _trend(scored: Sequence[Recorded]) -> str:
    if not scored:
        return _NONE
    trend = trend_of(scored)
    change = f", {trend.change:+d} since {trend.since:%Y-%m-%d}" if trend.change is not None and trend.since else ""
    moved = "; ".join(f"{move.name} {move.points:+.3g} ({move.why})" for move in trend.moves[:5] if move.points)
    return f"{trend.total} of 100{change}, {trend.direction}, {counted(trend.scores, 'score')}. {moved}".strip()


def _line(one: Recorded) -> str:
    unknown = ", ".join(component.name for component in one.score.unknown)
    known = f" (unknown: {unknown})" if unknown else ""
    return f"- {one.score.at:%Y-%m-%d %H:%M} {one.score.total}, {one.score.band}, {one.trigger}{known}"
