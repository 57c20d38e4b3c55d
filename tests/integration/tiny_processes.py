"""The least that runs programs and records pytest, for tests of what stands on them."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

import psutil
from session_mgmt_mcp.ports.process_runner import Cause, Ended, Printed
from session_mgmt_mcp.ports.quality_runner import Case, CaseStatus, LinesRun
from session_mgmt_mcp.ports.test_recorder import Tested

PLUGIN = """
import json, os
OUT = os.environ["TINY_OUT"]
CASES = {}
def say(**what):
    with open(OUT, "a") as out:
        out.write(json.dumps(what) + "\\n")
def pytest_collection_finish(session):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        say(total=len(session.items))
def pytest_collectreport(report):
    if report.failed:
        say(id=report.nodeid, status="error", file=report.nodeid.split("::")[0], message=str(report.longrepr)[:4000])
def pytest_runtest_logreport(report):
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    file, line, _ = report.location
    status = {"passed": "passed", "skipped": "skipped", "failed": "failed"}[report.outcome]
    if report.when != "call" and status == "failed":
        status = "error"
    if report.when == "call" or status != "passed":
        text = "" if status == "passed" else str(report.longrepr)
        at = getattr(getattr(report.longrepr, "reprcrash", None), "lineno", line + 1)
        say(id=report.nodeid, status=status, file=file, line=at, message=text[:4000], seconds=report.duration)
def pytest_sessionfinish(session, exitstatus):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        say(whole=True)
"""


class TinyProcesses:
    async def run(
        self,
        argv: Sequence[str],
        folder: Path,
        *,
        timeout: float,
        printed: Printed,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Ended:
        began = time.monotonic()
        env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env={**env, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=1 << 28,
        )
        count = 0
        assert process.stdout
        try:
            async with asyncio.timeout(timeout):
                while text := await process.stdout.readline():
                    count += len(text)
                    await printed(text.decode(errors="replace"))
                code = await process.wait()
        except TimeoutError:
            return Ended(Cause.TIMED_OUT, 9, time.monotonic() - began, count)
        finally:
            _end(process.pid)
            await process.wait()
        cause = Cause.SIGNALLED if code < 0 else Cause.EXITED
        return Ended(cause, abs(code), time.monotonic() - began, count)

    def which(self, program: str, folders: Sequence[Path] = ()) -> Path | None:
        for folder in folders:
            if os.access(folder / program, os.X_OK):
                return folder / program
        found = shutil.which(program)
        return Path(found) if found else None


def _end(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            process.kill()
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


class TinyRecording:
    def __init__(self, own: Path, coverage: bool) -> None:
        self._own = own
        self._coverage = coverage
        (own / "tiny_plugin.py").write_text(PLUGIN)
        self.environment = {
            "PYTHONPATH": str(own),
            "PYTEST_PLUGINS": "tiny_plugin",
            "TINY_OUT": str(own / "out"),
            **({"PYTEST_ADDOPTS": f"--cov-report=json:{own / 'cov.json'}"} if coverage else {}),
        }

    def _said(self) -> list[dict]:
        with suppress(FileNotFoundError):
            return [json.loads(line) for line in (self._own / "out").read_text().splitlines()]
        return []

    def counted(self) -> tuple[int, int | None]:
        said = self._said()
        total = next((one["total"] for one in said if "total" in one), None)
        return len({one["id"] for one in said if "id" in one}), total

    def read(self, folder: Path) -> Tested:
        said = self._said()
        cases = {}
        for one in said:
            if "id" in one:
                status = CaseStatus(one.pop("status"))
                cases[one["id"]] = Case(status=status, **one)
        lines = None
        with suppress(FileNotFoundError):
            totals = json.loads((self._own / "cov.json").read_text())["totals"]
            lines = LinesRun(totals["covered_lines"], totals["num_statements"])
        return Tested(list(cases.values()), lines, any("whole" in one for one in said))


class TinyRecorder:
    @contextmanager
    def recording(self, *, coverage: bool) -> Iterator[TinyRecording]:
        with tempfile.TemporaryDirectory() as own:
            yield TinyRecording(Path(own), coverage)
