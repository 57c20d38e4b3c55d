"""What the tests of some runs tell together."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.runs.effectiveness import effects
from session_mgmt_mcp.domain.runs.patterns import patterns
from session_mgmt_mcp.domain.runs.series import series
from session_mgmt_mcp.domain.runs.trends import trends
from session_mgmt_mcp.ports.quality_runner import Command

from tests.unit.runs.samples import of_tests, run

seen = st.lists(st.tuples(st.sets(st.sampled_from("tuv")), st.sampled_from([None, (), ("a.py",)])), max_size=10)


def test_without_a_run_there_is_nothing():
    found = patterns([])
    assert (found.runs, found.clusters, found.flaky, found.mended, found.standing) == (0, [], [], [], [])


def test_a_story_is_told_as_it_was():
    no, odd = {"cart": "assert 4 == 3"}, {"odd": "TimeoutError: 3 s"}
    runs = [
        of_tests(0, no, ["odd", "ok"], edited=()),
        of_tests(1, no | odd, ["ok"], edited=()),
        run(2, Command.LINT, 1, edited=("shop.py",)),
        of_tests(3, no, ["odd", "ok"], edited=("cart.py",)),
        of_tests(4, {}, ["cart", "odd", "ok"], edited=("cart.py",)),
    ]
    found = patterns(runs)
    assert found.runs == 4
    assert [(one.pattern.name, one.count) for one in found.clusters] == [("AssertionError", 3), ("TimeoutError", 1)]
    assert [(one.test, one.shown) for one in found.flaky] == [("odd", [("r0", "r1")])]
    assert [(one.failure.tests, one.edited) for one in found.mended] == [(["cart"], ["cart.py"])]
    assert (found.unsteady, found.standing, found.dropped) == ([], [], [])


@settings(deadline=None)
@given(seen)
def test_each_failing_test_is_flaky_or_ends_or_stands(turns):
    everything = set("tuv")
    runs = [
        of_tests(n, dict.fromkeys(bad, "no"), everything - bad, edited=edited) for n, (bad, edited) in enumerate(turns)
    ]
    found = patterns(runs)
    ever = set().union(*(bad for bad, _ in turns))
    flaky = {one.test for one in found.flaky}
    mended = {test for one in found.mended for test in one.failure.tests}
    standing = {test for one in found.standing for test in one.failure.tests}
    assert flaky | mended | standing == ever and not flaky & (mended | standing)
    assert standing == (turns[-1][0] if turns else set()) - flaky
    assert sum(one.count for one in found.clusters) == sum(len(bad) for bad, _ in turns)


def test_many_runs_of_many_tests_are_read_in_a_moment():
    names = [f"tests/test_{n % 100}.py::test_{n}" for n in range(3_000)]
    runs = []
    for n in range(200):
        bad = {name: f"AssertionError: assert {n} == {at}" for at, name in enumerate(names[n : n + 20])}
        runs.append(of_tests(n, bad, [name for name in names if name not in bad], edited=("a.py",)))
    began = time.process_time()
    found = patterns(runs)
    told = trends(series(runs))
    effects(runs)
    assert time.process_time() - began < 6  # four times what it takes; the square of the tests would take minutes
    assert found.clusters[0].count == 4_000 and len(found.standing[0].failure.tests) > 0 and told
