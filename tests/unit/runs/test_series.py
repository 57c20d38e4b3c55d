"""Figures of runs over time."""

import pytest
from session_mgmt_mcp.domain.runs.series import Metric, current, series
from session_mgmt_mcp.ports.quality_runner import (
    Case,
    CaseStatus,
    Command,
    Complexity,
    LinesRun,
    Options,
    Outcome,
    StepStatus,
)

from tests.unit.runs.samples import cases, of_tests, run, step, tree


def values(runs, metric: Metric) -> list[float]:
    return [point.value for one in series(runs) if one.metric is metric for point in one.points]


@pytest.mark.parametrize(
    ("command", "metric"),
    [
        (Command.LINT, Metric.LINT),
        (Command.CHECK, Metric.TYPES),
        (Command.SECURITY, Metric.SECURITY),
        (Command.FORMAT, Metric.FORMAT),
    ],
)
def test_findings_are_counted_by_what_the_step_looks_at(command, metric):
    runs = [run(0, command, 3), run(1, command, 0)]
    assert values(runs, metric) == [3, 0]
    assert {one.metric for one in series(runs)} == {metric, Metric.SECONDS}


def test_a_run_of_tests_tells_how_many_ran_failed_and_passed_and_the_coverage():
    broken = Case("t.py::d", CaseStatus.ERROR)
    skipped = Case("e", CaseStatus.SKIPPED)
    found = run(0, Command.TEST, 2, cases=[*cases({"a": "no"}, "bc"), broken, skipped], lines_run=LinesRun(80, 100))
    told = {one.metric: one.points[0].value for one in series([found])}
    assert told == {Metric.TESTS: 4, Metric.FAILED: 2, Metric.RATE: 50, Metric.COVERAGE: 80, Metric.SECONDS: 10}


def test_complex_functions_are_counted_under_the_limit_that_was_asked_for():
    runs = [run(n, Command.COMPLEXITY, complexity=Complexity(40, 2, limit)) for n, limit in enumerate((15, 15, 10))]
    found = [(one.by, len(one.points)) for one in series(runs) if one.metric is Metric.COMPLEXITY]
    assert found == [("pytools, over 10", 1), ("pytools, over 15", 2)]


@pytest.mark.parametrize("options", [Options(paths=("a.py",)), Options(changed_only=True), Options(fail_fast=True)])
def test_a_run_over_a_part_says_nothing_of_the_project(options):
    assert series([run(0, Command.LINT, 3, options=options)]) == []


def test_how_many_worked_on_it_does_not_matter():
    assert values([run(0, Command.LINT, 3, options=Options(workers=4))], Metric.LINT) == [3]


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.CRASH, Outcome.USAGE_ERROR, Outcome.CANCELLED])
def test_a_run_that_was_stopped_says_nothing(outcome):
    assert series([run(0, Command.LINT, 3, outcome=outcome)]) == []


@pytest.mark.parametrize("status", [StepStatus.MISSING, StepStatus.CRASHED, StepStatus.SKIPPED])
def test_a_step_that_did_not_run_is_no_zero(status):
    runs = [run(0, command, steps=[step(command, 0, status)], lines_run=LinesRun(0, 9)) for command in (
        Command.LINT, Command.TEST)]  # fmt: skip
    assert {one.metric for one in series(runs)} == {Metric.SECONDS}


def test_a_step_that_failed_without_saying_how_much_is_no_zero():
    assert values([run(0, Command.FORMAT, steps=[step(Command.FORMAT, 0, StepStatus.FAILED)])], Metric.FORMAT) == []


def test_a_run_without_a_test_has_no_pass_rate():
    assert {one.metric for one in series([of_tests(0)])} == {Metric.SECONDS}


def test_one_crashed_step_leaves_the_sum_of_the_others_untold():
    both = [step(Command.LINT, 3), step(Command.LINT, 0, StepStatus.CRASHED)]
    assert values([run(0, Command.ALL, steps=both)], Metric.LINT) == []


def test_other_tools_begin_another_series_and_the_newest_is_current():
    runs = [run(0, Command.LINT, 3), run(1, Command.LINT, 90, runner="crackerjack"), run(2, Command.LINT, 80, runner="crackerjack")]  # fmt: skip
    found = [one for one in series(runs) if one.metric is Metric.LINT]
    assert [(one.by, [p.value for p in one.points]) for one in found] == [
        ("crackerjack: ruff", [90, 80]),
        ("pytools: ruff", [3]),
    ]
    assert [one.by for one in current(series(runs)) if one.metric is Metric.LINT] == ["crackerjack: ruff"]


def test_seconds_are_those_of_one_command():
    found = current(series([run(0, Command.LINT), run(1, Command.CHECK), run(2, Command.CHECK, runner="crackerjack")]))
    assert [one.by for one in found if one.metric is Metric.SECONDS] == ["check by crackerjack", "lint by pytools"]


def test_points_over_the_same_files_say_so_but_for_seconds():
    runs = [run(n, Command.LINT, 3, tree=tree(a=which)) for n, which in enumerate("1121")] + [run(4, Command.LINT, 3)]
    lint, seconds = ([point.again for point in one.points] for one in series(runs))
    assert lint == [False, True, False, False, False] and not any(seconds)
