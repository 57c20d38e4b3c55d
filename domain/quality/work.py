"""What was done since a moment, in figures: commits, what is uncommitted, calls of tools and how they ended."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from session_mgmt_mcp.domain.failures import Outcome
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.git_repository import GitRepository, Operation
from session_mgmt_mcp.ports.vector_store import VectorStore

TOP = 5
MANY_CHANGED = 10  # files
MANY_CALLS, MANY_FAILED = 20, 0.25
_TOOL = "tool:"
_ERROR = "error:"


@dataclass(frozen=True, slots=True)
class Work:
    """Of one project since `since`. Without git its part is None."""

    since: datetime
    commits: int | None = None
    changed: int | None = None  # tracked files that differ from HEAD
    untracked: int | None = None
    ahead: int = 0
    behind: int = 0
    operation: Operation | None = None
    calls: int = 0  # of tools
    failed: int = 0
    tools: Mapping[str, int] = field(default_factory=dict)  # most used first
    errors: Mapping[str, int] = field(default_factory=dict)  # most frequent first
    files: Mapping[str, int] = field(default_factory=dict)  # by calls, most first

    def in_words(self) -> list[str]:
        """One sentence a figure, none for what there is nothing to say of."""
        said = []
        if self.commits is not None:
            uncommitted = f"{counted(self.changed or 0, 'tracked file')} changed, {self.untracked} untracked"
            said.append(f"{counted(self.commits, 'commit')}; {uncommitted}")
        if self.calls:
            tools = ", ".join(f"{name} {count}" for name, count in self.tools.items())
            said.append(f"{counted(self.calls, 'call')} of tools, {self.failed} failed ({tools})")
        if self.errors:
            said.append(f"errors: {', '.join(f'{name} {count}' for name, count in self.errors.items())}")
        return said


def advice(work: Work) -> list[str]:
    """What the figures ask for, one sentence each.

    >>> advice(Work(now, commits=0, changed=14, untracked=0))
    ['Commit: 14 tracked files are changed and not committed.']
    """
    said = []
    if work.operation is not None:
        said.append(f"Finish or abort the {work.operation} that is under way.")
    if (work.changed or 0) >= MANY_CHANGED:
        said.append(f"Commit: {work.changed} tracked files are changed and not committed.")
    if work.behind:
        said.append(f"Pull: the branch is {counted(work.behind, 'commit')} behind its upstream.")
    if work.calls >= MANY_CALLS and work.failed >= MANY_FAILED * work.calls:
        often = f", most of them {next(iter(work.errors))}" if work.errors else ""
        said.append(
            f"Look at what fails: {work.failed} of {work.calls} calls did{often}; search_errors finds earlier fixes."
        )
    return said


class WorkAnalysis:
    """Counts a project's work, in the store and in git."""

    def __init__(self, store: VectorStore, git: GitRepository) -> None:
        self._store = store
        self._git = git

    async def since(self, folder: Path, project: str, since: datetime) -> Work:
        where = Scope(projects=(project,), kinds=(Kind.ACTION,), since=since).wholes()
        facts, files, state, commits = await asyncio.gather(
            self._store.facets("facts", where),
            self._store.facets("files", where),
            self._git.state(folder),
            self._git.log(folder, since),
        )
        tools = _beginning(facts, _TOOL)
        work = Work(
            since=since,
            calls=sum(tools.values()),
            failed=facts.get(Outcome.FAILED, 0) + facts.get(Outcome.HIDDEN, 0),
            tools=_first(tools),
            errors=_first(_beginning(facts, _ERROR)),
            files=_first(files),
        )
        if state is None:
            return work
        return replace(
            work,
            commits=len(commits),
            changed=sum(one.state != "untracked" for one in state.changed),
            untracked=state.untracked,
            ahead=state.ahead,
            behind=state.behind,
            operation=state.operation,
        )


def _beginning(facts: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {fact.removeprefix(prefix): count for fact, count in facts.items() if fact.startswith(prefix)}


def _first(counts: Mapping[str, int], most: int = TOP) -> dict[str, int]:
    names: Sequence[str] = [name for name in counts if name][:most]
    return {name: counts[name] for name in names}
