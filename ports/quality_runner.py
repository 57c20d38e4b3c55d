"""Runs a project's quality tools, and says in one form what they found."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from session_mgmt_mcp.ports.process_runner import Printed


class Command(StrEnum):
    """What can be asked for, whichever tools answer it."""

    TEST = "test"
    LINT = "lint"
    CHECK = "check"  # the types
    FORMAT = "format"
    SECURITY = "security"
    COMPLEXITY = "complexity"
    ALL = "all"


class Aspect(StrEnum):
    """What a step looks at."""

    TESTS = "tests"
    LINT = "lint"
    FORMAT = "format"
    TYPES = "types"
    SECURITY = "security"
    COMPLEXITY = "complexity"
    OTHER = "other"


class Outcome(StrEnum):
    """What the end of a run means."""

    CLEAN = "clean"
    FINDINGS = "findings"  # the tools ran, and found something
    USAGE_ERROR = "usage error"  # the tool did not understand how it was called or configured
    CRASH = "crash"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """What became of a step."""

    PASSED = "passed"
    FAILED = "failed"  # it found something
    SKIPPED = "skipped"
    MISSING = "missing"  # its tool is not installed
    CRASHED = "crashed"  # also: ended in the middle


class CaseStatus(StrEnum):
    """What became of a test."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"  # around it: a fixture, an import
    SKIPPED = "skipped"


class Option(StrEnum):
    """What can be asked for beside a command."""

    CHANGED_ONLY = "changed-only"
    FAIL_FAST = "fail-fast"
    WORKERS = "workers"
    PATHS = "paths"


@dataclass(frozen=True, slots=True)
class Options:
    """`paths` are from the project's folder, with `/`, and lie in it; of tests also `tests/test_cart.py::test_total`."""

    changed_only: bool = False  # files that differ from HEAD
    fail_fast: bool = False  # tests: stop at the first that fails
    workers: int | None = None  # tests: processes side by side; None: the runner's own choice
    paths: Sequence[str] = ()

    @property
    def named(self) -> frozenset[Option]:
        """Those that were asked for."""
        asked = {
            Option.CHANGED_ONLY: self.changed_only,
            Option.FAIL_FAST: self.fail_fast,
            Option.WORKERS: self.workers is not None,
            Option.PATHS: bool(self.paths),
        }
        return frozenset(option for option, yes in asked.items() if yes)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a command does: the names of its steps whose tools are there, and whether it may change files of the project."""

    steps: Sequence[str]
    rewrites: bool = False


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a runner can do in a project, as it was found, not as it was promised."""

    runner: str
    version: str
    interpreter: str  # the Python it runs with: its path, and its version in brackets
    commands: Mapping[Command, Offer]
    options: Mapping[Command, frozenset[Option]]
    ai_agent: bool = False  # whether this version can have a model mend what it finds
    lacking: Sequence[str] = ()  # one sentence each: a tool that is not there, and how to get it


@dataclass(frozen=True, slots=True)
class Request:
    """One run, in the folder of a known project."""

    folder: Path
    command: Command
    options: Options = field(default_factory=Options)
    timeout: float = 300.0  # seconds, of the whole run
    ai_agent: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One hook or tool of a run."""

    name: str
    aspect: Aspect
    status: StepStatus
    seconds: float | None = None
    findings: int = 0
    message: str = ""  # of one that did not pass: why, in a sentence


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `id` is the same from run to run; `line` (from 1) is where it failed, else where it stands."""

    id: str  # tests/test_cart.py::TestCart::test_total[two]
    status: CaseStatus
    file: str = ""
    line: int | None = None
    seconds: float = 0.0
    message: str = ""  # of one that did not pass: the error, with what the tool says of it, cut at 4,000 characters


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a step found. Files are from the project's folder, with `/`; line counts from 1."""

    step: str
    aspect: Aspect
    rule: str  # F821, arg-type, B602; empty: the step has none
    file: str
    line: int | None
    message: str
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class LinesRun:
    """Lines that the tests ran, of those that could run."""

    covered: int
    total: int

    @property
    def percent(self) -> float:
        return 100 * self.covered / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Complexity:
    """Functions that were measured, those over the tool's limit, and the most complex one."""

    functions: int
    over: int
    limit: int
    worst: str = ""  # file::function
    most: int = 0


@dataclass(frozen=True, slots=True)
class RunReport:
    """What came of a run. `note`: for every outcome but clean and findings one sentence that says what to do."""

    runner: str
    version: str
    command: Command
    outcome: Outcome
    seconds: float
    ran: Sequence[str] = ()  # the command lines, as one would type them
    note: str = ""
    steps: Sequence[Step] = ()
    cases: Sequence[Case] = ()
    findings: Sequence[Finding] = ()
    lines_run: LinesRun | None = None
    complexity: Complexity | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `done` of `total` steps or tests; total None: nobody knows yet."""

    step: str
    done: int
    total: int | None = None


Progressed: TypeAlias = Callable[[Progress], Awaitable[None]]
"""Is told how far a run is, while it runs."""


class QualityRunner(Protocol):
    """Runs what a command stands for, by fixed command lines, and reads what the tools report.

    >>> report = await runner.run(Request(folder, Command.TEST), printed, progressed)
    >>> report.outcome, [case.id for case in report.cases if case.status is CaseStatus.FAILED]
    (<Outcome.FINDINGS: 'findings'>, ['tests/test_cart.py::test_total'])
    """

    name: str

    async def capabilities(self, folder: Path) -> Capabilities:
        """In the project that `folder` is the top of. Raises Unavailable when it is not installed: how to get it."""

    async def run(self, request: Request, printed: Printed, progressed: Progressed) -> RunReport:
        """Runs it to its end, its time limit, or its cancellation (CancelledError); nothing is left running.

        Raises Unavailable as `capabilities`, Unsupported for a command, an option or `ai_agent` that it does not offer
        here. Whatever goes wrong once a tool has started is an outcome of the report.
        """
