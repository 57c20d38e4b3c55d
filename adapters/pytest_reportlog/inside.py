"""Goes into a project's pytest as the plugin session_mgmt_recording: pytest-reportlog, and what it leaves out.

Alone in its folder there, with pytest_reportlog beside it: it may import nothing of ours.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pytest_reportlog.plugin import ReportLogPlugin

# A pytest that is started by a test shall not record into the same file.
LOG = os.environ.pop("SESSION_MGMT_RECORDING", "")
_HERE = str(Path(__file__).parent)
os.environ["PYTEST_ADDOPTS"] = os.environ.get("PYTEST_ADDOPTS", "").partition("-p session_mgmt_recording")[0].rstrip()
_PATHS = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one and one != _HERE]
os.environ["PYTHONPATH"] = os.pathsep.join(_PATHS)
for _name in ("PYTEST_ADDOPTS", "PYTHONPATH"):
    if not os.environ[_name]:
        del os.environ[_name]


class _Quiet(ReportLogPlugin):  # type: ignore[misc]
    def pytest_terminal_summary(self) -> None:
        """Where the log lies is nobody's business."""


def pytest_configure(config: Any) -> None:
    if not LOG:  # a worker of xdist
        return
    if not hasattr(config.option, "report_log_exclude_logs_on_passed_tests"):
        config.option.report_log_exclude_logs_on_passed_tests = True
    plugin = _Quiet(config, Path(LOG))
    config.pluginmanager.register(plugin, "session_mgmt_reportlog")
    config.add_cleanup(plugin.close)
    _tell(config, None)


def pytest_collection_finish(session: Any) -> None:
    _tell(session.config, len(session.items))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: Any) -> None:
    _tell(node.config, len(ids))


def _tell(config: Any, collected: Any) -> None:
    """Where names of tests start from, and how many there are: the log holds neither."""
    if LOG:
        root = getattr(config, "rootpath", None) or config.rootdir
        Path(LOG + ".facts").write_text(json.dumps({"root": str(root), "collected": collected}))
