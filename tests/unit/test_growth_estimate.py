"""The calculation of how shared memories grow holds at what it was calculated from."""

import json

import pytest

from benchmarks.growth_estimate import AT_ONCE, MEASURED, ONE_AFTER_ANOTHER, dollars, search

POINTS = json.loads(MEASURED.read_text())


def test_at_a_measured_size_it_says_what_was_measured():
    for point in POINTS:
        one = search(point["memories"], POINTS)
        assert one.requests == pytest.approx(point["search"]["requests"])
        assert one.bytes == pytest.approx(point["search"]["kilobytes"] * 1e3)


def test_the_rounds_of_a_search_explain_what_the_delay_cost():
    for point in POINTS:
        found = point["search"]
        rounds = (found["far_ms"] - found["near_ms"]) / 20
        assert ONE_AFTER_ANOTHER + found["requests"] / AT_ONCE == pytest.approx(rounds, rel=0.15)


def test_beyond_them_it_goes_on_growing():
    seconds = [search(10**power, POINTS).seconds for power in range(4, 9)]
    assert seconds == sorted(seconds) and seconds[-1] > 60


def test_smaller_tables_cost_less():
    one, teams = (dollars(1_000, size, POINTS) for size in (100_000_000, 1_000_000))
    assert teams["searches"] < one["searches"] / 3
    assert teams["storage"] == one["storage"]
