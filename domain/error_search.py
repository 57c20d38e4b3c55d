"""Errors of earlier sessions, and what fixed them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from session_mgmt_mcp.domain.failures import Outcome
from session_mgmt_mcp.domain.file_search import EDITORS
from session_mgmt_mcp.domain.fixes import Fix, Step, fix_of, fix_of_shown
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.runs.memories import EDITED, FIXES, RUNS
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.text import snippet
from session_mgmt_mcp.ports.vector_store import Condition, Record, VectorStore

ALL = ("", "*")  # queries that ask for every error, newest first
OUTCOMES = (str(Outcome.FAILED), str(Outcome.HIDDEN), str(Outcome.PASTED))
STEPS_READ = 3_000  # of one session, behind its error
EDITS_SHOWN = 5
_ERROR = 90  # tokens of an error's text
_CHANGE = 40


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a file on the way to the fix; `change` is the beginning of what was put in."""

    id: str
    file: str
    change: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """The step `by` which the error was gone, after so many attempts that failed, and the edits before it."""

    by: Record
    attempts: int
    edits: Sequence[Edit]


@dataclass(frozen=True, slots=True)
class ErrorHit:
    """An error, its types and its telling part; `fixed` None: no fix was seen in its session."""

    record: Record
    types: Sequence[str]
    outcome: str
    text: str
    fixed: Fixed | None


@dataclass(frozen=True, slots=True)
class Errors:
    """What a search for errors found."""

    hits: Sequence[ErrorHit]
    total: int  # errors of that type in scope
    types: Mapping[str, int]  # of all errors in scope


class ErrorSearch:
    """Finds errors by their words or their type, and reads on in their session for what fixed them."""

    def __init__(self, store: VectorStore, memory: MemoryService) -> None:
        self._store = store
        self._memory = memory

    async def search(
        self, query: str, error_type: str | None, scope: Scope, limit: int = 10, min_score: float = 0.0
    ) -> Errors:
        """Best first; for the query `*` all, newest first. Each with the fix that followed in its session, if any.

        Those of the type asked for are shown whatever they score.
        """
        errors = replace(scope, facts=OUTCOMES)
        facts = await self._store.facets("facts", errors.wholes())
        types = {name[6:]: count for name, count in facts.items() if name.startswith("error:")}
        if error_type:
            errors = replace(scope, facts=tuple(f"error:{name}" for name in named(error_type, types)))
        where = errors.wholes()
        if query.strip() in ALL:
            records = await self._store.get([hit.id for hit in await self._store.latest(where, limit)])
        else:
            floor = 0.0 if error_type else min_score
            found = await self._memory.search(query, errors, limit=limit, min_score=floor)
            records = [hit.record for hit in found.hits]
        fixes = await self.fixes(records)
        hits = [_hit(record, query, fixed) for record, fixed in zip(records, fixes, strict=True)]
        return Errors(hits, await self._store.count(where), types)

    async def fixes(self, records: Sequence[Record]) -> list[Fixed | None]:
        """What fixed each of these errors, in order; None where nothing was seen to."""
        steps = await self._steps(records)
        return [await self._fixed(record, steps) for record in records]

    async def _fixed(self, record: Record, steps: Mapping[str, Sequence[Record]]) -> Fixed | None:
        if record.kind == Kind.QUALITY:
            return await self._fixed_by_run(record)
        later = [
            step_of(one) for one in steps.get(record.session, ()) if one.id != record.id and _when(one) >= _when(record)
        ]
        fix = fix_of_shown(later) if record.kind == Kind.TURN else fix_of([step_of(record), *later], 0)
        if fix is None:
            return None
        wanted = [fix.by.id, *(f"{step.id}.c1" for step in fix.edits[-EDITS_SHOWN:])]
        found = {one.id: one for one in await self._store.get(wanted)}
        return Fixed(found[fix.by.id], fix.attempts, _edits(fix, found)) if fix.by.id in found else None

    async def _fixed_by_run(self, record: Record) -> Fixed | None:
        """What a later run of the quality tools told of it, with the edits in between that were captured."""
        page = await self._store.listed([Condition("facts", "in", (f"{FIXES}{record.id}",))], "newest", None, 1)
        if not page.records:
            return None
        by = page.records[0]
        files = [fact.removeprefix(EDITED) for fact in by.facts if fact.startswith(EDITED)]
        where = [
            Condition("project", "=", record.project),
            Condition("kind", "=", Kind.ACTION),
            Condition("parent", "=", ""),
            Condition("time", ">=", record.time),
            Condition("time", "<=", by.time),
        ]
        done = sorted((await self._store.listed(where, "newest", None, STEPS_READ)).records, key=_when)
        edits = [(step, file) for step in map(step_of, done) if step.edits and step.ok for file in _named(step, files)]
        shown = edits[-EDITS_SHOWN:]
        codes = {one.id: one for one in await self._store.get([f"{step.id}.c1" for step, _ in shown])}
        told = [_edit(step.id, file, codes.get(f"{step.id}.c1")) for step, file in shown]
        others = [Edit("", file, "") for file in files if file not in {file for _, file in edits}]
        runs = next((int(fact.removeprefix(RUNS)) for fact in by.facts if fact.startswith(RUNS)), 1)
        return Fixed(by, runs - 1, [*others, *told][-EDITS_SHOWN:])

    async def _steps(self, errors: Sequence[Record]) -> dict[str, list[Record]]:
        """By session, what was done from its first error on, in order of time."""
        first: dict[str, Record] = {}
        for record in errors:
            if record.session and (record.session not in first or record.time < first[record.session].time):
                first[record.session] = record
        steps = {}
        for session, record in first.items():
            where = [
                Condition("session", "=", session),
                Condition("kind", "=", Kind.ACTION),
                Condition("parent", "=", ""),
                Condition("time", ">=", record.time),
            ]
            page = await self._store.scan(where, limit=STEPS_READ)
            steps[session] = sorted(page.records, key=_when)
        return steps


def _when(record: Record) -> tuple[datetime, int]:
    return record.time, record.position


def named(error_type: str, types: Mapping[str, int]) -> list[str]:
    """The types meant: of that name whatever the case, else those that hold it."""
    asked = error_type.strip().casefold()
    exact = [name for name in types if name.casefold() == asked]
    return exact or [name for name in types if asked in name.casefold()]


def step_of(record: Record) -> Step:
    """An action as a step of its session."""
    call = record.metadata.get("call")
    call = call if isinstance(call, Mapping) else {}
    tool, files, agent = str(call.get("tool", "")), call.get("files"), record.metadata.get("agent")
    return Step(
        id=record.id,
        tool=tool,
        ok=call.get("ok") is True and not call.get("error"),
        thread=str(agent or ""),
        command=str(call.get("command") or ""),
        files=tuple(map(str, files)) if isinstance(files, Sequence) else (),
        edits=tool in EDITORS,
        about=record.text.partition(" -> failed")[0],
    )


def _edits(fix: Fix, found: Mapping[str, Record]) -> list[Edit]:
    return [
        _edit(step.id, step.files[0] if step.files else "", found.get(f"{step.id}.c1"))
        for step in fix.edits[-EDITS_SHOWN:]
    ]


def _edit(step: str, file: str, code: Record | None) -> Edit:
    return Edit(step, file, snippet(code.text, "", _CHANGE) if code else "")


def _named(step: Step, files: Sequence[str]) -> list[str]:
    """Those of `files`, which are from the project's top, that the step touched."""
    return [file for file in files if any(one == file or one.endswith(f"/{file}") for one in step.files)]


def _hit(record: Record, query: str, fixed: Fixed | None) -> ErrorHit:
    call = record.metadata.get("call")
    error = str(call.get("error") or "") if isinstance(call, Mapping) else record.text
    types = [fact[6:] for fact in record.facts if fact.startswith("error:")]
    outcome = next((fact[8:] for fact in record.facts if fact.startswith("outcome:")), "")
    return ErrorHit(record, types, outcome, snippet(error, f"{query} {' '.join(types)}", _ERROR), fixed)
