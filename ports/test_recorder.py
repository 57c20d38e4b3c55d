"""Has pytest say what becomes of each test, whoever starts it and in whichever environment."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from session_mgmt_mcp.ports.quality_runner import Case, LinesRun


@dataclass(frozen=True, slots=True)
class Tested:
    """What was recorded: also of a run that was ended in the middle. An error of collection is a case as well."""

    cases: Sequence[Case] = ()
    lines_run: LinesRun | None = None
    whole: bool = False  # pytest came to its own end


class TestRecording(Protocol):
    """One run of pytest, recorded while `environment` is added to its environment."""

    environment: Mapping[str, str]

    def counted(self) -> tuple[int, int | None]:
        """Tests done so far, and those collected; None: nobody knows yet."""

    def read(self, folder: Path) -> Tested:
        """With files from `folder`, which pytest ran in. What is half-written is passed over."""


class TestRecorder(Protocol):
    """Makes recordings; their files are gone when they are left."""

    def recording(self, *, coverage: bool) -> AbstractContextManager[TestRecording]:
        """`coverage`: have pytest-cov, which must be there and switched on, leave its figures as well.

        Raises Unavailable when what records is not installed: how to get it.
        """


for _each in (Tested, TestRecording, TestRecorder):
    _each.__test__ = False  # type: ignore[union-attr]  # no test of pytest's, whatever it is called
