"""Which commands were worth their time."""

import pytest
from session_mgmt_mcp.domain.runs.effectiveness import Situation, effects, findings, situation
from session_mgmt_mcp.ports.quality_runner import Aspect, Command, Options, Outcome, Step, StepStatus

from tests.unit.runs.samples import finding, of_tests, run, step

NO = {"t": "no"}


def test_a_situation_is_what_the_last_run_showed():
    assert situation(None) is Situation.NOTHING_KNOWN
    assert situation(run(0, Command.LINT, 2, outcome=Outcome.TIMEOUT)) is Situation.NOTHING_KNOWN
    assert situation(run(0, Command.LINT)) is Situation.ALL_CLEAN
    assert situation(run(0, Command.LINT, 2)) is Situation.LINT_FINDINGS
    assert situation(run(0, Command.CHECK, 2)) is Situation.TYPE_ERRORS
    assert situation(run(0, Command.SECURITY, 2)) is Situation.SECURITY_FINDINGS
    assert situation(run(0, Command.FORMAT, 2)) is Situation.OTHER_FINDINGS
    assert situation(of_tests(0, NO)) is Situation.TESTS_FAILING
    everything = [step(Command.LINT, 2), step(Command.CHECK, 1), step(Command.TEST, 1)]
    assert situation(run(0, Command.ALL, steps=everything)) is Situation.TESTS_FAILING
    assert situation(run(0, Command.ALL, steps=everything[:2])) is Situation.TYPE_ERRORS


def test_below_three_runs_nothing_is_said():
    assert effects([of_tests(n, NO) for n in range(3)]) == []


def test_of_each_command_it_is_told_how_often_it_found_something_and_what_became_of_it():
    runs = [run(0, Command.LINT)]
    for n, bad in enumerate((NO, {}, {"t": "no", "u": "no"}, {"u": "no"})):
        runs += [of_tests(2 * n + 1, bad, seconds=10 + n), run(2 * n + 2, Command.LINT)]
    by = {(one.situation, one.command): one for one in effects(runs)}
    found = by[Situation.ALL_CLEAN, Command.TEST]
    assert (found.runs, found.found, found.followed, found.gone, found.seconds) == (4, 3, 2, 1, 11.5)
    assert found.says == (
        "With nothing found before, test found something in 3 of 4 runs; "
        "by the next test it was gone in 1 of 2; half took at most 11.5 s."
    )
    assert by.keys() == {(Situation.ALL_CLEAN, Command.TEST), (Situation.TESTS_FAILING, Command.LINT)}
    lint = by[Situation.TESTS_FAILING, Command.LINT]
    assert (lint.runs, lint.found) == (3, 0)
    assert lint.says == "With tests failing before, lint found something in 0 of 3 runs; half took at most 10 s."


@pytest.mark.parametrize(
    "other", [{"options": Options(paths=("a.py",))}, {"runner": "crackerjack"}, {"outcome": Outcome.TIMEOUT}]
)
def test_only_the_same_run_again_says_whether_it_is_gone(other):
    runs = [run(0, Command.LINT), of_tests(1, NO), run(2, Command.LINT), of_tests(3, {}, "t", **other)]
    runs += [run(4, Command.LINT), of_tests(5, NO), run(6, Command.LINT), of_tests(7, NO)]
    [found] = [one for one in effects(runs) if (one.situation, one.command) == (Situation.ALL_CLEAN, Command.TEST)]
    assert (found.followed, found.gone) == (2, 0)


def test_a_finding_is_the_same_in_another_line():
    here, there = (run(n, Command.LINT, 1, findings=[finding("a.py", line=line)]) for n, line in ((0, 3), (1, 9)))
    assert findings(here) == findings(there) == {("ruff", "F821", "a.py"): 1}


def test_a_step_that_only_failed_is_found_as_such_and_tests_by_name():
    assert findings(run(0, Command.FORMAT, 3)) == {("format",): 1}
    assert findings(of_tests(0, NO)) == {("test", "t"): 1}
    assert findings(run(0, Command.TEST, 1)) == {("pytest",): 1}
    assert findings(run(0, Command.TEST)) == {}
    other = Step("hook", Aspect.OTHER, StepStatus.FAILED)
    assert findings(of_tests(0, NO, steps=[step(Command.TEST, 1), other])) == {("test", "t"): 1, ("hook",): 1}
