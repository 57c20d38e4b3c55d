"""What crackerjack is asked, and what becomes of its answers."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.crackerjack.runner import CrackerjackRunner
from session_mgmt_mcp.ports.errors import NotFound, Unavailable, Unsupported
from session_mgmt_mcp.ports.process_runner import Cause
from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    Case,
    CaseStatus,
    Command,
    Option,
    Options,
    Outcome,
    Progress,
    Request,
    RunReport,
    StepStatus,
)
from session_mgmt_mcp.ports.test_recorder import Tested

from tests.unit.crackerjack import printed
from tests.unit.crackerjack.scripted import Recorded, Scripted, new_crackerjack, new_program

FAST, COMP, TESTS = "run --fast --verbose", "run --comp --verbose", "run-tests --verbose"
WITH_AI = printed.HELP.replace("│ --dry-run", "│ --ai-fix ")


@pytest.fixture
def processes(tmp_path: Path) -> Scripted:
    return new_crackerjack(tmp_path)


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def runner(processes: Scripted, recorded: Recorded, tmp_path: Path) -> CrackerjackRunner:
    return CrackerjackRunner(processes, recorded, home=tmp_path)


@pytest.fixture
def told() -> list[Progress]:
    return []


@pytest.fixture
def run(runner: CrackerjackRunner, shop: Path, told: list[Progress]):
    async def printed_to(text: str) -> None:
        pass

    async def progressed(one: Progress) -> None:
        told.append(one)

    async def ran(command: Command, options: Options = Options(), **more: object) -> RunReport:  # noqa: B008
        return await runner.run(Request(shop, command, options, **more), printed_to, progressed)

    return ran


def steps(report: RunReport) -> dict[str, StepStatus]:
    return {step.name: step.status for step in report.steps}


# What it offers


async def test_each_command_offers_the_hooks_of_its_aspect(runner: CrackerjackRunner, shop: Path) -> None:
    can = await runner.capabilities(shop)
    assert (can.version, can.interpreter) == ("0.74.4", "/opt/cj/bin/python (3.13.7)")
    assert set(can.commands) == set(Command)
    assert can.commands[Command.TEST].steps == ["pytest"]
    assert "ruff-check" in can.commands[Command.LINT].steps and "ruff-check" not in can.commands[Command.FORMAT].steps
    assert {command for command in Command if can.commands[command].rewrites} == {
        *(Command.LINT, Command.FORMAT, Command.ALL),
    }
    assert can.options[Command.TEST] == {Option.WORKERS} and not can.options[Command.LINT] and not can.ai_agent


async def test_a_hook_whose_program_is_not_there_is_no_step(runner, shop: Path) -> None:
    assert (await runner.capabilities(shop)).commands[Command.CHECK].steps == []
    ty = shop / ".venv" / "bin" / "ty"
    ty.parent.mkdir(parents=True)
    ty.write_text("")
    ty.chmod(0o755)
    assert (await runner.capabilities(shop)).commands[Command.CHECK].steps == ["ty"]


async def test_what_its_help_does_not_list_is_not_offered(runner, processes: Scripted, shop: Path) -> None:
    processes.says("run --help", "  --fast  Only fast hooks.\n")
    processes.said.pop("run-tests --help")
    can = await runner.capabilities(shop)
    assert set(can.commands) == {Command.LINT, Command.FORMAT, Command.ALL}


async def test_it_is_asked_for_help_once(runner, processes: Scripted, shop: Path) -> None:
    await runner.capabilities(shop)
    await runner.capabilities(shop)
    assert sorted(processes.ran) == ["--version", "run --help", "run-tests --help"]


async def test_another_version_is_asked_anew(runner, processes: Scripted, shop: Path) -> None:
    await runner.capabilities(shop)
    assert processes.program
    os.utime(processes.program, ns=(1, 1))
    processes.says("--version", "Crackerjack v0.75.0\n")
    assert (await runner.capabilities(shop)).version == "0.75.0"


async def test_one_that_is_too_old_is_refused(runner, processes: Scripted, shop: Path) -> None:
    processes.says("--version", "Crackerjack v0.30.1\n")
    processes.said.pop("run --help")
    with pytest.raises(Unavailable, match=r"0\.30\.1.*0\.74.*install"):
        await runner.capabilities(shop)


async def test_where_it_is_not_installed_it_says_how_to_get_it(runner, processes: Scripted, shop: Path) -> None:
    processes.program = None
    with pytest.raises(Unavailable, match="uv tool install"):
        await runner.capabilities(shop)


async def test_a_folder_that_is_gone_is_told(runner, shop: Path) -> None:
    with pytest.raises(NotFound):
        await runner.capabilities(shop / "gone")


async def test_a_configured_command_line_is_used(processes: Scripted, shop: Path, tmp_path: Path) -> None:
    program = new_program(tmp_path)
    for words in [*processes.said]:
        processes.said[f"tool run crackerjack {words}"] = processes.said[words]
    runner = CrackerjackRunner(
        processes, Recorded(), command=[str(program), "tool", "run", "crackerjack"], home=tmp_path
    )
    can = await runner.capabilities(shop)
    assert can.version == "0.74.4" and can.interpreter == f"{program} tool run crackerjack (its own choice)"
    gone = CrackerjackRunner(processes, Recorded(), command=["/nowhere/crackerjack"], home=tmp_path)
    with pytest.raises(Unavailable, match="/nowhere/crackerjack"):
        await gone.capabilities(shop)


async def test_the_version_of_its_python_is_told(runner, processes: Scripted, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.13.7\n")
    new_program(tmp_path, f"{tmp_path}/bin/python")
    assert (await runner.capabilities(shop)).interpreter == f"{tmp_path}/bin/python (3.13.7)"


async def test_the_tools_that_hooks_lack_are_named(runner, shop: Path) -> None:
    lacking = " ".join((await runner.capabilities(shop)).lacking)
    assert "semgrep" in lacking and "betterleaks" in lacking and ".venv" not in lacking
    (shop / ".venv" / "bin").mkdir(parents=True)
    assert "pytest-xdist" in " ".join((await runner.capabilities(shop)).lacking)


# What is asked


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (Command.TEST, [TESTS]),
        (Command.LINT, [FAST]),
        (Command.FORMAT, [FAST]),
        (Command.CHECK, [COMP]),
        (Command.SECURITY, [COMP]),
        (Command.COMPLEXITY, [COMP]),
        (Command.ALL, [FAST, COMP, TESTS]),
    ],
)
async def test_a_command_is_a_fixed_command_line(run, processes: Scripted, command: Command, words: list[str]) -> None:
    report = await run(command)
    assert processes.ran[-len(words) :] == words
    assert report.ran == [f"{processes.program} {one}" for one in words]


async def test_workers_are_handed_on(run, processes: Scripted) -> None:
    await run(Command.TEST, Options(workers=2))
    assert processes.ran[-1] == f"{TESTS} --workers 2"


@pytest.mark.parametrize("options", [Options(paths=["a.py"]), Options(changed_only=True), Options(fail_fast=True)])
async def test_options_that_it_lacks_are_refused(run, processes: Scripted, options: Options) -> None:
    for command in (Command.LINT, Command.TEST):
        with pytest.raises(Unsupported, match="pytools"):
            await run(command, options)
    assert not [words for words in processes.ran if "help" not in words and "version" not in words]


async def test_a_model_mends_nothing_where_no_option_says_so(run) -> None:
    with pytest.raises(Unsupported, match=r"crackerjack 0\.74\.4 has no option --ai-fix"):
        await run(Command.LINT, ai_agent=True)


@pytest.mark.parametrize(
    ("command", "words"),
    [(Command.LINT, f"{FAST} --ai-fix"), (Command.TEST, "run --run-tests --skip-hooks --verbose --ai-fix")],
)
async def test_a_model_mends_where_an_option_says_so(run, runner, processes, shop, command, words) -> None:
    processes.says("run --help", WITH_AI)
    await run(command, ai_agent=True)
    assert processes.ran[-1] == words
    can = await runner.capabilities(shop)
    assert can.ai_agent and all(offer.rewrites for offer in can.commands.values())
    await run(command)
    assert "--ai-fix" not in processes.ran[-1]


async def test_the_tests_run_with_the_projects_pytest_if_it_has_what_they_need(run, processes, shop: Path) -> None:
    programs = shop / ".venv" / "bin"
    packages = shop / ".venv" / "lib" / "python3.13" / "site-packages"
    packages.mkdir(parents=True)
    programs.mkdir()
    await run(Command.TEST)
    assert processes.environments[-1]["PATH"].split(":")[0] == "/opt/cj/bin"
    (packages / "pytest_timeout.py").write_text("")
    for module in ("pytest", "xdist", "pytest_cov"):
        (packages / module).mkdir()
    await run(Command.TEST)
    assert processes.environments[-1]["PATH"].split(":")[0] == "/opt/cj/bin"
    (programs / "pytest").write_text("")
    await run(Command.TEST)
    assert processes.environments[-1]["PATH"].split(":")[:2] == [str(programs), "/opt/cj/bin"]
    assert processes.environments[-1]["PYTEST_ADDOPTS"] == "-p recorder"


# What becomes of it


async def test_a_report_is_about_the_hooks_of_its_aspect(run, processes: Scripted) -> None:
    processes.says(COMP, printed.COMPREHENSIVE, 1)
    report = await run(Command.COMPLEXITY)
    assert report.outcome is Outcome.FINDINGS
    assert steps(report) == {"pyscn": StepStatus.FAILED, "cohesion": StepStatus.PASSED}
    assert (await run(Command.ALL)).steps[-2].name == "refurb"


async def test_findings_lie_in_files_of_the_project(run, processes: Scripted, shop: Path) -> None:
    (shop / "shop").mkdir()
    (shop / "shop" / "names.py").write_text("")
    processes.says(FAST, printed.FAST_TWICE.replace("/srv/shop", str(shop)), 1)
    [found] = (await run(Command.LINT)).findings
    assert (found.step, found.aspect, found.rule, found.file, found.line) == (
        *("ruff-check", Aspect.LINT, "F821"),
        *("shop/names.py", 5),
    )
    processes.says(FAST, printed.FAST_TWICE, 1)
    report = await run(Command.LINT)
    assert not report.findings and [step.findings for step in report.steps if step.name == "ruff-check"] == [1]


async def test_what_others_found_leaves_a_command_clean(run, processes: Scripted) -> None:
    processes.says(FAST, printed.FAST_TWICE, 1)
    report = await run(Command.FORMAT)
    assert (report.outcome, steps(report), report.note) == (Outcome.CLEAN, {"ruff-format": StepStatus.PASSED}, "")


async def test_where_no_hook_could_look_it_is_not_clean(run, processes: Scripted) -> None:
    processes.says(COMP, printed.COMPREHENSIVE, 1)
    report = await run(Command.SECURITY)
    assert report.outcome is Outcome.USAGE_ERROR and "install semgrep" in report.note
    assert set(steps(report).values()) == {StepStatus.MISSING}


@pytest.mark.parametrize(
    ("text", "code", "cause", "outcome", "note"),
    [
        (printed.FAST_PASSED, 0, Cause.EXITED, Outcome.CLEAN, ""),
        (printed.NO_SUCH_OPTION, 2, Cause.EXITED, Outcome.USAGE_ERROR, "No such option: --ai-fixx"),
        (printed.TESTS_BROKEN, 1, Cause.EXITED, Outcome.CRASH, "Workflow failed"),
        (printed.FAST_PASSED, 1, Cause.EXITED, Outcome.CRASH, "exit code 1"),
        (printed.FAST_TWICE, 247, Cause.EXITED, Outcome.CRASH, "247"),
        (printed.FAST_TWICE, 9, Cause.SIGNALLED, Outcome.CRASH, "signal 9"),
        (printed.FAST_TWICE, 9, Cause.TIMED_OUT, Outcome.TIMEOUT, "300 s"),
        (printed.FAST_TWICE, 9, Cause.PRINTED_TOO_MUCH, Outcome.CRASH, "stop printing"),
        ("", 0, Cause.EXITED, Outcome.CRASH, "exit code 0"),
    ],
)
async def test_an_end_means_one_thing(run, processes, text, code, cause, outcome, note) -> None:
    processes.says(FAST, text, code, cause)
    report = await run(Command.LINT)
    assert report.outcome is outcome and note in report.note and bool(note) == bool(report.note)


async def test_what_was_told_before_the_time_was_over_is_kept(run, processes: Scripted) -> None:
    processes.says(FAST, printed.FAST_TWICE[:900], 9, Cause.TIMED_OUT)
    report = await run(Command.ALL)
    assert report.outcome is Outcome.TIMEOUT and steps(report)["ruff-check"] is StepStatus.FAILED
    assert processes.ran[-1] == FAST


async def test_all_comes_to_the_worst_of_its_parts(run, processes: Scripted, recorded: Recorded) -> None:
    processes.says(FAST, printed.FAST_PASSED)
    processes.says(COMP, printed.COMPREHENSIVE, 1)
    processes.says(TESTS, "", 0)
    recorded.tested = Tested([Case("tests/test_cart.py::test_total", CaseStatus.PASSED)], whole=True)
    report = await run(Command.ALL)
    assert (report.outcome, len(report.cases), len(report.steps)) == (Outcome.FINDINGS, 1, 3 + 7 + 1)
    processes.says(TESTS, "", 247)
    assert (await run(Command.ALL)).outcome is Outcome.CRASH


async def test_without_a_recorder_the_hooks_are_told_all_the_same(run, processes, recorded: Recorded) -> None:
    processes.says(FAST, printed.FAST_PASSED)
    processes.says(COMP, printed.COMPREHENSIVE, 1)
    recorded.absent = True
    report = await run(Command.ALL)
    assert (report.outcome, len(report.ran), steps(report)["pytest"]) == (Outcome.FINDINGS, 2, StepStatus.MISSING)
    with pytest.raises(Unavailable, match="install"):
        await run(Command.TEST)


FAILED = Tested([Case("tests/test_cart.py::test_total", CaseStatus.FAILED, message="assert")], whole=True)


@pytest.mark.parametrize(
    ("code", "tested", "outcome", "status"),
    [
        (0, Tested([Case("t.py::test", CaseStatus.PASSED)], whole=True), Outcome.CLEAN, StepStatus.PASSED),
        (1, FAILED, Outcome.FINDINGS, StepStatus.FAILED),
        (2, FAILED, Outcome.FINDINGS, StepStatus.FAILED),
        (4, Tested(), Outcome.USAGE_ERROR, StepStatus.CRASHED),
        (5, Tested(whole=True), Outcome.CLEAN, StepStatus.SKIPPED),
        (1, Tested(), Outcome.CRASH, StepStatus.CRASHED),
        (247, Tested(FAILED.cases), Outcome.CRASH, StepStatus.CRASHED),
        (0, Tested(FAILED.cases), Outcome.CRASH, StepStatus.CRASHED),
    ],
)
async def test_the_end_of_pytest_means_one_thing(run, processes, recorded, code, tested, outcome, status) -> None:
    processes.says(
        TESTS, "Running: pytest\nERROR: usage: pytest\npytest: error: unrecognized: --odd\n  rootdir: /\n", code
    )
    recorded.tested = tested
    report = await run(Command.TEST)
    assert (report.outcome, steps(report)) == (outcome, {"pytest": status})
    if outcome in (Outcome.USAGE_ERROR, Outcome.CRASH):
        assert "--odd" in report.note


async def test_progress_knows_how_many_hooks_there_were_last_time(run, processes, told: list[Progress]) -> None:
    def totals(told: Sequence[Progress]) -> list[int | None]:
        return [one.total for one in told]

    processes.says(FAST, printed.FAST_PASSED)
    await run(Command.LINT)
    assert [one.done for one in told] == [0, 1, 2, 3] and totals(told) == [None] * 4
    told.clear()
    await run(Command.LINT)
    assert totals(told) == [3] * 4


async def test_hooks_that_ran_are_offered(run, runner, processes, shop: Path) -> None:
    processes.says(COMP, printed.COMPREHENSIVE.replace("ty.", "zuban.").replace("- ty", "- zuban"), 1)
    await run(Command.CHECK)
    assert (await runner.capabilities(shop)).commands[Command.CHECK].steps == ["zuban"]
