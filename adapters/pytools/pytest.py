"""pytest, whose tests are told by a recorder rather than by what it prints."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from session_mgmt_mcp.adapters.pytools.steps import Answer, Tool, crashed, first_line, misused, nothing
from session_mgmt_mcp.ports.quality_runner import Aspect, CaseStatus, Options, Outcome
from session_mgmt_mcp.ports.test_recorder import Tested

PYTEST = Tool("pytest", "pytest", "pytest", Aspect.TESTS)
COVERAGE, WORKERS = "pytest-cov", "pytest-xdist"
MOST_WORKERS = 64
_CONFIGURATIONS = ("pyproject.toml", "pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
_COVERS = re.compile(r"--(no-)?cov\b")
_SOURCED = re.compile(r"^\[(tool\.coverage\.run|coverage:run|run)\]", re.MULTILINE)


def argv(options: Options, targets: Sequence[str], plugins: Mapping[str, str], cover: Sequence[str]) -> list[str]:
    """`cover`: as `covering` gives it."""
    covered = cover if COVERAGE in plugins else []
    stop = ["--exitfirst"] if options.fail_fast else []
    workers = [f"--numprocesses={options.workers}"] if options.workers is not None else []
    # --cov takes a word that follows it for its own.
    return [*covered, "--color=no", *stop, *workers, *targets]


def covering(folder: Path) -> list[str]:
    """What has pytest-cov count the lines of the project, as far as the project does not say so itself."""
    texts = [(folder / name).read_text(errors="replace") for name in _CONFIGURATIONS if (folder / name).is_file()]
    if any(_COVERS.search(text) for text in texts):
        return []  # a second --cov would widen the first
    sourced = (folder / ".coveragerc").is_file() or any(_SOURCED.search(text) for text in texts)
    return ["--cov"] if sourced else ["--cov=."]


def read(tested: Tested, code: int, printed: str) -> Answer:
    bad = [case for case in tested.cases if case.status in (CaseStatus.FAILED, CaseStatus.ERROR)]
    match code:
        case 0 | 1 | 5 | 6 if not tested.whole:
            return Answer(Outcome.CRASH, f"pytest ended in the middle of the tests, with exit code {code}.")
        case 0:
            return Answer(Outcome.CLEAN)
        case 1 | 2 if bad:
            return Answer(Outcome.FINDINGS)
        case 1 | 6:
            return Answer(Outcome.FINDINGS, first_line(printed, "FAIL ", "ERROR"))
        case 4:
            return misused(printed, PYTEST.program, "error:", "ERROR:", "Error")
        case 5:
            return nothing("pytest found no tests.")
        case _:
            return crashed(printed, PYTEST.program, code)
