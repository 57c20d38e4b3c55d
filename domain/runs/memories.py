"""What is remembered of a run, so that searches find it: what newly failed, what fixed it, and the run that showed it."""

from collections.abc import Sequence

from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.failures import Outcome as Told
from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.domain.runs.standing import Course, Standing
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.quality_runner import Aspect, CaseStatus, StepStatus

FIXES, EDITED, RUNS = "fixes:", "edited:", "runs:"
"""Facts of a memory that tells how an error ended: its id, the files that were edited before, the runs that saw it."""
MOST_REMEMBERED = 20  # failures of one run
EDITS_NAMED = 20
_LINES_TOLD = 8


def of_failure(one: Standing, run: Run) -> Draft:
    """An error like those of conversations, so that search_errors finds it."""
    what = one.failure.key if one.failure.aspect is Aspect.TESTS else f"{one.failure.aspect} {one.failure.key}"
    text = f"{what} failed in a {run.command} run by {run.report.runner}:\n{one.failure.message}"
    facts = (str(Told.FAILED), *(f"error:{name}" for name in one.failure.names))
    return _draft(text, run, f"{one.run}:{one.failure.key}", facts)


def of_fix(one: Standing, run: Run) -> Draft:
    """How a failure ended."""
    text = f"{ended(one)}\nIt had failed with: {one.failure.message}"
    facts = (f"{FIXES}{one.memory}", f"{RUNS}{one.runs}", *(f"{EDITED}{path}" for path in one.edited[:EDITS_NAMED]))
    return _draft(text, run, f"{run.id}:{one.failure.key}", facts)


def of_run(run: Run, moved: Course) -> Draft | None:
    """None of a run that showed nothing new."""
    if not (moved.fresh or moved.mended):
        return None
    lines = [f"Quality run, {in_words(run)}"]
    lines += [f"Newly wrong: {one.failure.key}: {_first(one.failure.message)}" for one in moved.fresh[:_LINES_TOLD]]
    lines += [ended(one) for one in moved.mended[:_LINES_TOLD]]
    return _draft("\n".join(lines), run, run.id, ())


def ended(one: Standing) -> str:
    """
    >>> ended(standing)
    'test tests/test_cart.py::test_total passes again after 2 runs; edited before: shop/cart.py.'
    """
    again = "passes again" if one.failure.aspect is Aspect.TESTS else "is gone"
    after = f"{one.failure.key} {again} after {counted(one.runs, 'run')}"
    if one.unsteady:
        return f"{after}, though no file was edited: it is not steady."
    if not one.edited:
        return f"{after}; what was edited before is not known."
    named = ", ".join(one.edited[:EDITS_NAMED])
    more = f" and {len(one.edited) - EDITS_NAMED} more" if len(one.edited) > EDITS_NAMED else ""
    return f"{after}; edited before: {named}{more}."


def in_words(run: Run) -> str:
    """What came of it in one sentence.

    >>> in_words(run)
    'test by pytools: findings in 3.2 s; 1 of 12 tests failed; 87 % of lines run by tests.'
    """
    report = run.report
    said = [f"{report.command} by {report.runner}: {report.outcome} in {report.seconds:.1f} s"]
    counts = [status for status in (case.status for case in report.cases) if status is not CaseStatus.SKIPPED]
    if counts:
        failed = sum(status is not CaseStatus.PASSED for status in counts)
        said.append(
            f"{failed} of {counted(len(counts), 'test')} failed" if failed else f"{counted(len(counts), 'test')} passed"
        )
    said += _found(run)
    if report.lines_run is not None:
        said.append(f"{report.lines_run.percent:.0f} % of lines run by tests")
    if report.complexity is not None:
        said.append(f"{report.complexity.over} of {counted(report.complexity.functions, 'function')} too complex")
    return "; ".join(said) + "."


def _found(run: Run) -> Sequence[str]:
    found = {aspect: sum(step.findings for step in run.report.steps if step.aspect is aspect) for aspect in Aspect}
    lacking = [step.name for step in run.report.steps if step.status is StepStatus.MISSING]
    said = [
        f"{counted(count, 'finding')} of {aspect}"
        for aspect, count in found.items()
        if count and aspect != Aspect.TESTS
    ]
    return [*said, *([f"not installed: {', '.join(lacking)}"] if lacking else [])]


def _draft(text: str, run: Run, key: str, facts: tuple[str, ...]) -> Draft:
    return Draft(
        text,
        run.project,
        Kind.QUALITY,
        ("quality", str(run.command)),
        run.session,
        time=run.at,
        trust=Trust.TOOL,
        source="quality run",
        key=key,
        facts=facts,
    )


def _first(message: str) -> str:
    return message.strip().partition("\n")[0][:300]
