"""What became of each test that ever failed, run by run, and which runs surely saw the same files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from session_mgmt_mcp.domain.runs.figures import looked_at
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.ports.quality_runner import Aspect, CaseStatus


class Seen(NamedTuple):
    """A test in a run; `at` is the run's place among those looked at."""

    at: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Record:
    """`runs` oldest first; `tests`: of each test that ever failed what was seen of it, in order of the runs.

    `gone`: the tests that failed when they were last seen, with the later run that ran all tests without them.
    """

    runs: Sequence[Run]
    tests: Mapping[str, Sequence[Seen]]
    messages: Mapping[tuple[int, str], str]  # of each failure, by place of the run and test
    gone: Mapping[str, int]
    _trees: Sequence[int | None]
    _stretches: Sequence[int]

    def same_files(self, earlier: int, later: int) -> bool:
        """Whether two runs surely saw the same: both began from the same tree, or nothing was edited from one to the other."""
        tree = self._trees[earlier]
        return (tree is not None and tree == self._trees[later]) or self._stretches[earlier] == self._stretches[later]


def record_of(runs: Sequence[Run]) -> Record:
    """Reads each case of `runs` (oldest first) once or twice, whatever came of the run: a test that failed in it did fail."""
    failing = [{_name(run, id): said for id, said in run.failing.items()} for run in runs]
    ever = frozenset().union(*failing)
    passing = [_passed(run, ever) for run in runs]
    tests: dict[str, list[Seen]] = {}
    for at, (bad, good) in enumerate(zip(failing, passing, strict=True)):
        for test in bad:
            tests.setdefault(test, []).append(Seen(at, True))
        for test in good - bad.keys():
            tests.setdefault(test, []).append(Seen(at, False))
    messages = {(at, test): said for at, bad in enumerate(failing) for test, said in bad.items()}
    return Record(runs, tests, messages, _gone(runs, tests, failing), _trees(runs), _stretches(runs))


def _passed(run: Run, ever: frozenset[str]) -> set[str]:
    """Of the tests that ever failed. A file that could not be collected is well once a test of it ran."""
    cases = [(_name(run, case.id), case.status) for case in run.report.cases]
    passed = {name for name, status in cases if name in ever and status is CaseStatus.PASSED}
    files = {name for name in ever if "::" not in name}
    if files:
        passed |= files & {name.partition("::")[0] for name, _ in cases if "::" in name}
    return passed


def _name(run: Run, id: str) -> str:
    """A test's from the project's top: two packages may have one of the same id."""
    return f"{run.package}/{id}" if run.package else id


def _gone(
    runs: Sequence[Run], tests: Mapping[str, Sequence[Seen]], failing: Sequence[Mapping[str, str]]
) -> dict[str, int]:
    complete = [at for at, run in enumerate(runs) if _ran_all_tests(run)]
    found: dict[str, int] = {}
    for test, seen in tests.items():
        last = seen[-1]
        if last.failed:
            file = test.partition("::")[0]
            package = runs[last.at].package
            later = (at for at in complete if at > last.at and runs[at].package == package)
            without = next((at for at in later if file not in failing[at]), None)
            if without is not None:
                found[test] = without
    return found


def _ran_all_tests(run: Run) -> bool:
    return run.whole and run.collected and looked_at(run, Aspect.TESTS) and bool(run.report.cases)


def _trees(runs: Sequence[Run]) -> list[int | None]:
    """A number for each tree that was read whole."""
    numbers: dict[tuple[str | None, frozenset[tuple[str, str]]], int] = {}
    found: list[int | None] = []
    for run in runs:
        tree = run.tree
        if tree is None or not tree.whole or run.changed:
            found.append(None)
        else:
            found.append(numbers.setdefault((tree.head, frozenset(tree.differing.items())), len(numbers)))
    return found


def _stretches(runs: Sequence[Run]) -> list[int]:
    """A number for each stretch of runs in which surely nothing was edited."""
    found: list[int] = []
    for at, run in enumerate(runs):
        untouched = at and run.edited is not None and not run.edited and not run.changed and not runs[at - 1].changed
        found.append(found[-1] if untouched else at)
    return found
