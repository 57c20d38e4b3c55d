"""The real crackerjack, which .ci/crackerjack installs, on small projects."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from session_mgmt_mcp.adapters.crackerjack.runner import CrackerjackRunner
from session_mgmt_mcp.adapters.local.processes import birth
from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner
from session_mgmt_mcp.adapters.pytest_reportlog.recorder import PytestReportlogRecorder
from session_mgmt_mcp.contracts.quality_runner import QualityRunnerContract
from session_mgmt_mcp.ports.quality_runner import Command

from tests.integration.replayed import Replayed

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Path(os.environ.get("CRACKERJACK") or ROOT / ".cache" / "crackerjack" / "bin" / "crackerjack")

pytestmark = [pytest.mark.slow, pytest.mark.crackerjack, pytest.mark.timeout(400)]


class Nothing(PsutilProcessRunner):
    def which(self, program: str, folders: Sequence[Path] = ()) -> Path | None:
        return None


class TestCrackerjack(QualityRunnerContract):
    finds: ClassVar[frozenset[Command]] = frozenset({Command.LINT, Command.CHECK, Command.COMPLEXITY})
    blind: ClassVar[frozenset[Command]] = frozenset({Command.SECURITY})  # semgrep asks for its rules over the network
    gives_complexity: ClassVar[bool] = False
    first_test_within: ClassVar[float] = 25.0

    @classmethod
    def prepare(cls, folder: Path) -> Path:
        """Its hook `ty` runs in the project's environment, and asks for crackerjack there."""
        python = INSTALLED.with_name("python")
        subprocess.run([python, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
        [packages] = (folder / ".venv").glob("lib/python3*/site-packages")
        [theirs] = INSTALLED.parents[1].glob("lib/python3*/site-packages")
        (packages / "crackerjack.pth").write_text(f"{theirs}\n")
        return folder

    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls, tmp_path_factory: pytest.TempPathFactory) -> CrackerjackRunner:
        if not INSTALLED.is_file():
            pytest.skip("crackerjack is not installed: .ci/crackerjack does it, or CRACKERJACK says where it is")
        home = tmp_path_factory.mktemp("home")
        processes = Replayed(PsutilProcessRunner(birth), frozenset({"--fast", "--comp"}), {"HOME": str(home)})
        return CrackerjackRunner(processes, PytestReportlogRecorder(), command=[str(INSTALLED)], home=home)

    @pytest.fixture(scope="class")
    @classmethod
    def toolless(cls, tmp_path_factory: pytest.TempPathFactory) -> CrackerjackRunner:
        return CrackerjackRunner(Nothing(birth), PytestReportlogRecorder(), home=tmp_path_factory.mktemp("empty"))
