"""One step of a run: a tool called, its answer read; whatever goes wrong is an outcome."""

import asyncio
import shlex
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

from session_mgmt_mcp.adapters.pytools import pytest
from session_mgmt_mcp.adapters.pytools.steps import Answer, Checker, Job, Part, part_of
from session_mgmt_mcp.adapters.pytools.toolbox import Found
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.process_runner import Cause, Ended, Printed, ProcessRunner
from session_mgmt_mcp.ports.quality_runner import CaseStatus, Finding, Options, Outcome, Progress, Progressed
from session_mgmt_mcp.ports.test_recorder import Tested, TestRecorder, TestRecording

MOST_KEPT = 32_000_000
"""Characters of what a tool prints that are looked at afterwards."""

MOST_SHOWN = 20_000
"""Characters that are shown of what was meant for us, when it cannot be read."""

_EVERY = 0.5  # seconds


@dataclass(slots=True)
class Kept:
    """What a tool prints, kept up to a limit and told on."""

    printed: Printed | None = None
    pieces: list[str] = field(default_factory=list)
    length: int = 0

    async def told(self, text: str) -> None:
        if self.length < MOST_KEPT:
            self.pieces.append(text[: MOST_KEPT - self.length])
        self.length += len(text)
        if self.printed:
            await self.printed(text)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


async def check(
    processes: ProcessRunner, tool: Checker, found: Found, job: Job, timeout: float, printed: Printed
) -> Part:
    argv = tool.argv(job)
    ran = shlex.join([tool.program, *(word for word in argv if str(job.own) not in word)])
    await printed(f"$ {ran}\n")
    kept = Kept(printed if tool.told else None)
    began = time.monotonic()
    try:
        ended = await processes.run(
            [str(found.program), *argv], job.folder, timeout=timeout, printed=kept.told, environment=tool.environment
        )
        unfinished = _unfinished(tool.program, ended, timeout)
        answer = unfinished if unfinished else await asyncio.to_thread(_read, tool, job, ended, kept)
    except PortError as error:
        answer = Answer(Outcome.CRASH, str(error))
    if not tool.told and answer.outcome not in (Outcome.CLEAN, Outcome.FINDINGS) and kept.pieces:
        await printed(kept.text[:MOST_SHOWN].rstrip("\n") + "\n")
    if answer.findings:
        await printed("".join(map(_line, answer.findings)))
    return part_of(tool, answer, time.monotonic() - began, ran)


async def test(
    processes: ProcessRunner,
    recorder: TestRecorder,
    found: Found,
    job: Job,
    options: Options,
    timeout: float,
    printed: Printed,
    progressed: Progressed,
) -> Part:
    argv = pytest.argv(options, job.targets, found.plugins, await asyncio.to_thread(pytest.covering, job.folder))
    ran = shlex.join(["pytest", *argv])
    await printed(f"$ {ran}\n")
    kept = Kept(printed)
    began = time.monotonic()
    tested = Tested()
    try:
        with recorder.recording(coverage=pytest.COVERAGE in found.plugins) as recording:
            # Figures of ours leave no file in the project.
            environment = {**recording.environment, "COVERAGE_FILE": str(job.own / "coverage")}
            async with _counting(recording, progressed):
                ended = await processes.run(
                    [str(found.program), *argv], job.folder, timeout=timeout, printed=kept.told, environment=environment
                )
            tested = await asyncio.to_thread(recording.read, job.folder)
        answer = _unfinished("pytest", ended, timeout) or pytest.read(tested, ended.code, kept.text)
    except PortError as error:
        answer = Answer(Outcome.CRASH, str(error))
    part = part_of(pytest.PYTEST, answer, time.monotonic() - began, ran)
    bad = sum(case.status in (CaseStatus.FAILED, CaseStatus.ERROR) for case in tested.cases)
    lines_run = None if answer.skipped else tested.lines_run
    return replace(part, step=replace(part.step, findings=bad), cases=tested.cases, lines_run=lines_run)


@asynccontextmanager
async def _counting(recording: TestRecording, progressed: Progressed) -> AsyncIterator[None]:
    """Tells how many tests are done, now and every half a second."""

    async def count() -> None:
        told = Progress("pytest", 0)
        await progressed(told)
        while True:
            await asyncio.sleep(_EVERY)
            done, total = recording.counted()
            now = Progress("pytest", max(done, told.done), None if total is None else max(total, done, told.done))
            if now != told:
                told = now
                await progressed(now)

    counting = asyncio.create_task(count())
    try:
        yield
    finally:
        counting.cancel()
        with suppress(asyncio.CancelledError):
            await counting


def _unfinished(program: str, ended: Ended, timeout: float) -> Answer | None:
    match ended.cause:
        case Cause.EXITED:
            return None
        case Cause.TIMED_OUT:
            return Answer(
                Outcome.TIMEOUT, f"{program} was ended after {timeout:.0f} seconds: give it a longer timeout."
            )
        case Cause.SIGNALLED:
            return Answer(Outcome.CRASH, f"{program} was ended by {_signal(ended.code)}: run it again, or by hand.")
        case Cause.PRINTED_TOO_MUCH:
            size = ended.printed // 1_000_000
            return Answer(Outcome.CRASH, f"{program} was ended after it had printed {size} MB: run it by hand.")


def _signal(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _read(tool: Checker, job: Job, ended: Ended, kept: Kept) -> Answer:
    try:
        return tool.read(job, ended.code, kept.text)
    except (ValueError, OSError):
        message = f"{tool.program} exited with {ended.code}, and left no report that can be read: run it by hand."
        return Answer(Outcome.CRASH, message)


def _line(one: Finding) -> str:
    place = f"{one.file}:{one.line}" if one.line else one.file
    return f"{place}: {one.rule} {one.message}\n"
