"""TestRecorder by pytest-reportlog, which pytest loads in its own environment from a folder that holds nothing else."""

import importlib.util
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from session_mgmt_mcp.adapters.pytest_reportlog.log import Log
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.quality_runner import LinesRun
from session_mgmt_mcp.ports.test_recorder import Tested, TestRecording

_INSIDE = Path(__file__).with_name("inside.py")


class PytestReportlogRecorder:
    """TestRecorder. `addopts`: the user's own PYTEST_ADDOPTS, where programs inherit them."""

    def __init__(self, addopts: str = "") -> None:
        self._addopts = addopts

    @contextmanager
    def recording(self, *, coverage: bool) -> Iterator[TestRecording]:
        found = importlib.util.find_spec("pytest_reportlog")
        if found is None or not found.submodule_search_locations:
            raise Unavailable("Tests are recorded by pytest-reportlog: pip install session-mgmt-mcp[quality].", 3_600)
        with tempfile.TemporaryDirectory(prefix="session-mgmt-recording-") as folder:
            own, plugins = Path(folder), Path(folder) / "plugins"
            code = plugins / "pytest_reportlog"
            code.mkdir(parents=True)
            for file in Path(found.submodule_search_locations[0]).glob("*.py"):
                shutil.copyfile(file, code / file.name)
            shutil.copyfile(_INSIDE, plugins / "session_mgmt_recording.py")
            yield _Recording(own, plugins, self._addopts, coverage)


class _Recording:
    __test__: ClassVar[bool] = False

    def __init__(self, own: Path, plugins: Path, addopts: str, coverage: bool) -> None:
        log, self._coverage = own / "log", own / "coverage.json"
        figures = ["--cov-report", f"json:{self._coverage}"] if coverage else []
        options = shlex.join(["-p", "session_mgmt_recording", *figures])
        self.environment: Mapping[str, str] = {
            "PYTEST_ADDOPTS": f"{addopts} {options}".strip(),
            "PYTHONPATH": os.fspath(plugins),
            "SESSION_MGMT_RECORDING": os.fspath(log),
        }
        self._file, self._log = log, Log(log)
        self._facts = own / "log.facts"

    def counted(self) -> tuple[int, int | None]:
        self._log.follow()
        collected = _json(self._facts).get("collected")
        done = self._log.done
        return done, max(done, collected) if isinstance(collected, int) else None

    def read(self, folder: Path) -> Tested:
        log = Log(self._file)  # from its beginning: another pytest may have begun it anew
        log.follow()
        root = Path(str(_json(self._facts).get("root") or folder))
        return Tested(log.cases(folder.resolve(), root), self._lines_run(), log.whole)

    def _lines_run(self) -> LinesRun | None:
        match _json(self._coverage).get("totals"):
            case {"covered_lines": int(covered), "num_statements": int(total)}:
                return LinesRun(covered, total)
            case _:
                return None


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
