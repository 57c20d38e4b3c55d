"""Scores over time: which way they go, what moved, what got worse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Literal, TypeAlias

from session_mgmt_mcp.domain.quality.scoring import Component, Score

Direction: TypeAlias = Literal["unknown", "first", "improving", "steady", "declining"]
Trigger: TypeAlias = Literal["start", "checkpoint", "end", "compact", "run"]

EARLIER = 5  # scores that the newest is compared with
STEADY = 2.0  # points up or down that say nothing
A_FALL = 5.0  # points of the total that alert
A_LOSS = 0.2  # share of a component's points that alerts


@dataclass(frozen=True, slots=True)
class Recorded:
    """A score as it was stored."""

    id: str
    project: str
    session: str
    trigger: str
    score: Score


@dataclass(frozen=True, slots=True)
class Move:
    """A component before and after; None: unknown then. `why` are the figures it follows from."""

    name: str
    before: float | None
    after: float | None
    of: float
    why: str

    @property
    def points(self) -> float:
        """Gained or lost; 0 when it was unknown before or is now."""
        return self.after - self.before if self.before is not None and self.after is not None else 0.0


@dataclass(frozen=True, slots=True)
class Trend:
    """The newest score against the one before it and up to five earlier ones.

    `change` is that of the totals; `alike` counts only components that are known in both, so that learning a new figure
    is no progress and losing one no decline.
    """

    direction: Direction
    total: int | None
    change: int | None = None
    alike: float | None = None
    since: datetime | None = None  # of the score before
    scores: int = 0
    moves: Sequence[Move] = ()


def trend_of(history: Sequence[Recorded]) -> Trend:
    """`history` oldest first; scores of nothing are passed over."""
    scores = [one.score for one in history if one.score.total is not None]
    if not scores:
        return Trend("unknown", None)
    *earlier, newest = scores
    if not earlier:
        return Trend("first", newest.total, scores=1)
    before = earlier[-1]
    assert newest.total is not None and before.total is not None
    lately = fmean(alike(old, newest) for old in earlier[-EARLIER:])
    direction: Direction = "improving" if lately > STEADY else "declining" if lately < -STEADY else "steady"
    change = newest.total - before.total
    return Trend(direction, newest.total, change, alike(before, newest), before.at, len(scores), moves(before, newest))


def alike(before: Score, after: Score) -> float:
    """How far the total went, counted over the components that are known in both."""
    pairs = [(old, new) for old, new in _pairs(before, after) if old.points is not None and new.points is not None]
    of = sum(new.of for _, new in pairs)
    return 100 * sum((new.points or 0) - (old.points or 0) for old, new in pairs) / of if of else 0.0


def moves(before: Score, after: Score) -> list[Move]:
    """What changed, the largest first; then what became known or unknown."""
    changed = [
        Move(new.name, old.points, new.points, new.of, _why(old, new))
        for old, new in _pairs(before, after)
        if _rounded(old.points) != _rounded(new.points)
    ]
    return sorted(changed, key=lambda move: (-abs(move.points), -move.of, move.name))


def regressions(history: Sequence[Recorded]) -> list[str]:
    """What is worse now than it was at its best in `history`, one sentence each, the worst first."""
    scores = [one.score for one in history if one.score.total is not None]
    if len(scores) < 2:
        return []
    *earlier, newest = scores
    found = _fallen(earlier, newest)
    for now in newest.components:
        best, at, then = max(_known(earlier, now.name), key=lambda one: one[:2], default=(0.0, newest.at, now))
        if now.points is not None and best - now.points >= max(1.0, A_LOSS * now.of) - 1e-9:
            said = f"{now.name} fell from {best:.3g} to {now.points:.3g} of {now.of:g} since {at:%Y-%m-%d}"
            found.append((best - now.points, f"{said}: {_why(then, now)}."))
    return [sentence for _, sentence in sorted(found, key=lambda one: -one[0])]


def _fallen(earlier: Sequence[Score], newest: Score) -> list[tuple[float, str]]:
    """The total, like for like, against the score from which it fell deepest."""
    falls = [(-alike(old, newest), old) for old in earlier]
    fall, old = max(falls, key=lambda one: one[0])
    if fall < A_FALL:
        return []
    said = f"The score fell by {fall:.0f} points since {old.at:%Y-%m-%d} in what was known then and is known now"
    band = f", from {old.band} to {newest.band}" if old.band != newest.band else ""
    return [(100.0, f"{said}{band}.")]


def _known(scores: Sequence[Score], name: str) -> list[tuple[float, datetime, Component]]:
    """What a component had whenever it was known."""
    return [
        (one.points, score.at, one)
        for score in scores
        for one in score.components
        if one.name == name and one.points is not None
    ]


def _pairs(before: Score, after: Score) -> list[tuple[Component, Component]]:
    known: Mapping[str, Component] = {one.name: one for one in before.components}
    return [(known[one.name], one) for one in after.components if one.name in known]


def _why(old: Component, new: Component) -> str:
    was = old.figure or "unknown"
    return f"{was} -> {new.figure or 'unknown'}"


def _rounded(points: float | None) -> float | None:
    return None if points is None else round(points, 1)
