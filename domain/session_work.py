"""What was done in a session, read off its actions: commands and how they ended, files, errors and what became of them."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from session_mgmt_mcp.domain.error_search import step_of
from session_mgmt_mcp.domain.failures import Outcome
from session_mgmt_mcp.domain.file_names import relative
from session_mgmt_mcp.domain.fixes import Fix, again, fix_of, runs
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.text import snippet
from session_mgmt_mcp.ports.git_repository import DiffStat
from session_mgmt_mcp.ports.vector_store import Record

MOST_ERRORS = 100  # of one session; the oldest are passed over
ERROR = 60  # tokens of what a program printed
LONGEST = 300  # characters of a command, a path, a todo
EDITS = 10  # files named beside an error
READERS = frozenset({"Read", "NotebookRead"})
Ending: TypeAlias = Literal["passed", "failed", "stopped", "unseen"]
_FAILED = (str(Outcome.FAILED), str(Outcome.HIDDEN))


@dataclass(frozen=True, slots=True)
class Ran:
    """A command, how often it was run and how the last run ended; `ref` is that run's memory."""

    command: str
    ending: Ending
    times: int
    failures: int
    checks: bool  # a test, a build, a linter
    time: datetime
    ref: str


@dataclass(frozen=True, slots=True)
class Touched:
    """A file that was changed: lines by git where git knows, edits as they were made. `ref` is the last edit's memory."""

    path: str  # from the top of the repository; outside of one whole
    added: int | None
    deleted: int | None
    edits: int
    ref: str  # empty: git alone tells of it


@dataclass(frozen=True, slots=True)
class Failed:
    """Something that went wrong, and the step after which it was right again; None: that was not seen."""

    what: str  # the command, or the tool and its file
    types: Sequence[str]
    printed: str  # by a program: may carry anything
    attempts: int  # failed after it, until the fix or the end
    fixed_by: str
    fixed_ref: str
    edits: Sequence[str]  # files that were changed between
    time: datetime
    ref: str
    command: bool  # a command, not an edit that missed its place


def actions(records: Sequence[Record]) -> list[Record]:
    """The tool calls among `records`, in order of time."""
    found = [record for record in records if record.kind == Kind.ACTION and record.role == "tool"]
    return sorted(found, key=lambda record: (record.time, record.position))


def commands_of(done: Sequence[Record]) -> list[Ran]:
    """Each command line once; tests, builds and linters first, then the latest first."""
    by_line: dict[str, list[Record]] = {}
    for record in done:
        command = " ".join(str(_call(record).get("command") or "").split())
        if command:
            by_line.setdefault(command, []).append(record)
    found = [_ran(line, some) for line, some in by_line.items()]
    return sorted(found, key=lambda ran: (not ran.checks, -ran.time.timestamp(), ran.ref))


def files_of(done: Sequence[Record], diff: DiffStat | None, root: str) -> list[Touched]:
    """Every file that was edited or that git sees changed; those with most changed lines first, then most edits."""
    edits: dict[str, list[str]] = {}
    for record in done:
        step = step_of(record)
        if step.edits and step.ok and step.files:
            edits.setdefault(relative(step.files[0], [root] if root else []), []).append(record.id)
    changed = {redact(path).text: lines for path, lines in (diff.files if diff else {}).items()}
    found = [_touched(path, changed.get(path), edits.get(path, [])) for path in dict.fromkeys((*changed, *edits))]
    return sorted(found, key=lambda one: (-(one.added or 0) - (one.deleted or 0), -one.edits, one.path))


def errors_of(done: Sequence[Record]) -> list[Failed]:
    """What went wrong, each with its end: first what was not seen to be mended, commands before edits, the latest first.

    Later attempts that failed the same way belong to the first one.
    """
    steps = [step_of(record) for record in done]
    places = [at for at, record in enumerate(done) if set(_FAILED) & set(record.facts)][-MOST_ERRORS:]
    told: set[int] = set()
    found: list[Failed] = []
    for at in places:
        if at in told:
            continue
        fix = fix_of(steps, at)
        end = steps.index(fix.by, at) if fix else len(steps)
        later = [other for other in places if at < other < end]
        same = [o for o in later if steps[o].thread == steps[at].thread and again(steps[o], steps[at])]
        told.update(same)
        found.append(_failed(done, at, fix, same))
    return sorted(found, key=lambda one: (bool(one.fixed_ref), not one.command, -one.time.timestamp(), one.ref))


def worked_on(done: Sequence[Record], root: str, most: int) -> list[str]:
    """Files that were edited, then files that were read, each the latest first."""
    edited: dict[str, None] = {}
    seen: dict[str, None] = {}
    for record in reversed(done):
        step = step_of(record)
        if step.ok and step.files and (step.edits or step.tool in READERS):
            path = relative(step.files[0], [root] if root else [])
            (edited if step.edits else seen).setdefault(path)
    return list(dict.fromkeys((*edited, *seen)))[:most]


def _call(record: Record) -> Mapping[str, object]:
    call = record.metadata.get("call")
    return call if isinstance(call, Mapping) else {}


def _ending(record: Record) -> Ending:
    if set(_FAILED) & set(record.facts):
        return "failed"
    if str(Outcome.STOPPED) in record.facts:
        return "stopped"
    return "passed" if _call(record).get("ok") is True else "unseen"


def _ran(line: str, some: Sequence[Record]) -> Ran:
    last, endings = some[-1], [_ending(record) for record in some]
    checks = any(run.checks for run in runs(str(_call(last)["command"])))
    return Ran(cut(line), endings[-1], len(some), endings.count("failed"), checks, last.time, last.id)


def _touched(path: str, lines: tuple[int, int] | None, edits: Sequence[str]) -> Touched:
    added, deleted = lines or (None, None)
    return Touched(cut(path), added, deleted, len(edits), edits[-1] if edits else "")


def _failed(done: Sequence[Record], at: int, fix: Fix | None, same: Sequence[int]) -> Failed:
    record, call = done[at], _call(done[at])
    types = [fact[6:] for fact in record.facts if fact.startswith("error:")]
    edited = dict.fromkeys(posixpath.basename(step.files[0]) for step in fix.edits if step.files) if fix else {}
    return Failed(
        what=_what(record),
        types=types,
        printed=snippet(str(call.get("error") or ""), " ".join(types), ERROR),
        attempts=len(same),
        fixed_by=_what(next(one for one in done[at:] if one.id == fix.by.id)) if fix else "",
        fixed_ref=fix.by.id if fix else "",
        edits=list(edited)[:EDITS],
        time=record.time,
        ref=record.id,
        command=bool(call.get("command")),
    )


def _what(record: Record) -> str:
    """The command line; else the call as it was stored, without what it printed."""
    command = " ".join(str(_call(record).get("command") or "").split())
    return cut(command or " ".join(record.text.partition(" -> ")[0].split()))


def cut(text: str) -> str:
    """Its beginning, with a mark where something is left out."""
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + " …"
