"""Trends of figures: robust, and silent where there is too little."""

import re
from datetime import timedelta
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.runs import mann_kendall as module
from session_mgmt_mcp.domain.runs.mann_kendall import EXACT, MOST, mann_kendall, theil_sen
from session_mgmt_mcp.domain.runs.series import Metric, Point, Series
from session_mgmt_mcp.domain.runs.trends import Direction, Trend, distinct, trend_of, trends

from tests.unit.runs.samples import START

whole = st.integers(-50, 50)
several = st.lists(whole, min_size=2, max_size=30)


def trend(values, metric: Metric = Metric.COVERAGE, hours: float = 24, again=()) -> Trend:
    points = [Point(START + timedelta(hours=hours * n), value, f"r{n}", n in again) for n, value in enumerate(values)]
    return trend_of(Series(metric, "pytools", points))


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=7))
def test_an_exact_p_is_what_counting_every_order_gives(values):
    found = mann_kendall(values)
    orders = np.array(list(permutations(values)))
    left, right = np.triu_indices(len(values), 1)
    scores = np.abs(np.sign(orders[:, right] - orders[:, left]).sum(axis=1))
    assert found.p == pytest.approx(np.mean(scores >= abs(found.s)))
    assert found.least == pytest.approx(np.mean(scores == scores.max()))


@settings(deadline=None)
@given(several, st.integers(-1_000, 1_000), st.integers(1, 100))
def test_shifting_and_stretching_change_no_significance_and_scale_the_slope(values, shift, scale):
    moved = [scale * value + shift for value in values]
    days = list(range(len(values)))
    assert mann_kendall(moved) == mann_kendall(values)
    assert theil_sen(days, moved) == pytest.approx(scale * theil_sen(days, values))


@settings(deadline=None)
@given(st.lists(whole, min_size=2, max_size=60))
def test_backwards_the_trend_is_the_other_way(values):
    there, back = mann_kendall(values), mann_kendall(values[::-1])
    days = list(range(len(values)))
    assert (back.s, back.p) == (-there.s, there.p) and 0 < there.least <= there.p <= 1
    assert theil_sen(days, values[::-1]) == pytest.approx(-theil_sen(days, values))


@pytest.mark.parametrize("kinds", [3, 10, 1_000])
def test_beyond_forty_values_p_is_nearly_that_of_counting(kinds, monkeypatch):
    random = np.random.default_rng(7)
    for drift in (0.0, 0.01, 0.02):
        values = [round(float(kinds * (noise + drift * n))) for n, noise in enumerate(random.random(60))]
        approximate = mann_kendall(values)
        monkeypatch.setattr(module, "EXACT", 60)
        assert approximate.p == pytest.approx(mann_kendall(values).p, abs=0.005)
        monkeypatch.undo()


def test_known_values():
    assert mann_kendall([1, 2, 3, 4]).p == pytest.approx(2 / 24)
    assert mann_kendall([5, 4, 3, 2, 1]).p == pytest.approx(2 / 120)
    assert mann_kendall([1, 1, 2, 2]).p == pytest.approx(2 / 6)
    rising = mann_kendall(range(EXACT + 1))
    assert rising.s == 820 and rising.p < 1e-10


def test_one_wild_value_does_not_move_the_slope():
    assert theil_sen(range(9), [0, 1, 2, 3, 900, 5, 6, 7, 8]) == 1
    assert theil_sen([3, 3, 3], [1, 2, 3]) is None
    assert theil_sen([*range(500), *(1_000 + n / 4 for n in range(MOST))], [*[9] * 500, *range(MOST)]) == 4


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_fewer_than_five_runs_tell_nothing_however_they_rise(count):
    found = trend(range(60, 60 + count))
    assert found.direction is Direction.UNKNOWN
    assert found.says == f"coverage: too few runs ({count}) to tell a trend; last {59 + count} %."
    assert found.per_day is None and found.per_run is None
    assert trend([80] * count).direction is Direction.UNKNOWN


@settings(deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=5, max_size=20, unique=True), st.sampled_from(list(Metric)))
def test_from_five_runs_on_what_only_rises_is_better_or_worse_by_its_metric(values, metric):
    up, down = trend(sorted(values), metric), trend(sorted(values, reverse=True), metric)
    better, worse = (up, down) if metric.better > 0 else (down, up)
    assert (better.direction, worse.direction) == (Direction.IMPROVING, Direction.DECLINING)
    assert re.search("rises? by ", up.says) and re.search("falls? by ", down.says)


@settings(deadline=None)
@given(st.integers(0, 100), st.integers(5, 60))
def test_what_never_changes_is_steady(value, count):
    found = trend([value] * count)
    assert (found.direction, found.per_day, found.p) == (Direction.STEADY, 0, 1)
    assert found.says == f"coverage stays at {value} % over {count} runs."


def test_what_goes_up_and_down_shows_no_trend():
    found = trend([80, 82, 79, 83, 78, 82, 80])
    assert found.direction is Direction.STEADY
    assert found.says == "coverage: no trend over 7 runs (p = 1.00), between 78 and 83 %, last 80."


def test_one_that_differs_among_equals_is_too_little_to_tell():
    found = trend([0, 0, 0, 0, 0, 0, 5], Metric.TYPES)
    assert found.direction is Direction.UNKNOWN and "too few of 7 runs differ to tell a trend" in found.says


def test_the_sentence_says_the_figures():
    found = trend([80 + 0.4 * n for n in range(14)])
    assert found.says == "coverage rises by 0.4 points a day over 14 runs (p < 0.001), from 80 to 85.2 %."
    assert (found.per_day, found.per_run) == (pytest.approx(0.4), pytest.approx(0.4))


def test_within_two_days_the_slope_is_told_by_run():
    found = trend([9, 7, 5, 3, 1], Metric.LINT, hours=0.5)
    assert found.says == "lint findings fall by 2 a run over 5 runs (p = 0.02), from 9 to 1."
    assert (found.per_day, found.per_run) == (None, -2)


def test_a_trend_of_mostly_level_values_has_no_slope_to_tell():
    found = trend([0] * 10 + [1] * 4, Metric.LINT)
    assert found.direction is Direction.DECLINING and found.per_day == 0
    assert found.says == "lint findings rise over 14 runs (p = 0.002), from 0 to 1."


def test_measuring_the_same_files_often_makes_no_trend():
    values = [80] * 6 + [85] * 6
    assert trend(values).direction is Direction.IMPROVING
    found = trend(values, again=[*range(1, 6), *range(7, 12)])
    assert (found.direction, found.runs) == (Direction.UNKNOWN, 2)


def test_of_points_over_the_same_files_the_last_counts():
    points = [Point(START, n, f"r{n}", again) for n, again in enumerate((False, True, True, False))]
    assert [point.value for point in distinct(points)] == [2, 3]


def test_seconds_name_their_command_and_a_series_without_points_has_no_trend():
    empty = Series(Metric.LINT, "pytools", ())
    points = [Point(START, 9.5, "r1")]
    [found] = trends([empty, Series(Metric.SECONDS, "test by pytools", points)])
    assert found.says == "seconds of test by pytools: too few runs (1) to tell a trend; last 9.5 s."
