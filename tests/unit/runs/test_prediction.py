"""How long a run will take."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.runs.prediction import LAST, Prediction, prediction
from session_mgmt_mcp.ports.quality_runner import Command, Options, Outcome

from tests.unit.runs.samples import run

lengths = st.lists(st.floats(0.1, 1_000), min_size=1, max_size=30)


def predicted(runs, command: Command = Command.TEST, options: Options = Options(), runner: str = "pytools"):  # noqa: B008
    return prediction(runs, runner, command, options)


def timed(seconds, **other):
    return [run(n, Command.TEST, seconds=took, **other) for n, took in enumerate(seconds)]


def test_without_a_run_nothing_is_predicted():
    assert predicted([]) is None


def test_the_median_of_the_last_runs_is_predicted():
    assert predicted(timed([9_000, 9_000, *[10, 11, 12, 13, 14, 15, 900]])) == Prediction(13, 444.5, LAST)


def test_an_error_is_told_after_five_predictions():
    assert predicted(timed([10, 12, 12, 12, 12])) == Prediction(12, None, 5)
    assert predicted(timed([10, 12, 12, 12, 12, 13])) == Prediction(12, 1, 6)


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.CANCELLED, Outcome.CRASH, Outcome.USAGE_ERROR])
def test_what_was_stopped_tells_nothing_of_the_time_it_takes(outcome):
    assert predicted(timed([300], outcome=outcome)) is None


def test_only_the_same_command_runner_and_options_are_asked():
    runs = timed([10])
    assert predicted(runs, Command.LINT) is None and predicted(runs, runner="crackerjack") is None
    for options in (Options(fail_fast=True), Options(workers=2), Options(paths=("a",)), Options(changed_only=True)):
        assert predicted(runs, options=options) is None
    two = timed([10], options=Options(paths=("a", "b")))
    assert predicted(two, options=Options(paths=["b", "a"])) == Prediction(10, None, 1)


@settings(deadline=None)
@given(lengths)
def test_a_prediction_lies_between_what_runs_took(seconds):
    found = predicted(timed(seconds))
    assert min(seconds[-LAST:]) <= found.seconds <= max(seconds[-LAST:]) and (found.error is None) == (len(seconds) < 6)


@settings(deadline=None)
@given(st.floats(0.1, 1_000), st.integers(6, 20))
def test_what_always_takes_the_same_is_predicted_without_error(took, count):
    assert predicted(timed([took] * count)) == Prediction(took, 0, min(count, LAST))
