"""From a test's first failure to its end."""

from datetime import timedelta

from session_mgmt_mcp.domain.runs.episodes import dropped, mended, standing
from session_mgmt_mcp.domain.runs.seen import record_of
from session_mgmt_mcp.ports.quality_runner import Command, Options

from tests.unit.runs.samples import of_tests, run

NO = {"t": "KeyError: 'total'"}


def test_a_failure_that_went_away_names_what_was_edited_and_how_long_it_took():
    runs = [
        of_tests(0, {}, "t"),
        of_tests(1, NO, edited=("cart.py",)),
        of_tests(2, NO, edited=("price.py",), session="s2"),
        run(3, Command.LINT, edited=("cart.py",)),
        of_tests(4, {}, "t", edited=("total.py",), session="s3"),
    ]
    [found] = mended(record_of(runs))
    assert (found.failure.tests, found.failure.pattern.name, found.failure.failures) == (["t"], "KeyError", 2)
    assert (found.failure.first, found.failure.last, found.by) == ("r1", "r2", "r4")
    assert (found.edited, found.tried) == (["cart.py", "total.py"], ["price.py"])
    assert (found.took, found.at) == (timedelta(hours=3), runs[4].at)
    assert found.sessions == ["s1", "s2", "s3"] and found.failure.example == "KeyError: 'total'"


def test_what_a_run_changed_itself_counts_as_edited():
    runs = [of_tests(0, NO), run(1, Command.FORMAT, edited=(), changed=("cart.py",)), of_tests(2, {}, "t", edited=())]
    assert mended(record_of(runs))[0].edited == ["cart.py"]


def test_where_nobody_can_tell_what_was_edited_nobody_says_it():
    runs = [of_tests(0, NO), run(1, Command.LINT), of_tests(2, {}, "t", edited=("a.py",))]
    assert mended(record_of(runs))[0].edited is None


def test_tests_that_were_mended_together_are_one():
    both = {"t": "KeyError: 'a'", "u": "KeyError: 'b'", "v": "assert 0"}
    runs = [of_tests(0, both), of_tests(1, {}, "tuv", edited=("a.py",))]
    assert [one.failure.tests for one in mended(record_of(runs))] == [["t", "u"], ["v"]]


def test_each_failure_of_a_test_has_its_own_end():
    runs = [of_tests(n, NO if n % 2 else {}, "" if n % 2 else "t", edited=(f"{n}.py",)) for n in range(5)]
    assert [(one.failure.first, one.by, one.edited) for one in mended(record_of(runs))] == [
        ("r3", "r4", ["4.py"]),
        ("r1", "r2", ["2.py"]),
    ]


def test_a_flaky_test_is_not_mended_by_passing_nor_does_it_stand():
    record = record_of([of_tests(0, NO), of_tests(1, {}, "t", edited=()), of_tests(2, NO, edited=())])
    assert mended(record, ["t"]) == [] and standing(record, ["t"]) == []


def test_what_failed_when_it_was_last_run_stands():
    runs = [
        of_tests(0, {}, "t"),
        of_tests(1, NO, edited=("a.py",)),
        run(2, Command.LINT, edited=("b.py",), session="s2"),
    ]
    [found] = standing(record_of(runs))
    assert (found.failure.tests, found.failure.first, found.failure.began) == (["t"], "r1", runs[1].at)
    assert (found.tried, found.sessions) == (["b.py"], ["s1", "s2"])
    assert mended(record_of(runs)) == [] and dropped(record_of(runs)) == []


def test_what_is_not_run_any_more_is_neither_mended_nor_standing():
    record = record_of([of_tests(0, NO, "u"), of_tests(1, {}, "u"), of_tests(2, {}, "u")])
    [found] = dropped(record)
    assert (found.failure.tests, found.by) == (["t"], "r1")
    assert mended(record) == [] and standing(record) == []


def test_a_run_over_some_tests_drops_none():
    record = record_of([of_tests(0, NO, "u"), of_tests(1, {}, "u", options=Options(paths=("tests/u.py",)))])
    assert dropped(record) == [] and len(standing(record)) == 1


def test_what_came_back_was_not_dropped():
    record = record_of([of_tests(0, NO, "u"), of_tests(1, {}, "u"), of_tests(2, {}, "tu", edited=("a",))])
    assert dropped(record) == [] and mended(record)[0].by == "r2"


def test_a_file_that_cannot_be_collected_drops_none_of_its_tests_and_is_well_once_one_of_them_ran():
    test, file = "tests/a.py::t", "tests/a.py"
    runs = [
        of_tests(0, {test: "assert 0"}, ["tests/b.py::u"]),
        of_tests(1, {file: "ImportError: x"}, ["tests/b.py::u"]),
    ]
    record = record_of(runs)
    assert dropped(record) == [] and [one.failure.tests for one in standing(record)] == [[test], [file]]
    record = record_of([*runs, of_tests(2, {test: "assert 0"}, ["tests/b.py::u"])])
    assert [one.failure.tests for one in mended(record)] == [[file]]
    assert [one.failure.tests for one in standing(record)] == [[test]]
