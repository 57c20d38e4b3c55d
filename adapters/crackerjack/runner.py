"""QualityRunner by the command line of crackerjack, which is the only side of it that tells what it does meanwhile."""

import asyncio
import os
import shlex
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp.adapters.crackerjack import output
from session_mgmt_mcp.adapters.crackerjack.hooks import (
    COMPREHENSIVE,
    COUNTED,
    FAST,
    OWN_PROGRAMS,
    SUITES,
    aspect_of,
)
from session_mgmt_mcp.adapters.crackerjack.installed import (
    Installed,
    find,
    plugins_lacking,
    probe,
    project_programs,
)
from session_mgmt_mcp.ports.errors import NotFound, Unavailable, Unsupported
from session_mgmt_mcp.ports.process_runner import Cause, Ended, Printed, ProcessRunner
from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    Capabilities,
    Case,
    CaseStatus,
    Command,
    Finding,
    LinesRun,
    Offer,
    Option,
    Outcome,
    Progress,
    Progressed,
    Request,
    RunReport,
    Step,
    StepStatus,
)
from session_mgmt_mcp.ports.test_recorder import TestRecorder, TestRecording

TESTS = "pytest"
"""The name of the step that runs the tests."""

_FLAGS = {FAST: "--fast", COMPREHENSIVE: "--comp"}
_PLAIN = {"NO_COLOR": "1", "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}
_HOOKS_WIDTH = "4000"  # rich breaks what is longer
_TESTS_WIDTH = "120"
_LOOK_EVERY = 0.4  # seconds, at the tests that have ended
_RANKS = (Outcome.CLEAN, Outcome.FINDINGS, Outcome.USAGE_ERROR, Outcome.CRASH, Outcome.TIMEOUT)
_STATUSES = {Outcome.CLEAN: StepStatus.PASSED, Outcome.FINDINGS: StepStatus.FAILED}


@dataclass(frozen=True, slots=True)
class _Part:
    """What one process of crackerjack came to."""

    ran: str
    outcome: Outcome
    note: str = ""
    steps: Sequence[Step] = ()
    findings: Sequence[Finding] = ()
    cases: Sequence[Case] = ()
    lines_run: LinesRun | None = None


class CrackerjackRunner:
    """QualityRunner on crackerjack 0.74 or newer. docs/architecture/0031

    `command` is how it is started where the user has said so, word by word, e.g. `["uv", "tool", "run", "crackerjack"]`;
    `home` is where uv keeps what it has installed.
    """

    name = "crackerjack"

    def __init__(
        self,
        processes: ProcessRunner,
        tests: TestRecorder,
        *,
        command: Sequence[str] | None = None,
        home: Path | None = None,
    ) -> None:
        self._processes = processes
        self._tests = tests
        self._command = command
        self._home = home or Path.home()
        self._probed: dict[tuple[tuple[str, ...], int], Installed] = {}
        self._seen: dict[tuple[Path, str], tuple[str, ...]] = {}  # the hooks of a project's suite, as they last ran

    async def capabilities(self, folder: Path) -> Capabilities:
        installed = await self._installed(folder)
        commands = self._commands(installed, folder)
        workers = frozenset({Option.WORKERS}) if "--workers" in installed.run_tests else frozenset()
        return Capabilities(
            runner=self.name,
            version=installed.version,
            interpreter=installed.interpreter,
            commands=commands,
            options={command: workers if command is Command.TEST else frozenset() for command in commands},
            ai_agent="--ai-fix" in installed.run,
            lacking=self._lacking(installed, folder),
        )

    async def run(self, request: Request, printed: Printed, progressed: Progressed) -> RunReport:
        began = time.monotonic()
        can = await self.capabilities(request.folder)
        _refuse(request, can)
        installed = await self._installed(request.folder)
        started = time.monotonic()
        suites, tests = _suites_of(request.command, installed)
        parts: list[_Part] = []
        for suite in suites:
            left = request.timeout - (time.monotonic() - began)
            if not _over(parts):
                parts.append(await self._run_suite(installed, request, suite, left, printed, progressed))
        if tests and not _over(parts):
            left = request.timeout - (time.monotonic() - began)
            try:
                parts.append(await self._run_tests(installed, request, left, printed, progressed))
            except Unavailable as error:  # no recorder: what the hooks found is told all the same
                if not parts:
                    raise
                parts.append(_Part("", Outcome.CLEAN, "", [_missing_tests(str(error))]))
        worst = max(parts, key=lambda part: _RANKS.index(part.outcome))
        return RunReport(
            runner=self.name,
            version=installed.version,
            command=request.command,
            outcome=worst.outcome,
            seconds=time.monotonic() - started,
            ran=[part.ran for part in parts if part.ran],
            note=worst.note,
            steps=[step for part in parts for step in part.steps],
            cases=[case for part in parts for case in part.cases],
            findings=[finding for part in parts for finding in part.findings],
            lines_run=next((part.lines_run for part in parts if part.lines_run), None),
        )

    async def _installed(self, folder: Path) -> Installed:
        if not folder.is_dir():
            raise NotFound(f"{folder} is not there: name the folder of a project.")
        command = find(self._processes, folder, self._command, self._home)
        key = command, Path(command[0]).stat().st_mtime_ns
        if key not in self._probed:
            self._probed[key] = await probe(self._processes, command)
        return self._probed[key]

    def _commands(self, installed: Installed, folder: Path) -> Mapping[Command, Offer]:
        ai = "--ai-fix" in installed.run
        absent = self._absent(installed, folder)
        offers: dict[Command, Offer] = {}
        for command in Command:
            suites, tests = _suites_of(command, installed)
            if not suites and not tests:
                continue
            hooks = [hook for suite in suites for hook in self._hooks_of(folder, suite)]
            if command in COUNTED:
                hooks = [hook for hook in hooks if aspect_of(hook) is COUNTED[command][1]]
            hooks = [hook for hook in hooks if hook not in absent]
            offers[command] = Offer([*hooks, *([TESTS] if tests else [])], rewrites=ai or FAST in suites)
        return offers

    def _hooks_of(self, folder: Path, suite: str) -> tuple[str, ...]:
        return self._seen.get((folder, suite), SUITES[suite])

    def _absent(self, installed: Installed, folder: Path) -> Mapping[str, str]:
        """Hooks that look at nothing here, each with the program that it needs."""
        places = [place for place in (project_programs(folder), installed.programs) if place]
        return {hook: name for hook, name in OWN_PROGRAMS.items() if self._processes.which(name, places) is None}

    def _lacking(self, installed: Installed, folder: Path) -> list[str]:
        own = project_programs(folder)
        absent = [
            f"{program} is not installed, so that the hook {hook} looks at nothing: install {program}."
            for hook, program in self._absent(installed, folder).items()
        ]
        if own and installed.run_tests and (plugins := plugins_lacking(own)):
            absent.append(
                f"The project's .venv lacks {', '.join(plugins)}, so that its tests run with the pytest"
                " of crackerjack, which does not see what the project needs: install them there."
            )
        return absent

    def _environment(self, installed: Installed, first: Path | None = None) -> dict[str, str]:
        places = [str(place) for place in (first, installed.programs) if place]
        return {**_PLAIN, "PATH": os.pathsep.join([*places, os.environ.get("PATH", os.defpath)])}

    async def _run_suite(
        self,
        installed: Installed,
        request: Request,
        suite: str,
        timeout: float,
        printed: Printed,
        progressed: Progressed,
    ) -> _Part:
        argv = [*installed.command, "run", _FLAGS[suite], *_verbose(installed.run)]
        argv += ["--ai-fix"] if request.ai_agent else []
        reading = output.Reading()
        known = self._seen.get((request.folder, suite))
        title = f"{suite} hooks"

        async def told(text: str) -> None:
            await printed(text)
            for line in text.splitlines():
                if marked := reading.line(line):
                    again = f", attempt {marked.attempt}" if marked.attempt > 1 else ""
                    total = marked.total or (len(known) if known else None)
                    total = max(total, marked.done) if total else None
                    await progressed(Progress(f"{title}{again}: {marked.hook}", marked.done, total))

        await progressed(Progress(title, 0, len(known) if known else None))
        environment = {**self._environment(installed), "COLUMNS": _HOOKS_WIDTH}
        ended = await self._processes.run(
            argv, request.folder, timeout=max(timeout, 0.1), printed=told, environment=environment
        )
        hooks = reading.hooks()
        if ended.cause is Cause.EXITED and reading.whole:
            self._seen[request.folder, suite] = tuple(hook.name for hook in hooks)
        aspect = COUNTED[request.command][1] if request.command in COUNTED else None
        counted = [hook for hook in hooks if aspect in (None, aspect_of(hook.name))]
        outcome, note = _judged(ended, reading, counted, aspect, request.timeout)
        steps, findings = _told_of(counted, request.folder)
        return _Part(shlex.join(argv), outcome, note, steps, findings)

    async def _run_tests(
        self, installed: Installed, request: Request, timeout: float, printed: Printed, progressed: Progressed
    ) -> _Part:
        argv = _test_command(installed, request)
        own = project_programs(request.folder)
        first = own if own and not plugins_lacking(own) else None
        last: deque[str] = deque(maxlen=40)

        async def told(text: str) -> None:
            last.extend(line.strip() for line in text.splitlines() if line.strip())
            await printed(text)

        covered = "--coverage" in installed.run_tests or "run-tests" not in argv
        began = time.monotonic()
        with self._tests.recording(coverage=covered) as recording:
            environment = {
                **self._environment(installed, first),
                "COLUMNS": _TESTS_WIDTH,
                **recording.environment,
            }
            async with _looked_at(recording, progressed):
                ended = await self._processes.run(
                    argv, request.folder, timeout=max(timeout, 0.1), printed=told, environment=environment
                )
            tested = recording.read(request.folder)
        bad = sum(case.status in (CaseStatus.FAILED, CaseStatus.ERROR) for case in tested.cases)
        if ended.cause is Cause.EXITED and tested.whole:
            await progressed(Progress(TESTS, len(tested.cases), len(tested.cases)))
        outcome, note = _tested(ended, bad, tested.whole, last, request.timeout)
        status = _STATUSES.get(outcome, StepStatus.CRASHED)
        if outcome is Outcome.CLEAN and not tested.cases:
            status, message = StepStatus.SKIPPED, "pytest found no tests."
        else:
            message = note or (f"{bad} of {len(tested.cases)} tests failed." if bad else "")
        step = Step(TESTS, Aspect.TESTS, status, time.monotonic() - began, bad, message)
        return _Part(shlex.join(argv), outcome, note, [step], (), tested.cases, tested.lines_run)


def _refuse(request: Request, can: Capabilities) -> None:
    """Raises Unsupported for what is not offered here."""
    here = f"crackerjack {can.version}"
    if request.command not in can.commands:
        raise Unsupported(f"{here} has nothing for {request.command}: ask for one of {', '.join(can.commands)}.")
    if request.ai_agent and not can.ai_agent:
        raise Unsupported(
            f"{here} has no option --ai-fix, so that no model can mend what it finds: ask without ai_agent_mode."
        )
    refused = sorted(request.options.named - can.options[request.command])
    if refused:
        takes = ", ".join(sorted(can.options[request.command])) or "none"
        raise Unsupported(
            f"{here} does not take {', '.join(refused)} for {request.command} (options there: {takes}):"
            " leave that out, or ask the runner pytools."
        )


def _suites_of(command: Command, installed: Installed) -> tuple[list[str], bool]:
    """The suites of hooks that a command runs, and whether it runs tests, as far as this version offers them."""
    offered = [suite for suite, flag in _FLAGS.items() if flag in installed.run]
    tests = bool(installed.run_tests) or {"--run-tests", "--skip-hooks"} <= installed.run
    match command:
        case Command.TEST:
            return [], tests
        case Command.ALL:
            return offered, tests
        case _:
            return [suite for suite in offered if suite == COUNTED[command][0]], False


def _verbose(options: frozenset[str]) -> list[str]:
    return ["--verbose"] if "--verbose" in options else []


def _test_command(installed: Installed, request: Request) -> list[str]:
    """`run --run-tests` of 0.74.4 fails wherever there is a folder `tests`, hence `run-tests`, which mends nothing."""
    ai = request.ai_agent and {"--run-tests", "--skip-hooks"} <= installed.run
    if not installed.run_tests or ai:
        argv = [*installed.command, "run", "--run-tests", "--skip-hooks", *_verbose(installed.run)]
        return [*argv, *(["--ai-fix"] if request.ai_agent else [])]
    argv = [*installed.command, "run-tests", *_verbose(installed.run_tests)]
    workers = request.options.workers
    return [*argv, *(["--workers", str(workers)] if workers is not None else [])]


def _missing_tests(why: str) -> Step:
    return Step(TESTS, Aspect.TESTS, StepStatus.MISSING, None, 0, why)


def _over(parts: Sequence[_Part]) -> bool:
    return any(part.outcome is Outcome.TIMEOUT for part in parts)


@asynccontextmanager
async def _looked_at(recording: TestRecording, progressed: Progressed) -> AsyncIterator[None]:
    """Tells how many tests have ended, as long as it is entered."""

    async def look() -> None:
        told: tuple[int, int | None] | None = None
        while True:
            counted = recording.counted()
            if counted != told:
                told = counted
                await progressed(Progress(TESTS, *counted))
            await asyncio.sleep(_LOOK_EVERY)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


def _ended_early(ended: Ended, timeout: float) -> tuple[Outcome, str] | None:
    match ended.cause:
        case Cause.TIMED_OUT:
            return Outcome.TIMEOUT, f"It was ended at its limit of {timeout:g} s: allow more seconds, or ask for less."
        case Cause.SIGNALLED:
            return Outcome.CRASH, f"crackerjack was ended by signal {ended.code}: run it again."
        case Cause.PRINTED_TOO_MUCH:
            return Outcome.CRASH, "It was ended because it did not stop printing: look at what it printed."
        case Cause.EXITED:
            return None


def _judged(
    ended: Ended, reading: output.Reading, counted: Sequence[output.Hook], aspect: Aspect | None, timeout: float
) -> tuple[Outcome, str]:
    """What a run of hooks comes to: by those that were asked for alone."""
    if early := _ended_early(ended, timeout):
        return early
    hooks = reading.hooks()
    if ended.code == 2 and not hooks:
        return (
            Outcome.USAGE_ERROR,
            f"crackerjack did not understand its command line: {reading.misused or 'see what it printed'}.",
        )
    if ended.code not in (0, 1) or not hooks or (ended.code == 1 and not reading.failing):
        said = f" ({reading.failed})" if reading.failed else ""
        return Outcome.CRASH, f"crackerjack broke off with exit code {ended.code}{said}: look at what it printed."
    broken = [hook.name for hook in counted if hook.status is StepStatus.CRASHED]
    if broken:
        return Outcome.CRASH, f"{', '.join(broken)} broke off: see the message of each, and what was printed."
    if any(hook.status is StepStatus.FAILED for hook in counted):
        return Outcome.FINDINGS, ""
    if not any(hook.status is StepStatus.PASSED for hook in counted):
        why = " ".join(dict.fromkeys(f"{hook.name}: {hook.message}" for hook in counted))
        looks = f"looks at {aspect}" if aspect else "could run"
        return Outcome.USAGE_ERROR, f"No hook of crackerjack that is installed here {looks}. {why}".strip()
    return Outcome.CLEAN, ""


def _told_of(hooks: Sequence[output.Hook], folder: Path) -> tuple[list[Step], list[Finding]]:
    """Findings lie in files of the project; what else a hook found is counted."""
    top = folder.resolve()
    steps, findings = [], []
    for hook in hooks:
        aspect = aspect_of(hook.name)
        steps.append(Step(hook.name, aspect, hook.status, hook.seconds, hook.issues, hook.message))
        for one in hook.found:
            if file := _in(top, one.file):
                findings.append(Finding(hook.name, aspect, one.rule, file, one.line, one.message, one.severity))
    return steps, findings


def _in(top: Path, name: str) -> str:
    """The path of a file from the project's top; empty: it is none of the project's."""
    with suppress(ValueError, OSError):
        path = (top / name).resolve()
        if path.is_file():
            return path.relative_to(top).as_posix()
    return ""


def _tested(ended: Ended, bad: int, whole: bool, last: Sequence[str], timeout: float) -> tuple[Outcome, str]:
    """By pytest's exit code, which `run-tests` hands on."""
    if early := _ended_early(ended, timeout):
        return early
    complaints = [line for line in last if ": error: " in line] or [line for line in last if line.startswith("ERROR")]
    said = [*complaints, *reversed(last), "nothing was printed"][0]
    match ended.code:
        case 0 | 5 if whole:
            return Outcome.CLEAN, ""
        case 1 | 2 if whole and (bad or ended.code == 1):
            return Outcome.FINDINGS, ""
        case 2 | 4 if not bad:
            return Outcome.USAGE_ERROR, f"pytest or crackerjack did not understand how it was called: {said[:500]}"
        case code:
            return Outcome.CRASH, f"The tests broke off with exit code {code}: {said[:500]}"
