"""What becomes of each test, told by pytest in whichever environment."""

import importlib.util
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session_mgmt_mcp.adapters.pytest_reportlog.recorder import PytestReportlogRecorder
from session_mgmt_mcp.contracts.recorder import TestRecorderContract as RecorderContract
from session_mgmt_mcp.contracts.recorder import run_pytest, write
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.quality_runner import CaseStatus
from session_mgmt_mcp.ports.test_recorder import TestRecording


class TestPytestReportlogRecorder(RecorderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def recorder(cls) -> PytestReportlogRecorder:
        return PytestReportlogRecorder()


def report(when: str, outcome: str, name: str = "test_a.py::test_a", **more: Any) -> dict[str, Any]:
    known = {"nodeid": name, "when": when, "outcome": outcome, "duration": 1.0, "location": ["test_a.py", 0, "test_a"]}
    return {"$report_type": "TestReport", **known, **more}


PASSED = [report("setup", "passed"), report("call", "passed"), report("teardown", "passed")]


@pytest.fixture
def recording() -> Any:
    with PytestReportlogRecorder().recording(coverage=False) as one:
        yield one


@pytest.fixture
def wrote(recording: TestRecording) -> Callable[..., None]:
    """Adds lines to what pytest has written."""

    def add(*lines: dict[str, Any] | str) -> None:
        with Path(recording.environment["SESSION_MGMT_RECORDING"]).open("a") as log:
            log.writelines(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)

    return add


def statuses(recording: TestRecording, folder: Path) -> list[tuple[str, CaseStatus]]:
    return [(case.id, case.status) for case in recording.read(folder).cases]


def test_of_a_test_that_is_run_again_the_last_run_counts(recording, wrote, tmp_path):
    wrote(report("setup", "passed"), report("call", "rerun", longrepr="no"), report("teardown", "passed"))
    assert statuses(recording, tmp_path) == [("test_a.py::test_a", CaseStatus.FAILED)]
    assert recording.counted()[0] == 1
    wrote(report("setup", "passed"))
    assert recording.counted()[0] == 1
    wrote(*PASSED[1:])
    [case] = recording.read(tmp_path).cases
    assert (case.status, case.seconds, case.message) == (CaseStatus.PASSED, 3.0, "")


def test_half_a_line_counts_when_its_other_half_is_there(recording, wrote, tmp_path):
    last = json.dumps(report("call", "failed", longrepr="E  no"))
    wrote(report("setup", "passed"), last[:40])
    assert statuses(recording, tmp_path) == []
    wrote(last[40:] + "\n")
    assert statuses(recording, tmp_path) == [("test_a.py::test_a", CaseStatus.FAILED)]


@pytest.mark.parametrize("line", ["no json\n", "[]\n", "{}\n", '{"$report_type": "TestReport"}\n', "\0\0\n", "null\n"])
def test_a_strange_line_is_passed_over(recording, wrote, tmp_path, line):
    wrote(line, *PASSED)
    assert ("test_a.py::test_a", CaseStatus.PASSED) in statuses(recording, tmp_path)


def test_a_second_pytest_of_the_same_run_replaces_the_first(recording, wrote, tmp_path):
    wrote({"$report_type": "SessionStart"}, *PASSED, {"$report_type": "SessionFinish"})
    assert recording.read(tmp_path).whole
    Path(recording.environment["SESSION_MGMT_RECORDING"]).write_text("")
    wrote({"$report_type": "SessionStart"}, report("setup", "failed", "test_b.py::test_b"))
    assert statuses(recording, tmp_path) == [("test_b.py::test_b", CaseStatus.ERROR)]
    assert not recording.read(tmp_path).whole


def test_a_part_that_was_skipped_does_not_skip_the_whole(recording, wrote, tmp_path):
    part = report("call", "skipped", longrepr=["test_a.py", 1, "Skipped: part"])
    wrote(PASSED[0], {**part, "$report_type": "SubTestReport"}, *PASSED[1:])
    assert statuses(recording, tmp_path) == [("test_a.py::test_a", CaseStatus.PASSED)]


def test_a_worker_that_crashed_fails_its_test(recording, wrote, tmp_path):
    wrote(report("???", "failed", longrepr="worker 'gw0' crashed while running 'test_a.py::test_a'"))
    [case] = recording.read(tmp_path).cases
    assert case.status is CaseStatus.FAILED and "crashed" in case.message


def test_what_failed_twice_is_told_as_it_failed_first(recording, wrote, tmp_path):
    wrote(report("setup", "passed"), report("call", "failed", longrepr="first"))
    wrote(report("teardown", "failed", longrepr="second"))
    [case] = recording.read(tmp_path).cases
    assert (case.status, case.message) == (CaseStatus.FAILED, "first")


def test_the_users_own_options_stay_and_come_first(tmp_path):
    write(tmp_path, {"test_a.py": "def test_a(): ...\n\ndef test_b():\n    assert 0\n"})
    own = f"--report-log={tmp_path / 'own.jsonl'} -k 'test_b and not other' --tb=native"
    with PytestReportlogRecorder(own).recording(coverage=True) as recording:
        assert recording.environment["PYTEST_ADDOPTS"].startswith(f"{own} -p ")
        assert shlex.split(recording.environment["PYTEST_ADDOPTS"])
    recorded = run_pytest(PytestReportlogRecorder(own), tmp_path, plugins=True)
    [case] = recorded.tested.cases
    assert (case.id, case.status, case.file, case.line) == ("test_a.py::test_b", CaseStatus.FAILED, "test_a.py", 4)
    assert "assert 0" in case.message and "test_b" in (tmp_path / "own.jsonl").read_text()


def test_without_the_plugin_one_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"session-mgmt-mcp\[quality\]"):
        PytestReportlogRecorder().recording(coverage=False).__enter__()


@pytest.mark.parametrize("figures", ["", "{", "[]", '{"totals": {}}', '{"totals": {"covered_lines": "1"}}'])
def test_broken_figures_of_coverage_are_none(tmp_path, figures):
    with PytestReportlogRecorder().recording(coverage=True) as recording:
        words = shlex.split(recording.environment["PYTEST_ADDOPTS"])
        Path(words[-1].removeprefix("json:")).write_text(figures)
        assert recording.read(tmp_path).lines_run is None
