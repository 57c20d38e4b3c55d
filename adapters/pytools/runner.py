"""QualityRunner by the tools themselves, one after another, each with its own report."""

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from session_mgmt_mcp.adapters.pytools import calling, plan, selection
from session_mgmt_mcp.adapters.pytools.bandit import BANDIT
from session_mgmt_mcp.adapters.pytools.steps import Checker, Job, Part, Tool, not_run, worst
from session_mgmt_mcp.adapters.pytools.toolbox import Found, Toolbox, project_python
from session_mgmt_mcp.ports.errors import Invalid, NotFound, Unavailable, Unsupported
from session_mgmt_mcp.ports.git_repository import GitRepository
from session_mgmt_mcp.ports.process_runner import Printed, ProcessRunner
from session_mgmt_mcp.ports.quality_runner import (
    Capabilities,
    Command,
    Offer,
    Option,
    Outcome,
    Progress,
    Progressed,
    Request,
    RunReport,
    StepStatus,
)
from session_mgmt_mcp.ports.test_recorder import TestRecorder

_MOST_WORKERS = 64


@dataclass(frozen=True, slots=True)
class _Plan:
    """A run that may begin."""

    folder: Path
    tools: Sequence[Tool]
    present: Mapping[str, Found]
    config: Mapping[str, Any]
    broken: str  # what is wrong with the project's configuration
    targets: Sequence[str]


class PyToolsRunner:
    """QualityRunner of Python projects: ruff, mypy or pyright, pytest, bandit, complexipy, as far as they are there.

    They are looked for in the project's own environment, on the PATH, and in the folder `beside` (of our interpreter).
    """

    name = "pytools"

    def __init__(
        self, processes: ProcessRunner, recorder: TestRecorder, git: GitRepository, beside: Path | None = None
    ) -> None:
        self._processes = processes
        self._recorder = recorder
        self._git = git
        self._toolbox = Toolbox(processes, beside)

    async def capabilities(self, folder: Path) -> Capabilities:
        folder = await asyncio.to_thread(_real, folder)
        config, _ = await asyncio.to_thread(_configuration, folder)
        present, unrecorded = await self._present(plan.PROGRAMS, folder)
        if not present:
            raise Unavailable(f"None of {', '.join(plan.PROGRAMS)} was found: {plan.EXTRA}.")
        in_git = await self._git.find(folder) is not None
        there = {
            command: [tool for tool in plan.tools(command, folder, config, present) if tool.program in present]
            for command in Command
        }
        return Capabilities(
            runner=self.name,
            version=_versions(present),
            interpreter=await self._toolbox.python([*reversed(present.values())], folder),
            commands={
                command: Offer([tool.step for tool in tools], rewrites=command is Command.FORMAT)
                for command, tools in there.items()
                if tools
            },
            options={command: plan.options(command, present, in_git) for command, tools in there.items() if tools},
            lacking=[*plan.lacking(folder, config, present), *unrecorded],
        )

    async def run(self, request: Request, printed: Printed, progressed: Progressed) -> RunReport:
        began = time.monotonic()
        planned = await self._planned(request)
        parts: list[Part] = []
        for number, tool in enumerate(planned.tools):
            if isinstance(tool, Checker):
                await progressed(Progress(tool.step, number, len(planned.tools)))
            left = request.timeout - (time.monotonic() - began)
            parts.append(await self._part(request, planned, tool, left, printed, progressed))
        total = len(planned.tools)
        await progressed(Progress(request.command, total, total))
        return _report(self.name, request, planned, parts, time.monotonic() - began)

    async def _planned(self, request: Request) -> _Plan:
        """Raises what `run` does before anything has started."""
        folder = await asyncio.to_thread(_real, request.folder)
        if request.ai_agent:
            raise Unsupported("These tools have no model that mends what they find: run it without the agent.")
        config, broken = await asyncio.to_thread(_configuration, folder)
        present, unrecorded = await self._present(plan.programs(request.command), folder)
        tools = plan.tools(request.command, folder, config, present)
        if not any(tool.program in present for tool in tools):
            raise Unavailable(" ".join(unrecorded) or plan.missing(tools[0]))
        await self._offered(request, folder, present)
        targets = await self._targets(request, folder)
        return _Plan(folder, tools, present, config, broken, targets)

    async def _offered(self, request: Request, folder: Path, present: Mapping[str, Found]) -> None:
        in_git = Option.CHANGED_ONLY in request.options.named and await self._git.find(folder) is not None
        if unknown := request.options.named - plan.options(request.command, present, in_git):
            names = ", ".join(sorted(unknown))
            raise Unsupported(f"{request.command} does not take {names} in this project: see its capabilities.")
        workers = request.options.workers
        if workers is not None and not 1 <= workers <= _MOST_WORKERS:
            raise Invalid(f"workers must be from 1 to {_MOST_WORKERS}.")

    async def _targets(self, request: Request, folder: Path) -> Sequence[str]:
        options = request.options
        tests = request.command is Command.TEST
        paths = await asyncio.to_thread(selection.targets, folder, options.paths, tests=tests)
        if not options.changed_only:
            return paths
        changed = await selection.changed(self._git, folder)
        return [file for file in changed if not paths or any(selection.lies_in(file, path) for path in paths)]

    async def _present(self, programs: Sequence[str], folder: Path) -> tuple[dict[str, Found], list[str]]:
        """The programs that are there, and what hinders one that is there; without a recorder pytest tells nothing."""
        present = await self._toolbox.find(programs, folder)
        if "pytest" in present:
            try:
                with self._recorder.recording(coverage=False):
                    pass
            except Unavailable as error:
                del present["pytest"]
                return present, [str(error)]
        return present, []

    async def _part(
        self, request: Request, planned: _Plan, tool: Tool, left: float, printed: Printed, progressed: Progressed
    ) -> Part:
        if tool.program not in planned.present:
            return not_run(tool, StepStatus.MISSING, plan.missing(tool))
        if planned.broken:
            return not_run(tool, StepStatus.CRASHED, planned.broken, Outcome.USAGE_ERROR)
        if request.options.changed_only and not planned.targets:
            return not_run(tool, StepStatus.SKIPPED, "No Python file differs from HEAD.")
        if left <= 0:
            return not_run(tool, StepStatus.SKIPPED, "No time was left for it.", Outcome.TIMEOUT)
        found = planned.present[tool.program]
        with tempfile.TemporaryDirectory(prefix="session-mgmt-", ignore_cleanup_errors=True) as own:
            job = Job(
                folder=planned.folder,
                places=await selection.places(self._git, planned.folder) if tool is BANDIT else (".",),
                own=Path(own),
                targets=planned.targets,
                explicit=bool(request.options.paths),
                rewrite=request.command is Command.FORMAT,
                config=planned.config,
                python=project_python(planned.folder),
            )
            if isinstance(tool, Checker):
                return await calling.check(self._processes, tool, found, job, left, printed)
            return await calling.test(
                self._processes, self._recorder, found, job, request.options, left, printed, progressed
            )


def _report(name: str, request: Request, planned: _Plan, parts: Sequence[Part], seconds: float) -> RunReport:
    outcome = worst([part.outcome for part in parts])
    note = next(part.step.message for part in parts if part.outcome is outcome)
    return RunReport(
        runner=name,
        version=_versions(
            {tool.program: planned.present[tool.program] for tool in planned.tools if tool.program in planned.present}
        ),
        command=request.command,
        outcome=outcome,
        seconds=seconds,
        ran=[part.ran for part in parts if part.ran],
        note="" if outcome in (Outcome.CLEAN, Outcome.FINDINGS) else note,
        steps=[part.step for part in parts],
        cases=[case for part in parts for case in part.cases],
        findings=[finding for part in parts for finding in part.findings],
        lines_run=next((part.lines_run for part in parts if part.lines_run), None),
        complexity=next((part.complexity for part in parts if part.complexity), None),
    )


def _versions(present: Mapping[str, Found]) -> str:
    return ", ".join(f"{program} {found.version}" for program, found in present.items())


def _real(folder: Path) -> Path:
    try:
        real = folder.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise NotFound(f"There is no folder {folder}: name the project's.") from None
    if not real.is_dir():
        raise Invalid(f"{folder} is no folder: name the project's.")
    return real


def _configuration(folder: Path) -> tuple[Mapping[str, Any], str]:
    """And what is wrong with it, so that no tool needs to be asked."""
    try:
        return plan.configuration(folder), ""
    except ValueError as error:
        return {}, f"pyproject.toml cannot be read, {error}: mend it and run it again."
