"""Programs that are run, with all that they leave."""

import pytest
from session_mgmt_mcp.adapters.local.processes import birth
from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner
from session_mgmt_mcp.contracts.process_runner import ProcessRunnerContract


class TestPsutilProcessRunner(ProcessRunnerContract):
    @pytest.fixture
    def processes(self) -> PsutilProcessRunner:
        return PsutilProcessRunner(birth)
