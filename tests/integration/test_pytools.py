"""The native tools, as they are installed beside us, on small projects."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.local.processes import birth
from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner
from session_mgmt_mcp.adapters.pytest_reportlog.recorder import PytestReportlogRecorder
from session_mgmt_mcp.adapters.pytools.runner import PyToolsRunner
from session_mgmt_mcp.contracts.quality_runner import QualityRunnerContract


class NoPath(PsutilProcessRunner):
    """Whatever this machine has on its PATH."""

    def which(self, program: str, folders: Sequence[Path] = ()) -> Path | None:
        return super().which(program, folders) if any((folder / program).exists() for folder in folders) else None


@cache
def shared_runner(beside: Path | None = None) -> PyToolsRunner:
    """One for all tests, so that each tool is asked for its version once."""
    return PyToolsRunner(NoPath(birth), PytestReportlogRecorder(), SubprocessGitRepository(), beside)


class TestPyTools(QualityRunnerContract):
    first_test_within = 8.0

    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls) -> PyToolsRunner:
        return shared_runner()

    @pytest.fixture(scope="class")
    @classmethod
    def toolless(cls) -> PyToolsRunner:
        return shared_runner(Path("/nowhere"))
