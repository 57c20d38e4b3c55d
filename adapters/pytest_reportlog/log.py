"""The JSON lines of pytest-reportlog, read as they come."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from session_mgmt_mcp.adapters.pytest_reportlog.failures import Failure, failure_of, within
from session_mgmt_mcp.ports.quality_runner import Case, CaseStatus

_BAD = (CaseStatus.FAILED, CaseStatus.ERROR)


@dataclass(slots=True)
class _Attempt:
    """What is known of a test; one that is run again starts anew."""

    at: tuple[str, int | None]
    status: CaseStatus = CaseStatus.PASSED
    seconds: float = 0.0
    failure: Failure = field(default_factory=Failure)
    called: bool = False
    over: bool = False

    def take(self, report: Mapping[str, Any], *, part: bool) -> None:
        """`part`: of a subtest, which does not say what becomes of the whole."""
        when, outcome = report.get("when"), report.get("outcome")
        self.seconds += float(report.get("duration") or 0)
        self.over |= when == "teardown"
        self.called |= when not in ("setup", "teardown")
        if outcome in ("failed", "rerun"):
            status = CaseStatus.ERROR if when in ("setup", "teardown") else CaseStatus.FAILED
        elif outcome == "skipped" and not part:
            status = CaseStatus.SKIPPED
        else:
            return
        if self.status not in _BAD:
            self.status, self.failure = status, failure_of(report)


class Log:
    """Holds a few words a test, whatever was printed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._start_again()

    def _start_again(self) -> None:
        self.whole = False
        self._position = 0
        self._tests: dict[str, _Attempt] = {}
        self._modules: dict[str, _Attempt] = {}
        self._over: set[str] = set()

    @property
    def done(self) -> int:
        return len(self._over)

    def follow(self) -> None:
        """Takes in the whole lines that were written since it was called before."""
        with suppress(OSError), self._file.open("rb") as lines:
            if lines.seek(0, 2) < self._position:  # another pytest of the same run writes it now
                self._start_again()
            lines.seek(self._position)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                self._position += len(line)
                with suppress(ValueError, TypeError, AttributeError):
                    self._take(json.loads(line))

    def cases(self, folder: Path, root: Path) -> Sequence[Case]:
        """Tests that were killed before they said anything are left out."""
        told = [one for one in self._tests.items() if one[1].over or one[1].called or one[1].status in _BAD]
        return tuple(_case(name, test, folder, root) for name, test in [*self._modules.items(), *told])

    def _take(self, report: Mapping[str, Any]) -> None:
        name = _sendable(str(report.get("nodeid", "")))
        match report.get("$report_type"):
            case "SessionFinish":
                self.whole = True
            case "CollectReport" if report.get("outcome") in ("failed", "skipped"):
                module = _Attempt((name.partition("::")[0], None), CaseStatus.SKIPPED)
                if report.get("outcome") == "failed":
                    module.status = CaseStatus.ERROR
                module.failure = failure_of(report)
                self._modules[name or "."] = module
            case "TestReport" | "SubTestReport" | "SubtestReport" as kind:
                file, line = [*(report.get("location") or ()), None, None][:2]
                if name not in self._tests or report.get("when") == "setup":
                    at = (_sendable(str(file or "")), line + 1 if isinstance(line, int) else None)
                    self._tests[name] = _Attempt(at)
                self._tests[name].take(report, part=kind != "TestReport")
                if self._tests[name].over:
                    self._over.add(name)


def _case(name: str, test: _Attempt, folder: Path, root: Path) -> Case:
    file, line = within(root / test.at[0], folder), test.at[1]
    if test.status in _BAD:
        for place, failed_at in reversed(test.failure.places):
            if inside := within(folder / place, folder):
                file, line = inside, failed_at
                break
    message = _sendable(test.failure.message) if test.status is not CaseStatus.PASSED else ""
    return Case(name, test.status, file, line if file else None, test.seconds, message)


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
