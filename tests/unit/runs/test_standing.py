"""What is wrong since when, as runs move it on."""

from dataclasses import replace

import pytest
from session_mgmt_mcp.domain.runs.episodes import dropped, standing
from session_mgmt_mcp.domain.runs.figures import figures
from session_mgmt_mcp.domain.runs.memories import ended
from session_mgmt_mcp.domain.runs.seen import record_of
from session_mgmt_mcp.domain.runs.series import Metric, series
from session_mgmt_mcp.domain.runs.standing import MOST, Course, course
from session_mgmt_mcp.ports.quality_runner import Case, CaseStatus, Command, LinesRun, StepStatus

from tests.unit.runs.samples import finding, of_tests, run, step

A, B = "tests/a.py::one", "tests/b.py::two"
BROKEN = [Case("tests/c.py", CaseStatus.ERROR, message="ImportError: no module named x")]  # so that pytest runs nothing


def after(*runs) -> Course:
    moved = Course()
    for one in runs:
        moved = course(moved, one)
    return moved


def linted(at, *files, **other):
    return run(at, Command.LINT, len(files), findings=[finding(file) for file in files], **other)


def test_tests_that_a_broken_file_kept_from_running_still_stand():
    runs = of_tests(0, {A: "assert 0", B: "assert 1"}), run(1, Command.TEST, 1, cases=BROKEN, edited=["tests/c.py"])
    assert {f"test {A}", f"test {B}"} <= after(*runs).standing.keys()
    assert dropped(record_of(runs)) == []
    assert {test for one in standing(record_of(runs)) for test in one.failure.tests} == {A, B, "tests/c.py"}


def test_what_a_run_that_read_not_all_files_counted_is_no_figure():
    broken = run(1, Command.TEST, 1, cases=BROKEN, lines_run=LinesRun(3, 100))
    assert figures(broken, 10) == {}
    assert {one.metric for one in series([broken])} == {Metric.SECONDS}


@pytest.mark.parametrize("by", [0, 1])
def test_what_a_run_rewrote_is_an_edit_on_the_way(by):
    """By the run that saw it, or by the one that saw it no more."""
    rewrote = [{"changed": ["shop/cart.py"]} if at == by else {"changed": []} for at in (0, 1)]
    [mended] = after(linted(0, "shop/cart.py", edited=[], **rewrote[0]), linted(1, edited=[], **rewrote[1])).mended
    assert mended.edited == ("shop/cart.py",) and not mended.unsteady
    assert ended(mended).endswith("edited before: shop/cart.py.")


def test_a_finding_whose_tool_was_not_there_is_not_gone():
    missing = run(
        1,
        Command.LINT,
        steps=[step(Command.LINT, status=StepStatus.MISSING), replace(step(Command.LINT), name="codespell")],
    )
    assert not after(linted(0, "shop/cart.py"), missing).mended


def test_what_there_was_no_room_for_is_nothing_new_once_there_is():
    files = [f"shop/{number:04}.py" for number in range(MOST + 1)]
    moved = after(linted(0, *files), linted(1, *files[1:]))
    assert len(moved.mended) == 1 and not moved.fresh
