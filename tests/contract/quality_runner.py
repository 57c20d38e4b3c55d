"""What every QualityRunner does.

Its tools are slow, so each command is run once on a sample project, watched, and looked at by many tests.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, TypeAlias

import psutil
import pytest
from session_mgmt_mcp.contracts import quality_samples as samples
from session_mgmt_mcp.contracts.git_samples import run_git
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unavailable, Unsupported
from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    Capabilities,
    Case,
    CaseStatus,
    Command,
    Option,
    Options,
    Outcome,
    Progress,
    QualityRunner,
    Request,
    RunReport,
    StepStatus,
)

FAULTS = {
    Command.LINT: (Aspect.LINT, "shop/names.py", "first_nmae"),
    Command.CHECK: (Aspect.TYPES, "shop/labels.py", "return number"),
    Command.SECURITY: (Aspect.SECURITY, "shop/shell.py", "shell=True"),
    Command.COMPLEXITY: (Aspect.COMPLEXITY, "shop/routes.py", "def cheapest"),
}
"""What each command has to find in FAULTY: the aspect, the file, and what stands in the line."""

ASKED = {
    Option.CHANGED_ONLY: Options(changed_only=True),
    Option.FAIL_FAST: Options(fail_fast=True),
    Option.WORKERS: Options(workers=2),
    Option.PATHS: Options(paths=["tests/test_cart.py"]),
}
OUTSIDE = ["..", "../other", "/etc/passwd", "tests/../../other", "link/other.py", "tests/\0", "", "gone.py", "--co"]


@dataclass(frozen=True, slots=True)
class Watched:
    """A run with what was told while it ran, each with the second of the run that it was told at."""

    folder: Path
    capabilities: Capabilities
    report: RunReport
    seconds: float
    printed: list[tuple[float, str]] = field(default_factory=list)
    progress: list[tuple[float, Progress]] = field(default_factory=list)

    def cases(self, status: CaseStatus) -> dict[str, Case]:
        return {case.id: case for case in self.report.cases if case.status is status}


Watch: TypeAlias = Callable[[Command], Watched]


class QualityRunnerContract:
    """Subclass it and give two fixtures of scope "class" (class methods), bound to no event loop: `runner`, and
    `toolless`, a runner that finds none of its tools. What yours cannot give it says by the attributes below.
    """

    finds: ClassVar[frozenset[Command]] = frozenset(FAULTS)
    """Commands whose findings it names one by one; of others it must say that there are some."""
    blind: ClassVar[frozenset[Command]] = frozenset()
    """Commands whose tools are not there where it is tried: it has to say so, and not that all is well."""
    gives_complexity: ClassVar[bool] = True
    gives_coverage: ClassVar[bool] = True
    first_test_within: ClassVar[float] = 6.0
    """Seconds after which, on a busy machine, the first test of a small project has ended and the second one runs."""

    @classmethod
    def prepare(cls, folder: Path) -> Path:
        """Gives a sample project what the runner needs in it, such as an environment."""
        return folder

    # What a command comes to

    @pytest.fixture(scope="class")
    @classmethod
    def watch(cls, runner: QualityRunner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
        """Runs a command on a FAULTY project of its own; the same again is answered from the first time."""
        ran: dict[Command, Watched] = {}

        def watched(command: Command) -> Watched:
            if command not in ran:
                folder = cls.prepare(samples.new_project(tmp_path_factory.mktemp("shop")))
                ran[command] = asyncio.run(watch_run(runner, Request(folder, command)))
            return ran[command]

        yield watched

    @pytest.fixture(scope="class")
    @classmethod
    def tested(cls, watch: Watch) -> Watched:
        return watch(Command.TEST)

    @pytest.mark.parametrize("command", Command)
    def test_what_a_report_says_agrees_with_itself(self, watch: Watch, command: Command) -> None:
        seen = watch(command)
        report, offer = seen.report, seen.capabilities.commands[command]
        assert (report.runner, report.command) == (seen.capabilities.runner, command) and report.version
        assert 0 < report.seconds <= seen.seconds + 0.1 and report.ran
        there = {step.name for step in report.steps if step.status is not StepStatus.MISSING}
        assert report.steps and there <= set(offer.steps)
        assert_sound(report, seen.folder)

    @pytest.mark.parametrize("command", sorted(FAULTS))
    def test_what_is_wrong_is_found(self, watch: Watch, command: Command) -> None:
        aspect, file, text = FAULTS[command]
        report = watch(command).report
        if command in self.blind:
            assert report.outcome is Outcome.USAGE_ERROR and "install" in report.note
            assert {(step.aspect, step.status) for step in report.steps} == {(aspect, StepStatus.MISSING)}
            return
        assert report.outcome is Outcome.FINDINGS
        assert [step for step in report.steps if step.aspect is aspect and step.status is StepStatus.FAILED]
        if command in self.finds:
            told = {one.line: one.message for one in report.findings if (one.aspect, one.file) == (aspect, file)}
            assert told.get(samples.line_of(text, samples.FAULTY, file)), told

    def test_a_lint_finding_has_its_rule(self, watch: Watch) -> None:
        found = {(one.rule, one.file) for one in watch(Command.LINT).report.findings if one.aspect is Aspect.LINT}
        assert ("F821", "shop/names.py") in found

    def test_all_is_everything(self, watch: Watch) -> None:
        report = watch(Command.ALL).report
        aspects = {step.aspect for step in report.steps}
        assert report.outcome is Outcome.FINDINGS and report.cases and report.findings
        assert aspects >= {Aspect.TESTS, Aspect.LINT, Aspect.FORMAT, Aspect.TYPES, Aspect.SECURITY}

    @pytest.mark.parametrize("command", Command)
    def test_only_what_is_offered_to_rewrite_rewrites(self, watch: Watch, command: Command) -> None:
        seen = watch(command)
        if not seen.capabilities.commands[command].rewrites:
            assert run_git(seen.folder, "diff", "--name-only") == ""

    def test_formatting_is_mended_or_found(self, watch: Watch) -> None:
        seen = watch(Command.FORMAT)
        if seen.capabilities.commands[Command.FORMAT].rewrites:
            assert "shop/layout.py" in run_git(seen.folder, "diff", "--name-only").splitlines()
        else:
            assert seen.report.outcome is Outcome.FINDINGS

    def test_complexity_is_counted(self, watch: Watch) -> None:
        counted = watch(Command.COMPLEXITY).report.complexity
        if not self.gives_complexity:
            assert counted is None
            return
        assert counted and counted.worst == "shop/routes.py::cheapest" and counted.over == 1
        assert counted.functions >= 6 and counted.most > counted.limit > 0

    # Tests

    def test_each_test_is_told_with_what_became_of_it(self, tested: Watched) -> None:
        assert tested.report.outcome is Outcome.FINDINGS
        assert set(tested.cases(CaseStatus.PASSED)) == set(samples.PASSING)
        assert set(tested.cases(CaseStatus.FAILED)) == {samples.FAILING}
        assert set(tested.cases(CaseStatus.SKIPPED)) == {samples.SKIPPED}
        assert set(tested.cases(CaseStatus.ERROR)) == {samples.BROKEN}
        assert len(tested.report.cases) == 6

    def test_of_a_failed_test_one_knows_where_and_why(self, tested: Watched) -> None:
        failed = tested.cases(CaseStatus.FAILED)[samples.FAILING]
        here = samples.line_of("== 300", samples.FAULTY, "tests/test_cart.py")
        assert (failed.file, failed.line) == ("tests/test_cart.py", here)
        assert "assert 350 == 300" in failed.message and failed.seconds >= 0
        assert "the till is shut" in tested.cases(CaseStatus.ERROR)[samples.BROKEN].message
        assert all(case.message == "" for case in tested.cases(CaseStatus.PASSED).values())

    def test_lines_that_ran_are_counted(self, tested: Watched) -> None:
        if not self.gives_coverage:
            assert tested.report.lines_run is None
            return
        assert tested.report.lines_run and 0 < tested.report.lines_run.covered < tested.report.lines_run.total

    def test_tests_that_all_pass_are_clean(self, runner: QualityRunner, tmp_path: Path) -> None:
        folder = self.prepare(samples.new_project(tmp_path / "shop", samples.SOUND))
        seen = asyncio.run(watch_run(runner, Request(folder, Command.TEST)))
        assert (seen.report.outcome, seen.report.note) == (Outcome.CLEAN, ""), (seen.report, seen.printed)
        assert set(seen.cases(CaseStatus.PASSED)) == set(samples.PASSING) and len(seen.report.cases) == 3
        assert_sound(seen.report, folder)

    def test_a_usage_error_is_no_finding(self, runner: QualityRunner, tmp_path: Path) -> None:
        folder = self.prepare(samples.new_project(tmp_path / "shop", samples.MISCONFIGURED))
        seen = asyncio.run(watch_run(runner, Request(folder, Command.TEST)))
        assert seen.report.outcome is Outcome.USAGE_ERROR and not seen.report.cases
        assert_sound(seen.report, folder)

    def test_a_killed_tool_is_a_crash_that_keeps_what_was_told(self, runner: QualityRunner, tmp_path: Path) -> None:
        folder = self.prepare(samples.new_project(tmp_path / "shop", samples.DYING))
        seen = asyncio.run(watch_run(runner, Request(folder, Command.TEST)))
        assert seen.report.outcome is Outcome.CRASH
        assert 1 <= len(seen.cases(CaseStatus.PASSED)) < 3 and len(seen.report.cases) < 3
        assert_sound(seen.report, folder)

    # While it runs

    @pytest.fixture(scope="class")
    @classmethod
    def late(cls, runner: QualityRunner, tmp_path_factory: pytest.TempPathFactory) -> Watched:
        """A run of tests that would take ten minutes, and has some seconds."""
        folder = cls.prepare(samples.new_project(tmp_path_factory.mktemp("late"), samples.WAITING))
        return asyncio.run(watch_run(runner, Request(folder, Command.TEST, timeout=cls.first_test_within)))

    def test_a_time_limit_ends_everything(self, late: Watched) -> None:
        assert late.report.outcome is Outcome.TIMEOUT
        assert self.first_test_within <= late.seconds < self.first_test_within + 10
        assert_sound(late.report, late.folder)
        assert_gone(late.folder)

    def test_tests_that_ended_before_the_limit_are_kept(self, late: Watched) -> None:
        assert set(late.cases(CaseStatus.PASSED)) == {"tests/test_cart.py::test_first"}

    def test_output_and_progress_are_told_while_it_runs(self, late: Watched) -> None:
        assert min(at for at, _ in late.printed) < late.seconds - 0.5
        assert all(text for _, text in late.printed)
        counts = [one for at, one in late.progress if at < late.seconds - 0.5 and one.done == 1]
        assert [one for one in counts if one.total == 2], late.progress

    @pytest.mark.parametrize("command", Command)
    def test_progress_only_grows(self, watch: Watch, command: Command) -> None:
        told = [one for _, one in watch(command).progress]
        assert told and all(one.step and one.done >= 0 for one in told)
        assert all(one.total is None or one.done <= one.total for one in told)
        for one, two in pairwise(told):
            assert one.step != two.step or one.done <= two.done

    async def test_a_cancelled_run_leaves_nothing_running(self, runner: QualityRunner, tmp_path: Path) -> None:
        folder = self.prepare(samples.new_project(tmp_path / "shop", samples.WAITING))
        run = asyncio.create_task(watch_run(runner, Request(folder, Command.TEST)))
        while not (folder / "pids").exists():
            assert not run.done(), run.result().report
            await asyncio.sleep(0.05)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert_gone(folder)

    # What it offers

    @pytest.fixture(scope="class")
    @classmethod
    def shop(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A FAULTY project in which nothing is run that rewrites."""
        folder = cls.prepare(samples.new_project(tmp_path_factory.mktemp("shop")))
        (folder / "link").symlink_to(folder.parent)
        (folder.parent / "other.py").write_text("")
        return folder

    @pytest.fixture(scope="class")
    @classmethod
    def offered(cls, runner: QualityRunner, shop: Path) -> Capabilities:
        return asyncio.run(runner.capabilities(shop))

    def test_capabilities_say_what_there_is(self, runner: QualityRunner, offered: Capabilities) -> None:
        assert offered.runner == runner.name and offered.version and "(" in offered.interpreter
        assert set(offered.options) == set(offered.commands) == set(Command)
        assert {command for command, offer in offered.commands.items() if not offer.steps} == self.blind
        assert all(sentence.endswith(".") for sentence in offered.lacking)

    @pytest.mark.parametrize("command", Command)
    async def test_what_is_not_offered_is_refused(
        self, runner: QualityRunner, offered: Capabilities, shop: Path, command: Command
    ) -> None:
        for option in set(Option) - offered.options[command]:
            with pytest.raises(Unsupported):
                await watch_run(runner, Request(shop, command, ASKED[option]))
        if not offered.ai_agent:
            with pytest.raises(Unsupported):
                await watch_run(runner, Request(shop, command, ai_agent=True))

    @pytest.mark.parametrize("option", Option)
    def test_an_option_of_tests_works_or_is_refused(
        self, runner: QualityRunner, offered: Capabilities, shop: Path, option: Option
    ) -> None:
        if option not in offered.options[Command.TEST]:
            return  # refused: the test above
        options = Options(paths=[samples.PASSING[0]]) if option is Option.PATHS else ASKED[option]
        seen = asyncio.run(watch_run(runner, Request(shop, Command.TEST, options)))
        assert_sound(seen.report, shop)
        match option:
            case Option.PATHS:
                assert [case.id for case in seen.report.cases] == [samples.PASSING[0]]
            case Option.FAIL_FAST:
                assert not seen.cases(CaseStatus.ERROR) and seen.cases(CaseStatus.FAILED)
            case Option.WORKERS:
                assert len(seen.report.cases) == 6
            case Option.CHANGED_ONLY:
                assert seen.report.outcome is not Outcome.USAGE_ERROR

    @pytest.mark.parametrize("option", [Option.PATHS, Option.CHANGED_ONLY])
    def test_an_option_of_files_works_or_is_refused(
        self, runner: QualityRunner, offered: Capabilities, tmp_path: Path, option: Option
    ) -> None:
        if option not in offered.options[Command.LINT]:
            return  # refused: the test above
        folder = self.prepare(samples.new_project(tmp_path / "shop"))
        (folder / "shop" / "new.py").write_text("print(nobody)\n")
        options = Options(paths=["shop/new.py"]) if option is Option.PATHS else ASKED[option]
        report = asyncio.run(watch_run(runner, Request(folder, Command.LINT, options))).report
        assert {(one.rule, one.file) for one in report.findings} == {("F821", "shop/new.py")}

    @pytest.mark.parametrize("path", OUTSIDE, ids=repr)
    async def test_what_is_no_path_of_the_project_is_refused(
        self, runner: QualityRunner, shop: Path, path: str
    ) -> None:
        for command in (Command.TEST, Command.LINT):
            with pytest.raises((Invalid, Unsupported)):
                await watch_run(runner, Request(shop, command, Options(paths=["shop/cart.py", path])))

    async def test_without_its_tools_it_says_how_to_get_them(self, toolless: QualityRunner, shop: Path) -> None:
        with pytest.raises(Unavailable, match="install"):
            await toolless.capabilities(shop)
        with pytest.raises(Unavailable, match="install"):
            await watch_run(toolless, Request(shop, Command.TEST))

    async def test_a_folder_that_is_gone_is_an_error_of_the_port(self, runner: QualityRunner, tmp_path: Path) -> None:
        with pytest.raises(PortError):
            await watch_run(runner, Request(tmp_path / "gone", Command.LINT))


async def watch_run(runner: QualityRunner, request: Request) -> Watched:
    """Runs it, and keeps what is told meanwhile."""
    began = time.monotonic()
    printed: list[tuple[float, str]] = []
    progress: list[tuple[float, Progress]] = []

    async def told(text: str) -> None:
        printed.append((time.monotonic() - began, text))

    async def progressed(one: Progress) -> None:
        progress.append((time.monotonic() - began, one))

    report = await runner.run(request, told, progressed)
    seconds = time.monotonic() - began
    return Watched(request.folder, await runner.capabilities(request.folder), report, seconds, printed, progress)


def assert_sound(report: RunReport, folder: Path) -> None:
    """What holds for every report, whatever came of the run."""
    statuses = {step.status for step in report.steps}
    assert bool(report.note) == (report.outcome not in (Outcome.CLEAN, Outcome.FINDINGS)), report.note
    if report.outcome is Outcome.CLEAN:
        assert not statuses & {StepStatus.FAILED, StepStatus.CRASHED}
    if report.outcome is Outcome.FINDINGS:
        assert StepStatus.FAILED in statuses and StepStatus.CRASHED not in statuses
    names = {step.name for step in report.steps}
    assert len(names) == len(report.steps)
    for step in report.steps:
        own = [one for one in report.findings if one.step == step.name]
        assert len(own) <= step.findings and {one.aspect for one in own} <= {step.aspect}, step
        assert step.status is not StepStatus.PASSED or not step.findings, step
        assert step.seconds is None or step.seconds >= 0
        assert step.message or step.status in (StepStatus.PASSED, StepStatus.FAILED), step
    for one in report.findings:
        assert one.step in names and (folder / one.file).is_file() and not one.file.startswith(("/", "./")), one
        assert one.line is None or one.line >= 1
    ids = [case.id for case in report.cases]
    assert len(set(ids)) == len(ids)
    for case in report.cases:
        assert (folder / case.file).is_file() and not case.file.startswith(("/", "./")), case
        assert case.line is None or case.line >= 1
        assert len(case.message) <= 4_000 and case.seconds >= 0


def assert_gone(folder: Path) -> None:
    """Neither the process of the test that waits nor the one it has started runs; the dead may wait to be collected."""
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert len(pids) == 2 and os.getpid() not in pids
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
