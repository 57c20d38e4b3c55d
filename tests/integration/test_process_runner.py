"""Programs that are run, with all that they leave."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from session_mgmt_mcp.adapters.local.processes import birth
from session_mgmt_mcp.adapters.psutil import ending
from session_mgmt_mcp.adapters.psutil.environment import reduced
from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner
from session_mgmt_mcp.contracts.process_runner import ProcessRunnerContract, Told, alive, python
from session_mgmt_mcp.opening import open_service
from session_mgmt_mcp.ports.process_runner import Cause

RUNNER = """
import asyncio, sys
from pathlib import Path
from session_mgmt_mcp.adapters.local.processes import birth
from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner

async def quiet(text): ...
asyncio.run(PsutilProcessRunner(birth).run(sys.argv[1:], Path.cwd(), timeout=600, printed=quiet))
"""
CHILD = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"


class TestPsutilProcessRunner(ProcessRunnerContract):
    @pytest.fixture
    def processes(self) -> PsutilProcessRunner:
        return PsutilProcessRunner(birth)


@pytest.fixture
def processes() -> PsutilProcessRunner:
    return PsutilProcessRunner(birth)


@pytest.fixture
def start(tmp_path: Path):
    """Has another process run a program that never ends, and waits until it does."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str) -> subprocess.Popen[bytes]:
        runner = subprocess.Popen([sys.executable, "-c", RUNNER, *python(CHILD, name)], cwd=tmp_path)
        started.append(runner)
        until = time.monotonic() + 60
        while not ((tmp_path / name).exists() and (tmp_path / name).read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        return runner

    yield begin
    for runner in started:
        runner.kill()
        runner.wait()
    for file in tmp_path.iterdir():
        if file.is_file() and alive(tmp_path, file.name):
            os.kill(int(file.read_text()), signal.SIGKILL)


async def test_what_a_killed_hub_has_left_is_ended_by_the_next(processes, start, tmp_path, monkeypatch):
    killed, _living = start("killed"), start("living")
    await processes.end_left_behind()
    assert alive(tmp_path, "killed", "living") == ["killed", "living"]
    killed.kill()
    killed.wait()
    monkeypatch.setenv("SESSION_MGMT_VECTOR_STORE", "memory")
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    async with open_service(), asyncio.timeout(20):
        while alive(tmp_path, "killed"):
            await asyncio.sleep(0.05)
    assert alive(tmp_path, "living") == ["living"]


async def test_a_run_within_a_run_ends_with_the_outer_one(processes, tmp_path):
    """Also when what the inner one started has neither parent nor session in common with the outer one."""
    inner = [sys.executable, "-c", RUNNER, *python(CHILD, "inner")]
    code = f"""
        import subprocess, time, pathlib
        inner = subprocess.Popen({inner!r}, start_new_session=True)
        while not (pathlib.Path("inner").exists() and pathlib.Path("inner").read_text()): time.sleep(0.01)
        inner.kill(); inner.wait()
    """
    ended = await processes.run(python(code), tmp_path, timeout=60, printed=Told())
    assert (ended.cause, ended.left) == (Cause.EXITED, 1) and alive(tmp_path, "inner") == []


def test_a_tag_of_unknown_form_is_nobodys():
    for tag in ("", "x", "1", "1:", "-1:a:b", "x:y:z", "99999999999999999999"):
        assert not ending._is_gone(tag, lambda _: "")
    assert ending._is_gone(f"{os.getpid()}:another/1:x", birth)
    assert not ending._is_gone(ending.new_tag(birth), birth)


async def test_it_ends_what_never_stops_printing(tmp_path):
    told = Told()
    runner = PsutilProcessRunner(birth, most_printed=1_000_000)
    ended = await runner.run(["yes"], tmp_path, timeout=60, printed=told)
    assert ended.cause is Cause.PRINTED_TOO_MUCH and 1_000_000 <= ended.printed < 1_200_000
    assert len(told.text) == ended.printed


async def test_memory_is_bounded_whatever_is_printed(processes, tmp_path):
    async def listen(text: str) -> None:
        nonlocal most
        most = max(most, psutil.Process().memory_info().rss)

    before = most = psutil.Process().memory_info().rss
    code = "import sys; [sys.stdout.write('x' * 999_999 + chr(10) * (n % 2)) for n in range(100)]"
    ended = await processes.run(python(code), tmp_path, timeout=100, printed=listen)
    assert ended.cause is Cause.EXITED and ended.printed > 99_000_000
    assert most - before < 10_000_000, f"{(most - before) / 1e6:.1f} MB"


async def test_who_keeps_the_output_open_and_cannot_be_found_is_not_waited_for(processes, tmp_path):
    """No tag, another session, no parent: but nothing hangs on it."""
    child = "import os, sys, time; open('hidden', 'w').write(str(os.getpid())); time.sleep(600)"
    code = f"""
        import subprocess, sys, time, pathlib
        between = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True)"
        subprocess.run([sys.executable, "-c", between, {child!r}], env={{}}, check=True)
        while not (pathlib.Path("hidden").exists() and pathlib.Path("hidden").read_text()): time.sleep(0.01)
        print("done")
    """
    told = Told()
    began = time.monotonic()
    ended = await processes.run(python(code), tmp_path, timeout=60, printed=told)
    assert (ended.cause, told.text) == (Cause.EXITED, "done\n") and time.monotonic() - began < 20
    if alive(tmp_path, "hidden"):
        os.kill(int((tmp_path / "hidden").read_text()), signal.SIGKILL)


def test_variables_are_inherited_by_name_or_pattern_but_never_our_own_python():
    given = {"UV_INDEX": "1", "UVULA": "1", "GOPATH": "1", "VIRTUAL_ENV": "1", "PYTHONPATH": "1", "XDG_CACHE_HOME": "1"}
    assert set(reduced(given, ["UV_*", "VIRTUAL_ENV"])) - set(reduced({}, [])) == {"UV_INDEX", "XDG_CACHE_HOME"}
    assert not {"VIRTUAL_ENV", "PYTHONPATH"} & set(reduced(given, ["*"]))
