"""Which way scores go, what moved, what got worse."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.quality.scoring import Component, Part, Score, band_of
from session_mgmt_mcp.domain.quality.trend import Recorded, alike, moves, regressions, trend_of

from tests.unit.quality.samples import NOW


def recorded(day: float, **points: float | None) -> Recorded:
    """A score of components of ten points each."""
    parts = [Component(name, Part.CODE, 10, value, f"{name} is {value}") for name, value in points.items()]
    known = [value for value in points.values() if value is not None]
    total = round(10 * sum(known) / len(known)) if known else None
    band = None if total is None else band_of(total)
    return Recorded(f"{day}", "shop", "", "checkpoint", Score(total, band, parts, NOW + timedelta(days=day)))


def test_the_first_score_has_no_trend_and_none_is_unknown():
    assert trend_of([]).direction == trend_of([recorded(0)]).direction == "unknown"
    first = trend_of([recorded(0, lint=5)])
    assert (first.direction, first.total, first.change, first.moves) == ("first", 50, None, ())


def test_a_trend_compares_with_the_scores_before():
    rising = trend_of([recorded(0, lint=4), recorded(1, lint=5), recorded(2, lint=6)])
    assert (rising.direction, rising.total, rising.change, rising.scores) == ("improving", 60, 10, 3)
    assert rising.since == NOW + timedelta(days=1)
    assert trend_of([recorded(0, lint=6), recorded(1, lint=4)]).direction == "declining"
    assert trend_of([recorded(0, lint=6), recorded(1, lint=6.1)]).direction == "steady"


def test_only_the_last_five_before_count():
    old = [recorded(n, lint=9) for n in range(9)]
    assert trend_of([*old, *(recorded(10 + n, lint=3) for n in range(6))]).direction == "steady"


def test_learning_a_figure_is_no_progress_and_losing_one_no_decline():
    found = trend_of([recorded(0, lint=5, docs=None), recorded(1, lint=5, docs=10)])
    assert (found.change, found.alike, found.direction) == (25, 0, "steady")
    [move] = found.moves
    assert (move.name, move.before, move.after, move.points) == ("docs", None, 10, 0)
    assert move.why == "docs is None -> docs is 10"


def test_the_largest_move_comes_first():
    before, after = recorded(0, lint=5, docs=5, types=None, tests=2), recorded(1, lint=6, docs=1, types=3, tests=2)
    assert [(move.name, move.points) for move in moves(before.score, after.score)] == [
        ("docs", -4), ("lint", 1), ("types", 0)
    ]  # fmt: skip


def test_what_is_worse_than_at_its_best_alerts():
    alerts = regressions([recorded(0, lint=9, docs=5), recorded(1, lint=10, docs=5), recorded(2, lint=2, docs=5)])
    assert len(alerts) == 2
    assert "fell by 40 points since 2026-06-18" in alerts[0] and "from good to attention" in alerts[0]
    assert alerts[1].startswith("lint fell from 10 to 2 of 10 since 2026-06-18: lint is 10 -> lint is 2")


def test_a_small_loss_and_what_has_recovered_do_not_alert():
    assert regressions([recorded(0, lint=9), recorded(1, lint=8.6)]) == []
    assert regressions([recorded(0, lint=9), recorded(1, lint=2), recorded(2, lint=9)]) == []
    assert regressions([recorded(0, lint=9)]) == regressions([]) == []
    assert regressions([recorded(0, lint=9, docs=5), recorded(1, lint=None, docs=5)]) == []


values = st.dictionaries(st.sampled_from("abcde"), st.none() | st.floats(0, 10), max_size=5)


@given(values, values)
def test_likeness_is_bounded_and_turns_round(one, other):
    before, after = recorded(0, **one).score, recorded(1, **other).score
    assert -100 <= alike(before, after) <= 100
    assert abs(alike(before, after) + alike(after, before)) < 1e-9
    assert alike(before, before) == 0 and moves(before, before) == []


@given(st.lists(values, max_size=8))
def test_any_history_has_a_trend_and_no_alert_without_a_loss(history):
    found = [recorded(day, **points) for day, points in enumerate(history)]
    trend = trend_of(found)
    known = [one for one in found if one.score.total is not None]
    assert trend.scores == len(known) and (trend.total is None) == (not known)
    risen = [recorded(day, **dict.fromkeys(points, 10)) for day, points in enumerate(history)]
    assert regressions(risen) == []
