import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.quality.evidence import Metric
from session_mgmt_mcp.domain.runs.figures import figures
from session_mgmt_mcp.domain.runs.records import MOST_CASES, MOST_FINDINGS, body_of, clean, run_of
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


@pytest.mark.parametrize("kind", ["findings", "tree"])
def test_a_run_of_whatever_length_fits(kind):
    noise = [random.Random(n).randbytes(1_500).hex() for n in range(MOST_FINDINGS if kind == "findings" else 1)]
    findings = [Finding("mypy", Aspect.TYPES, "r", f"{n}.py", 1, said) for n, said in enumerate(noise)]
    names = [random.Random(n).randbytes(60).hex() for n in range(5_000 if kind == "tree" else 0)]
    tree = Tree("h", {name: name[:32] for name in names})
    report = RunReport("r", "1", Command.CHECK, Outcome.FINDINGS, 1.0, findings=findings)
    body = body_of(Run("id", "p", "s", AT, Options(), report, tree, tree))
    assert len(as_json(body)) < MOST_BYTES


def test_of_too_many_findings_each_file_keeps_one():
    findings = [Finding("ruff", Aspect.LINT, "E501", "long.py", n, "long") for n in range(MOST_FINDINGS)]
    findings.append(Finding("ruff", Aspect.LINT, "F821", "late.py", 1, "late"))
    step = Step("ruff", Aspect.LINT, StepStatus.FAILED, 1.0, len(findings))
    report = clean(RunReport("r", "1", Command.LINT, Outcome.FINDINGS, 1.0, steps=[step], findings=findings))
    assert len(report.findings) == MOST_FINDINGS and report.findings[-1].file == "late.py"
    measured = figures(Run("id", "p", "s", AT, Options(), report), 4)
    assert measured[Metric.LINT].percent == 50


def test_more_findings_than_are_kept_are_no_more_files_than_they_are_in():
    findings = [Finding("ruff", Aspect.LINT, "E501", "long.py", n, "long") for n in range(2 * MOST_FINDINGS)]
    step = Step("ruff", Aspect.LINT, StepStatus.FAILED, 1.0, len(findings))
    report = clean(RunReport("r", "1", Command.LINT, Outcome.FINDINGS, 1.0, steps=[step], findings=findings))
    assert figures(Run("id", "p", "s", AT, Options(), report), 4)[Metric.LINT].percent == 75


def test_of_too_many_findings_each_file_keeps_one_before_any_has_two():
    findings = [Finding("ruff", Aspect.LINT, f"R{n}", "many.py", n, "bad") for n in range(MOST_FINDINGS)]
    findings.append(Finding("ruff", Aspect.LINT, "R1", "late.py", 1, "bad"))
    report = clean(RunReport("r", "1", Command.LINT, Outcome.FINDINGS, 1.0, findings=findings))
    assert {one.file for one in report.findings} == {"many.py", "late.py"}


def test_a_secret_in_the_name_of_a_rule_or_a_function_is_not_kept():
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    report = RunReport(
        "r", "1", Command.ALL, Outcome.FINDINGS, 1.0,
        findings=[Finding("semgrep", Aspect.SECURITY, secret, "a.py", 1, "bad")],
        complexity=Complexity(1, 1, 15, f"{secret}.py::one", 20),
    )  # fmt: skip
    assert secret not in str(clean(report))
