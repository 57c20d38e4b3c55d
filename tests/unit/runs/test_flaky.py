"""Tests that fail and pass by turns."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.runs.flaky import flaky, unsteady
from session_mgmt_mcp.domain.runs.run import Tree
from session_mgmt_mcp.domain.runs.seen import record_of
from session_mgmt_mcp.ports.quality_runner import Command

from tests.unit.runs.samples import of_tests, run, tree

NO = {"t": "assert 1 == 2"}


def of(*runs):
    record = record_of(runs)
    return [one.test for one in flaky(record)], [one.test for one in unsteady(record)]


def test_the_same_tree_and_another_outcome_is_flaky():
    runs = [of_tests(0, NO, tree=tree(a="1")), of_tests(1, {}, "t", tree=tree(a="1"))]
    [found] = flaky(record_of(runs))
    assert (found.test, found.failed, found.passed, found.flips) == ("t", 1, 1, 1)
    assert (found.shown, found.last) == ([("r0", "r1")], runs[1].at)


def test_nothing_edited_and_another_outcome_is_flaky():
    assert of(of_tests(0, {}, "t"), of_tests(1, NO, edited=())) == (["t"], [])


def test_nothing_edited_over_several_runs_is_the_same_stretch():
    assert of(of_tests(0, {}, "t"), run(1, Command.LINT, edited=()), of_tests(2, NO, edited=())) == (["t"], [])
    assert of(of_tests(0, {}, "t"), run(1, Command.LINT, edited=("a.py",)), of_tests(2, NO, edited=())) == ([], [])


def test_nobody_can_tell_is_not_sure():
    assert of(of_tests(0, {}, "t"), of_tests(1, NO)) == ([], [])
    partial = Tree("c0ffee", {"a": "1"}, whole=False)
    assert of(of_tests(0, {}, "t", tree=partial), of_tests(1, NO, tree=partial)) == ([], [])


def test_another_head_or_another_file_is_not_the_same():
    assert of(of_tests(0, {}, "t", tree=tree(a="1")), of_tests(1, NO, tree=tree(a="2"))) == ([], [])
    assert of(of_tests(0, {}, "t", tree=Tree("one")), of_tests(1, NO, tree=Tree("two"))) == ([], [])


def test_a_run_that_changed_files_itself_saw_others():
    assert of(of_tests(0, {}, "t"), run(1, Command.FORMAT, edited=(), changed=("a.py",)), of_tests(2, NO, edited=())) == ([], [])  # fmt: skip
    same = {"tree": tree(a="1"), "changed": ("a.py",)}
    assert of(of_tests(0, {}, "t", **same), of_tests(1, NO, **same)) == ([], [])


def test_only_runs_that_follow_each_other_for_the_test_are_compared():
    between = of_tests(1, {}, ["other"], tree=tree(a="2"))
    first, last = of_tests(0, NO, tree=tree(a="1")), of_tests(2, {}, "t", tree=tree(a="1"))
    assert of(first, between, last) == (["t"], [])
    assert of(first, of_tests(1, NO, tree=tree(a="2")), last) == ([], [])


def test_three_flips_with_edits_are_unsteady_two_are_work():
    turns = [of_tests(n, NO if n % 2 else {}, "" if n % 2 else "t", edited=("a.py",)) for n in range(4)]
    assert of(*turns) == ([], ["t"])
    assert of(*turns[:3]) == ([], [])


def test_what_is_surely_flaky_is_not_called_unsteady():
    turns = [of_tests(n, NO if n % 2 else {}, "" if n % 2 else "t", edited=("a.py",)) for n in range(4)]
    assert of(*turns, of_tests(4, {}, "t", edited=())) == (["t"], [])


def test_the_most_flaky_comes_first():
    turns = [("tu", ""), ("u", "t"), ("tu", ""), ("t", "u")]
    runs = [of_tests(n, dict.fromkeys(bad, "no"), good, edited=()) for n, (bad, good) in enumerate(turns)]
    assert [(found.test, found.flips) for found in flaky(record_of(runs))] == [("t", 2), ("u", 1)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_a_test_is_flaky_exactly_when_two_runs_in_a_row_disagree_over_the_same_files(turns):
    runs = [of_tests(n, NO if bad else {}, "" if bad else "t", edited=() if same else ("a",)) for n, (bad, same) in enumerate(turns)]  # fmt: skip
    expected = any(a[0] != b[0] and b[1] for a, b in pairwise(turns))
    assert bool(flaky(record_of(runs))) == expected
