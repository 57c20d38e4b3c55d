"""Runs nothing, and reports what it was given."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from session_mgmt_mcp.ports.errors import PortError, Unsupported
from session_mgmt_mcp.ports.process_runner import Printed
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
)


@dataclass
class MemoryQualityRunner:
    """QualityRunner for tests: each run takes the next of `reports`; then all is clean.

    An error among them is raised, a function is asked for one. For commands that are `toolless` no tool is there.
    """

    name: str = "memory"
    reports: list[RunReport | Exception | Callable[[Request], Awaitable[RunReport]]] = field(default_factory=list)
    prints: Sequence[str] = ("one line\n",)
    commands: frozenset[Command] = frozenset(Command)
    rewrites: frozenset[Command] = frozenset({Command.FORMAT})
    toolless: frozenset[Command] = frozenset()
    options: frozenset[Option] = frozenset(Option)
    lacking: Sequence[str] = ()
    absent: PortError | None = None
    requests: list[Request] = field(default_factory=list)

    async def capabilities(self, folder: Path) -> Capabilities:
        if self.absent:
            raise self.absent
        return Capabilities(
            runner=self.name,
            version="1.0",
            interpreter="python (3.12)",
            commands={command: self._offer(command) for command in sorted(self.commands)},
            options=dict.fromkeys(sorted(self.commands), self.options),
            lacking=self.lacking,
        )

    async def run(self, request: Request, printed: Printed, progressed: Progressed) -> RunReport:
        offered = await self.capabilities(request.folder)
        if request.command not in offered.commands or request.options.named - self.options or request.ai_agent:
            raise Unsupported(f"{self.name} does not offer that: see its capabilities.")
        self.requests.append(request)
        await progressed(Progress(request.command, 0, 1))
        for text in self.prints:
            await printed(text)
        report = self.reports.pop(0) if self.reports else RunReport("", "", request.command, Outcome.CLEAN, 1.0)
        if isinstance(report, Exception):
            raise report
        if callable(report):
            report = await report(request)
        await progressed(Progress(request.command, 1, 1))
        return replace(report, runner=self.name, version="1.0", command=request.command)

    def _offer(self, command: Command) -> Offer:
        return Offer([] if command in self.toolless else [command], command in self.rewrites)
