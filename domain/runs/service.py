"""Runs what somebody asks for, keeps it, and says how it compares with what was known."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from session_mgmt_mcp.domain.grants import Grants, Operation
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.quality.service import QualityService
from session_mgmt_mcp.domain.runs.arguments import command_of, options_of
from session_mgmt_mcp.domain.runs.feedback import Feedback, FeedbackService
from session_mgmt_mcp.domain.runs.history import RunHistory
from session_mgmt_mcp.domain.runs.outputs import OutputWriter
from session_mgmt_mcp.domain.runs.prediction import Prediction, prediction
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.domain.runs.trees import Trees
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unavailable, Unsupported
from session_mgmt_mcp.ports.project_files import Language, Survey
from session_mgmt_mcp.ports.quality_runner import (
    Capabilities,
    Command,
    Offer,
    Options,
    Outcome,
    Progress,
    Progressed,
    QualityRunner,
    Request,
    RunReport,
)

T = TypeVar("T")
ASKED_OF_HISTORY = timedelta(days=14)  # for a prediction
MOST_ASKED = 50  # runs: of 3,000 tests each they are read in 0.7 s
MOST_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asked for, as it was said; `folder` is a real path. `runner` empty: the first that is there."""

    folder: Path
    command: str
    args: str = ""
    timeout: float = 300.0
    ai_agent: bool = False
    runner: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that came to its end, and what followed from it."""

    run: Run
    prediction: Prediction | None = None
    feedback: Feedback = field(default_factory=Feedback)


@dataclass(frozen=True, slots=True)
class Place:
    """Where commands run: `folder`, in the project whose top is `top`, with so many source files of the tools' language."""

    top: Path
    folder: Path
    project: str
    sources: int


class RunService:
    """One run a folder at a time. `runners`: the preferred first; `chosen`: the one the user set, if any."""

    def __init__(
        self,
        runners: Sequence[QualityRunner],
        history: RunHistory,
        feedback: FeedbackService,
        trees: Trees,
        quality: QualityService,
        projects: ProjectService,
        grants: Grants,
        clock: Clock,
        chosen: str = "",
    ) -> None:
        self._runners = runners
        self._history = history
        self._feedback = feedback
        self._trees = trees
        self._quality = quality
        self._projects = projects
        self._grants = grants
        self._clock = clock
        self._chosen = chosen
        self._running: dict[Path, datetime] = {}

    @property
    def history(self) -> RunHistory:
        return self._history

    @property
    def names(self) -> list[str]:
        """Of the runners, the preferred first."""
        return [runner.name for runner in self._runners]

    @property
    def busy(self) -> bool:
        return bool(self._running)

    async def run(self, wish: Wish, progressed: Progressed) -> Finished:
        """Durable when it returns. Raises Invalid, Unsupported, Unavailable before anything is run.

        A run that is cancelled is kept as such, and what it started is ended.
        """
        command = command_of(wish.command, wish.args)
        place = await self.place(wish.folder)
        options = options_of(wish.args, place.folder)
        if not 1 <= wish.timeout <= MOST_SECONDS:
            raise Invalid(f"timeout: {wish.timeout:g}; give 1 to {MOST_SECONDS:g} seconds.")
        runner, can = await self._pick(wish.runner or self._chosen, place.folder, command)
        offer = _offered(can, command, options, wish.ai_agent)
        if offer.rewrites or wish.ai_agent:
            await self._grants.require(Operation.QUALITY_FIX, place.project)
        if since := self._running.get(place.folder):
            raise Unavailable(f"A run of this project is going on since {since:%H:%M:%S} UTC: ask when it is over.", 10)
        self._running[place.folder] = self._clock.now()
        try:
            request = Request(place.folder, command, options, wish.timeout, wish.ai_agent)
            return await self._run(runner, can, request, place, wish.session, progressed)
        finally:
            del self._running[place.folder]

    async def capabilities(self, folder: Path) -> list[Capabilities | Unavailable]:
        """Of each runner in the project of `folder`, the preferred first. Raises Invalid."""
        place = await self.place(folder)
        return [await _asked(runner, place.folder) for runner in self._runners]

    async def place(self, folder: Path) -> Place:
        """The innermost package around `folder`. Raises Invalid where there is neither a repository nor a manifest."""
        top = await self._projects.top_of(folder)
        survey = await self._quality.survey(folder)
        if not (survey.version_control or any("/" not in one.path for one in survey.manifests)):
            raise Invalid(f"working_directory: {folder} is no project (no repository, no manifest in it); name one.")
        package = _package(survey, folder.relative_to(top).as_posix()) if folder != top else ""
        whole = not package or len(survey.manifests) == 1
        sources = survey.sources.get(Language.PYTHON, 0) if whole else 0
        return Place(top, top / package if package else top, await self._projects.project_of(str(folder)), sources)

    async def _pick(self, name: str, folder: Path, command: Command) -> tuple[QualityRunner, Capabilities]:
        """The first that is there and has tools for the command, else the first that is there."""
        there: list[tuple[QualityRunner, Capabilities]] = []
        absent: list[str] = []
        for runner in self._runners:
            if name and runner.name != name:
                continue
            match await _asked(runner, folder):
                case Unavailable() as error:
                    absent.append(str(error))
                case found:
                    if command in found.commands and found.commands[command].steps:
                        return runner, found
                    there.append((runner, found))
        if there:
            return there[0]
        raise Unavailable(" ".join(absent) or f"No runner is named {name!r}.", 3_600)

    async def _run(
        self,
        runner: QualityRunner,
        can: Capabilities,
        request: Request,
        place: Place,
        session: str,
        progressed: Progressed,
    ) -> Finished:
        at = self._clock.now()
        package = "" if place.folder == place.top else place.folder.relative_to(place.top).as_posix()

        def predicted(earlier: Iterator[Run]) -> Prediction | None:
            same = (run for run in earlier if run.package == package)
            return prediction(same, runner.name, request.command, request.options)

        since = at - ASKED_OF_HISTORY
        expected = await self._history.read(place.project, since, predicted, request.command, MOST_ASKED)
        last, tree = await asyncio.gather(self._history.last(place.project), self._trees.look(place.top))
        edited = await self._trees.edited(place.top, last.after, tree) if last else None
        run = Run(
            id=self._history.id_of(place.project, at),
            project=place.project,
            session=session,
            at=at,
            options=request.options,
            report=RunReport(runner.name, can.version, request.command, Outcome.CANCELLED, 0.0),
            tree=tree,
            edited=edited,
            predicted=expected.seconds if expected else None,
            package=package,
        )
        await self._history.begin(run)
        first = Progress(_expected(request.command, expected), 0)
        report = await self._reported(runner, request, run, first, progressed, place)
        return replace(await _to_its_end(self._taken(report, place)), prediction=expected)

    async def _reported(
        self,
        runner: QualityRunner,
        request: Request,
        run: Run,
        first: Progress,
        progressed: Progressed,
        place: Place,
    ) -> "_Reported":
        writer = self._history.writer(run.id)
        told: list[Progress] = []
        unkept: list[PortError] = []

        async def heard(progress: Progress) -> None:
            told[:] = [progress]
            await progressed(progress)

        async def printed(text: str) -> None:
            try:
                await writer.printed(text)
            except PortError as error:
                unkept.append(error)
                raise

        try:
            await progressed(first)
            report = await runner.run(request, printed, heard)
        except BaseException as error:
            if isinstance(error, PortError) and error not in unkept:
                await _to_its_end(self._history.forget(run.id))  # nothing was run
                raise
            outcome = Outcome.CANCELLED if isinstance(error, asyncio.CancelledError) else Outcome.CRASH
            during = f" during {told[0].step}" if told else ""
            seconds = (self._clock.now() - run.at).total_seconds()
            ended = replace(run.report, outcome=outcome, seconds=seconds, note=f"It was ended{during}: run it again.")
            with suppress(PortError):  # the first error is the one to tell
                await _to_its_end(self._taken(_Reported(replace(run, report=ended), writer), place))
            raise
        return _Reported(replace(run, report=report), writer)

    async def _taken(self, reported: "_Reported", place: Place) -> Finished:
        """Kept, and what followed from it: of one that was ended, too, since the next is compared with it."""
        run = await self._closed(reported, place)
        try:
            feedback = await self._feedback.take(run, place.top, 0 if run.options.paths else place.sources)
        except PortError as error:
            feedback = Feedback(fault=f"The run is kept, but not all that follows from it: {error}")
        return Finished(run, feedback=feedback)

    async def _closed(self, reported: "_Reported", place: Place) -> Run:
        await reported.output.close()
        run = reported.run
        with suppress(PortError):  # it may have taken its own project away
            after = await self._trees.look(place.top)
            run = replace(run, after=after, changed=await self._trees.edited(place.top, run.tree, after))
        return await self._history.keep(run, reported.output.sizes)


@dataclass(frozen=True, slots=True)
class _Reported:
    """A run with its report, and what it printed."""

    run: Run
    output: OutputWriter


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Is done also when this task is cancelled meanwhile."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled
    return task.result()


async def _asked(runner: QualityRunner, folder: Path) -> Capabilities | Unavailable:
    try:
        return await runner.capabilities(folder)
    except Unavailable as error:
        return error


def _offered(can: Capabilities, command: Command, options: Options, ai_agent: bool) -> Offer:
    """Raises Unsupported, saying what there is instead."""
    offer = can.commands.get(command)
    if offer is None:
        lacking = f" {' '.join(can.lacking)}" if can.lacking else ""
        there = ", ".join(can.commands) or "nothing"
        raise Unsupported(f"{can.runner} cannot {command} here; it offers {there}.{lacking}")
    if ai_agent and not can.ai_agent:
        raise Unsupported(f"ai_agent_mode: {can.runner} {can.version} offers none; call it without.")
    if beyond := options.named - can.options.get(command, frozenset()):
        takes = ", ".join(sorted(can.options.get(command, ()))) or "nothing"
        raise Unsupported(f"args: {can.runner} takes no {', '.join(sorted(beyond))} for {command}; it takes {takes}.")
    return offer


def _expected(command: Command, expected: Prediction | None) -> str:
    """What is said before anything is known of the run itself."""
    if expected is None:
        return str(command)
    error = f", give or take {expected.error:.0f}" if expected.error is not None else ""
    return f"{command}, about {expected.seconds:.0f} s{error}"


def _package(survey: Survey, within: str) -> str:
    """The folder of the innermost manifest around `within`; empty for the top's, or for none."""
    folders = {str(PurePosixPath(one.path).parent) for one in survey.manifests} - {"."}
    around = [one for one in folders if within == one or within.startswith(f"{one}/")]
    return max(around, key=len, default="")
