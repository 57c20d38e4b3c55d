from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.runs.records import MOST_CASES, body_of, clean, run_of
from session_mgmt_mcp.domain.runs.run import Run, Tree
from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    Case,
    CaseStatus,
    Command,
    Complexity,
    Finding,
    LinesRun,
    Options,
    Outcome,
    RunReport,
    Step,
    StepStatus,
)
from session_mgmt_mcp.ports.session_storage import MOST_BYTES, Document, as_json

AT = datetime(2026, 11, 22, tzinfo=UTC)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
seconds = st.floats(0, 1e6)
line = st.none() | st.integers(1, 10_000)
paths = st.lists(text, max_size=3)
trees = st.none() | st.builds(Tree, st.none() | text, st.dictionaries(text, text, max_size=3), st.booleans())
reports = st.builds(
    RunReport,
    text,
    text,
    st.sampled_from(Command),
    st.sampled_from(Outcome),
    seconds,
    paths,
    text,
    st.lists(
        st.builds(
            Step,
            text,
            st.sampled_from(Aspect),
            st.sampled_from(StepStatus),
            st.none() | seconds,
            st.integers(0, 99),
            text,
        ),
        max_size=3,
    ),
    st.lists(st.builds(Case, text, st.sampled_from(CaseStatus), text, line, seconds, text), max_size=3),
    st.lists(
        st.builds(
            Finding, text, st.sampled_from(Aspect), text, text, line, text, st.sampled_from(["error", "warning"])
        ),
        max_size=3,
    ),
    st.none() | st.builds(LinesRun, st.integers(0, 9), st.integers(0, 9)),
    st.none() | st.builds(Complexity, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), text, st.integers(0, 9)),
)
runs = st.builds(
    Run,
    st.just("id"),
    text,
    text,
    st.datetimes(timezones=st.just(UTC)),
    st.builds(Options, st.booleans(), st.booleans(), st.none() | st.integers(1, 64), paths.map(tuple)),
    reports,
    trees,
    trees,
    st.none() | paths,
    st.none() | paths,
    st.none() | seconds,
)


def read_back(run):
    return run_of(Document(run.id, 1, body_of(run), AT))


@settings(max_examples=60)
@given(runs)
def test_a_run_comes_back_as_it_was_kept(run):
    kept = replace(run, report=clean(run.report))
    assert read_back(kept) == kept


def test_a_secret_in_a_path_is_not_kept():
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    report = RunReport("r", "1", Command.TEST, Outcome.CLEAN, 1.0)
    tree = Tree("h", {f"{secret}.py": "d"})
    run = Run(
        "id", "p", "s", AT, Options(paths=(f"{secret}.py",)), report, tree, tree, [f"{secret}.py"], [f"{secret}.py"]
    )
    assert secret not in str(read_back(run))


def test_a_run_of_very_many_failing_tests_fits_and_keeps_the_failures():
    cases = [Case(f"t.py::{n}-{n * 7919}", CaseStatus.PASSED) for n in range(MOST_CASES)]
    cases += [
        Case(f"t.py::bad{n}-{n * 104729}", CaseStatus.FAILED, message=f"{n * 15485863} " * 300) for n in range(3_000)
    ]
    report = clean(RunReport("r", "1", Command.TEST, Outcome.FINDINGS, 1.0, cases=cases))
    body = body_of(Run("id", "p", "s", AT, Options(), report))
    assert len(as_json(body)) < MOST_BYTES
    assert len(run_of(Document("id", 1, body, AT)).failing) == 3_000
