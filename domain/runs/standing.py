"""What is wrong in a project since when: each run adds to it, and tells what went away and what was edited before that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from session_mgmt_mcp.domain.failures import error_names
from session_mgmt_mcp.domain.runs.figures import LOOKED, looked_at
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.ports.quality_runner import Aspect, Finding

MOST = 500  # that are kept track of in one project
EDITED_KEPT = 50
TEST_FAILURE = "test failure"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is wrong. `key` is the same from run to run; `names` are what such errors are called."""

    key: str
    aspect: Aspect
    message: str
    file: str = ""
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A failure that was seen and did not go away yet; `memory` is the id of what was remembered of it."""

    failure: Failure
    run: str  # that saw it first
    since: str  # ISO, when
    memory: str = ""
    runs: int = 1  # that saw it
    edited: Sequence[str] = ()  # since it was seen first
    edits_known: bool = True  # False: of some time in between nobody can tell

    @property
    def unsteady(self) -> bool:
        """Went away though nobody edited anything."""
        return self.edits_known and not self.edited


@dataclass(frozen=True, slots=True)
class Course:
    """How a run moved what stands: `mended` with what was edited up to it; `looked`: aspects that were ever looked at."""

    standing: Mapping[str, Standing] = field(default_factory=dict)
    looked: frozenset[Aspect] = frozenset()
    fresh: Sequence[Standing] = ()
    mended: Sequence[Standing] = ()


def course(before: Course, run: Run) -> Course:
    """After `run`, which comes behind everything in `before`.

    A test is mended when it passes; another finding when a run that looked at the whole of its aspect finds it no more.
    A test that is there no more is neither. Failing tests are news whenever they are seen first; what else is found the
    first time that anybody looks may be as old as the project.
    """
    standing = before.standing
    failing = {one.key: one for one in failures(run)}
    edited = {key: _with_edits(one, run) for key, one in standing.items()}
    mended = [one for key, one in edited.items() if key not in failing and _gone(one.failure, run)]
    gone = {one.failure.key for one in mended}
    kept = {key: one for key, one in edited.items() if key not in gone and not _vanished(one.failure, run)}
    fresh = []
    for key, failure in failing.items():
        if key in kept:
            kept[key] = replace(kept[key], failure=failure, runs=kept[key].runs + 1)
        elif len(kept) < MOST:
            changed = tuple(run.changed or ())[:EDITED_KEPT]
            kept[key] = Standing(failure, run.id, run.at.isoformat(), edited=changed)
            if failure.aspect is Aspect.TESTS or (failure.aspect in before.looked and len(standing) < MOST):
                fresh.append(kept[key])
    looked = before.looked | {aspect for aspect in Aspect if run.whole and looked_at(run, aspect)}
    return Course(kept, looked, fresh, mended)


def failures(run: Run) -> list[Failure]:
    """What a run found, tests first; of findings those of one rule in one file are one."""
    tests = [
        Failure(f"test {id}", Aspect.TESTS, message, id.partition("::")[0], error_names(message) or (TEST_FAILURE,))
        for id, message in run.failing.items()
    ]
    found: dict[str, list[Finding]] = {}
    for one in run.report.findings:
        if one.aspect not in (Aspect.OTHER, Aspect.FORMAT):
            found.setdefault(f"{one.step} {one.rule or one.message[:80]} {one.file}", []).append(one)
    return tests + [
        Failure(key, ones[0].aspect, _message(ones), ones[0].file, (ones[0].rule or str(ones[0].aspect),))
        for key, ones in found.items()
    ]


def _message(ones: Sequence[Finding]) -> str:
    first = ones[0]
    place = f"{first.file}:{first.line}" if first.line else first.file
    more = f" (and {len(ones) - 1} more in this file)" if len(ones) > 1 else ""
    return f"{place}: {first.rule} {first.message}{more}".strip()


def _with_edits(one: Standing, run: Run) -> Standing:
    """By hand before `run`, or by `run` itself: a formatter mends, too."""
    edited = dict.fromkeys((*one.edited, *(run.edited or ()), *(run.changed or ())))
    return replace(one, edited=tuple(edited)[:EDITED_KEPT], edits_known=one.edits_known and run.edited is not None)


def _gone(failure: Failure, run: Run) -> bool:
    if failure.aspect is Aspect.TESTS:
        file = failure.key.removeprefix("test ")
        return file in run.passing or ("::" not in file and any(id.startswith(f"{file}::") for id in run.passing))
    ran = any(failure.key.startswith(f"{step.name} ") for step in run.report.steps if step.status in LOOKED)
    return ran and run.whole and looked_at(run, failure.aspect)


def _vanished(failure: Failure, run: Run) -> bool:
    whole = run.whole and run.collected and looked_at(run, Aspect.TESTS)
    if failure.aspect is not Aspect.TESTS or not whole:
        return False
    id = failure.key.removeprefix("test ")
    return all(case.id != id for case in run.report.cases)
