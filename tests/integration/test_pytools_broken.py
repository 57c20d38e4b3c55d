"""Tools that do not do what tools do: programs in the project's own environment that stand in for them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from session_mgmt_mcp.adapters.pytools import toolbox
from session_mgmt_mcp.contracts import quality_samples as samples
from session_mgmt_mcp.contracts.quality_runner import Watched, assert_sound, watch_run
from session_mgmt_mcp.ports.quality_runner import Command, Outcome, Request, StepStatus

from tests.integration.test_pytools import shared_runner

TOOLS = {
    Command.LINT: "ruff",
    Command.CHECK: "mypy",
    Command.SECURITY: "bandit",
    Command.COMPLEXITY: "complexipy",
}
NO_REPORTS = ["", "{", "[1, 2]", '[{"code": []}]']
Place = Callable[[str, str], Path]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return samples.new_project(tmp_path / "shop", samples.SOUND)


@pytest.fixture
def place(shop: Path) -> Place:
    """Puts a Python program of that name into the project's environment; it has a version."""

    def placed(name: str, body: str) -> Path:
        program = shop / ".venv" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        version = f"import sys\nif '--version' in sys.argv:\n    print('{name} 99.1')\n    sys.exit()\n"
        program.write_text(f"#!{sys.executable}\n{version}{body}\n")
        program.chmod(0o755)
        return program

    return placed


async def ran(folder: Path, command: Command, timeout: float = 60) -> Watched:
    seen = await watch_run(shared_runner(), Request(folder, command, timeout=timeout))
    assert_sound(seen.report, folder)
    return seen


async def test_the_projects_own_tool_is_taken(shop: Path, place: Place) -> None:
    program = place("ruff", "print('No Python files found')")
    seen = await ran(shop, Command.LINT)
    assert seen.report.version == "ruff 99.1" and seen.report.steps[0].status is StepStatus.SKIPPED
    program.unlink()
    assert (await ran(shop, Command.LINT)).report.version.startswith("ruff 0.")


async def test_a_tool_that_hangs_is_ended_with_what_it_started(shop: Path, place: Place) -> None:
    body = "import os, subprocess, time\nother = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    place("ruff", f"{body}open('pids', 'w').write(f'{{os.getpid()}} {{other.pid}}')\ntime.sleep(600)")
    seen = await ran(shop, Command.LINT, timeout=1.5)
    assert seen.report.outcome is Outcome.TIMEOUT and seen.seconds < 15 and "ruff" in seen.report.note
    for pid in (shop / "pids").read_text().split():
        assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE


async def test_a_tool_that_does_not_say_its_version_is_passed_over(
    shop: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shared_runner().capabilities(shop)  # the others are known from here on
    monkeypatch.setattr(toolbox, "PATIENCE", 1.0)
    place("ruff", "").write_text("#!/bin/sh\nsleep 600\n")
    place("mypy", "").write_text("#!/bin/sh\nexit 1\n")
    runner = shared_runner()
    began = time.monotonic()
    can = await runner.capabilities(shop)
    assert "ruff 0." in can.version and "mypy 2." in can.version
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("command", sorted(TOOLS))
@pytest.mark.parametrize("text", NO_REPORTS, ids=repr)
async def test_what_is_no_report_is_a_crash_of_that_step(shop: Path, place: Place, command: Command, text: str) -> None:
    out = "next((word.partition('=')[2] for word in sys.argv if word.startswith('--output')"
    out += " and 'format' not in word and '/' in word), '/dev/stdout')"
    place(TOOLS[command], f"open({out}, 'w').write({text!r})\nsys.exit(1)")
    report = (await ran(shop, command)).report
    assert report.outcome is Outcome.CRASH and report.steps[0].status is StepStatus.CRASHED
    assert TOOLS[command] in report.note


@pytest.mark.parametrize("command", [*sorted(TOOLS), Command.FORMAT, Command.TEST])
async def test_a_tool_that_is_killed_is_a_crash(shop: Path, place: Place, command: Command) -> None:
    place({**TOOLS, Command.FORMAT: "ruff", Command.TEST: "pytest"}[command], "import os\nos.kill(os.getpid(), 9)")
    report = (await ran(shop, command)).report
    assert report.outcome is Outcome.CRASH and "SIGKILL" in report.note


@pytest.mark.parametrize("code", [77])
@pytest.mark.parametrize("command", [*sorted(TOOLS), Command.FORMAT, Command.TEST])
async def test_an_exit_code_that_nobody_knows_is_a_crash(shop: Path, place: Place, command: Command, code: int) -> None:
    program = {**TOOLS, Command.FORMAT: "ruff", Command.TEST: "pytest"}[command]
    place(program, f"print('Error: no more paper')\nsys.exit({code})")
    report = (await ran(shop, command)).report
    assert report.outcome is Outcome.CRASH and "no more paper" in report.note and str(code) in report.note


async def test_a_pytest_that_says_nothing_is_a_crash(shop: Path, place: Place) -> None:
    place("pytest", "print('all is well')")
    report = (await ran(shop, Command.TEST)).report
    assert report.outcome is Outcome.CRASH and not report.cases


async def test_a_hundred_megabytes_are_told_and_not_kept(shop: Path, place: Place) -> None:
    place("ruff", "for _ in range(100_000):\n    sys.stdout.write('x' * 999 + '\\n')")
    own = psutil.Process().memory_info().rss
    told = 0

    async def printed(text: str) -> None:
        nonlocal told
        told += len(text)

    async def progressed(_: object) -> None:
        pass

    report = await shared_runner().run(Request(shop, Command.LINT), printed, progressed)
    assert report.outcome is Outcome.CRASH and told >= 100_000_000
    assert psutil.Process().memory_info().rss - own < 150_000_000


async def test_one_broken_tool_does_not_keep_the_others_from_being_heard(shop: Path, place: Place) -> None:
    place("mypy", "")  # it is slow
    place("bandit", "sys.exit(77)")
    report = (await ran(shop, Command.ALL)).report
    statuses = {step.name: step.status for step in report.steps}
    assert report.outcome is Outcome.CRASH and statuses.pop("bandit") is StepStatus.CRASHED
    assert set(statuses.values()) == {StepStatus.PASSED} and len(report.cases) == 3


async def test_pyright_is_read_where_the_project_configures_it(shop: Path, place: Place) -> None:
    (shop / "pyrightconfig.json").write_text("{}")
    where = str(shop / "shop" / "cart.py")
    one = {"file": where, "severity": "error", "message": "no", "range": {"start": {"line": 4}}, "rule": "reportX"}
    told = {"generalDiagnostics": [one, {**one, "severity": "information"}], "summary": {"filesAnalyzed": 1}}
    place("pyright", f"import json\nprint('a new version is out')\nprint(json.dumps({told!r}))\nsys.exit(1)")
    report = (await ran(shop, Command.CHECK)).report
    [found] = report.findings
    assert report.version == "pyright 99.1"
    assert (found.step, found.file, found.line, found.rule) == ("pyright", "shop/cart.py", 5, "reportX")
