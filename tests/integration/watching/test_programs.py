"""Real processes, by their names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.psutil.programs import PsutilActivitySource
from session_mgmt_mcp.contracts.activity_source import ActivitySourceContract

SLEEPER = "our-sleeper"


@pytest.fixture
def running(tmp_path: Path):
    """A process under a name of its own, with an argument that looks like a secret."""
    link = tmp_path / SLEEPER
    link.symlink_to(os.path.realpath(sys.executable))
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [link, "-c", code, "--token=hunter2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        yield SLEEPER
        process.stdin.close()


class TestPsutilActivitySource(ActivitySourceContract):
    @pytest.fixture
    def source(self) -> PsutilActivitySource:
        return PsutilActivitySource()


async def test_no_argument_of_a_program_is_told(running):
    told = await PsutilActivitySource().programs()
    assert running in told and not any("hunter2" in name for name in told)
