"""One run as it is kept, and the state of the files that it saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from session_mgmt_mcp.ports.quality_runner import CaseStatus, Command, Options, Outcome, RunReport


@dataclass(frozen=True, slots=True)
class Tree:
    """What the project's files held: a commit, and by path the digests of those that differ from it; empty: gone."""

    head: str | None
    differing: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True  # every file that differs is in it

    def same_as(self, other: "Tree") -> bool:
        """Whether both surely hold the same."""
        return self.whole and other.whole and (self.head, self.differing) == (other.head, other.differing)


@dataclass(frozen=True, slots=True)
class Run:
    """`edited`: the files that changed since the project's run before this one; `changed`: those that the run itself changed.

    Both are paths from the project's top, and None where nobody can tell.
    """

    id: str
    project: str
    session: str
    at: datetime  # when it began, aware
    options: Options
    report: RunReport
    tree: Tree | None = None  # before it began
    after: Tree | None = None  # when it was over
    changed: Sequence[str] | None = None
    edited: Sequence[str] | None = None
    predicted: float | None = None  # seconds
    package: str = ""  # the folder it ran in, from the project's top, with `/`; its report's paths are from there

    @property
    def command(self) -> Command:
        return self.report.command

    @property
    def ended(self) -> bool:
        """Whether its tools came to their own end, so that what it does not report was not there."""
        return self.report.outcome in (Outcome.CLEAN, Outcome.FINDINGS)

    @property
    def whole(self) -> bool:
        """Whether it looked at everything that its command stands for."""
        return self.ended and not self.options.named - {"workers"}

    @property
    def failing(self) -> Mapping[str, str]:
        """The tests that failed, by id, with what was said of each."""
        bad = (CaseStatus.FAILED, CaseStatus.ERROR)
        return {case.id: case.message for case in self.report.cases if case.status in bad}

    @property
    def collected(self) -> bool:
        """Whether every file of tests could be read: where one cannot, pytest runs none of the others either."""
        return all("::" in case.id for case in self.report.cases if case.status is CaseStatus.ERROR)

    @property
    def passing(self) -> frozenset[str]:
        """The tests that passed, by id."""
        return frozenset(case.id for case in self.report.cases if case.status is CaseStatus.PASSED)
