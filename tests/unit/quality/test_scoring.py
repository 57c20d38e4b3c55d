"""The rules of the score, one threshold a line, and what holds for any evidence."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.quality.evidence import Evidence, Measured, Metric, Secrets
from session_mgmt_mcp.domain.quality.scoring import BANDS, RULES, Band, Part, Score, score
from session_mgmt_mcp.ports.project_files import (
    Check,
    Coverage,
    Findings,
    Found,
    Language,
    Problem,
    Survey,
)

from tests.unit.quality.samples import MANIFEST, NOW, ago, commits, evidence, history, lock, one

LOCK = lock(1)


def test_the_components_add_up_to_a_hundred_points():
    parts = {part: sum(c.of for c in score(evidence()).components if c.part is part) for part in Part}
    assert parts == {Part.CODE: 40, Part.HEALTH: 30, Part.VELOCITY: 20, Part.SECURITY: 10}


def test_an_empty_directory_has_no_score_and_says_so():
    empty = score(Evidence(at=NOW))
    assert (empty.total, empty.band, empty.components) == (None, None, ())
    assert "empty" in empty.note
    assert "no source file" in score(Evidence(at=NOW, survey=Survey(files=3, readme="README.md"))).note


@pytest.mark.parametrize(
    ("found", "points"),
    [
        ({"manifests": [MANIFEST], "locks": [LOCK]}, 5),
        ({"manifests": [MANIFEST]}, 3),
        ({"locks": [LOCK]}, 2),
        ({}, 0),
    ],
)
def test_packaging_is_a_manifest_and_a_lock(found, points):
    assert one(evidence(**found), "packaging").points == points


@pytest.mark.parametrize(("count", "points"), [(0, 3), (4, 3), (5, 5), (90, 5)])
def test_version_control_counts_commits(count, points):
    assert one(evidence(history(commits(count))), "version control").points == points


def test_without_a_repository_version_control_is_missing_and_without_an_answer_of_git_unknown():
    assert one(evidence(version_control=""), "version control").points == 0
    assert one(evidence(version_control="git"), "version control").points is None
    assert one(evidence(version_control="hg"), "version control").points is None


@pytest.mark.parametrize(("days", "points"), [(0, 5), (29.9, 5), (30, 3), (89.9, 3), (90, 1), (900, 1), (-5, 5)])
def test_a_lock_loses_with_age(days, points):
    assert one(evidence(locks=[lock(days)]), "lock freshness").points == points


def test_the_newest_lock_counts_and_without_one_freshness_is_unknown():
    assert one(evidence(locks=[lock(400), replace(lock(3), path="web/yarn.lock")]), "lock freshness").points == 5
    unknown = one(evidence(), "lock freshness")
    assert unknown.points is None and unknown.unknown == "a lock file"


@pytest.mark.parametrize(
    ("files", "tools", "points"),
    [(10, True, 5), (10, False, 3), (9, True, 3), (5, False, 3), (4, True, 1), (1, False, 1), (0, True, 0)],
)
def test_tests_are_files_and_a_configuration(files, tools, points):
    found = {"test_files": files, "test_tools": {"pytest": "pytest.ini"} if tools else {}}
    assert one(evidence(**found), "tests").points == points


def test_a_configuration_that_cannot_be_read_leaves_tests_unknown_where_it_matters():
    broken = {"manifests": [MANIFEST], "problems": [Problem("pyproject.toml", "It does not parse.")]}
    assert one(evidence(test_files=12, **broken), "tests").points is None
    assert one(evidence(test_files=7, **broken), "tests").points == 3


@pytest.mark.parametrize(
    ("readme", "pages", "points"), [("README.md", 5, 5), ("README.md", 4, 3), ("README.md", 0, 2), ("", 9, 0)]
)
def test_docs_are_a_readme_and_pages(readme, pages, points):
    assert one(evidence(readme=readme, pages=pages), "docs").points == points


@pytest.mark.parametrize(
    ("systems", "points"),
    [
        ([], 0),
        (["github"], 3),
        (["gitlab"], 4),
        (["circleci"], 3),
        (["github", "github"], 5),
        (["gitlab", "github"], 5),
    ],
)
def test_ci_counts_workflows(systems, points):
    pipelines = [(system, f"{number}.yml") for number, system in enumerate(systems)]
    assert one(evidence(pipelines=pipelines), "CI").points == points


@pytest.mark.parametrize(("count", "points"), [(0, 1), (4, 1), (5, 2), (9, 2), (10, 4), (19, 4), (20, 5), (99, 5)])
def test_commits_count_for_thirty_days(count, points):
    past = history([*commits(count, days=29.8), *commits(30, days=30.1)])
    assert one(evidence(past), "commits").points == points


@pytest.mark.parametrize(("good", "points"), [(10, 5), (8, 5), (7, 3), (5, 3), (4, 1), (0, 1)])
def test_conventional_messages_count_by_their_share(good, points):
    past = history([*commits(good, "feat: totals"), *commits(10 - good), *commits(5, "Merge branch 'x'")])
    assert one(evidence(past), "conventional messages").points == points


@pytest.mark.parametrize(("good", "points"), [(50, 5), (25, 5), (24, 3), (13, 3), (12, 1), (1, 1), (0, 0)])
def test_issue_references_count_in_the_last_fifty(good, points):
    past = history([*commits(good, "Totals (#12)"), *commits(50 - good), *commits(60, "Old (#1)", days=9)])
    assert one(evidence(past), "issue references").points == points


@pytest.mark.parametrize(
    ("branches", "points"),
    [([], 1), (["main", "develop", "release/2", "v1.2"], 1), (["main", "a"], 3), (["a", "b"], 3), (["a", "b", "c"], 5)],
)
def test_branches_that_are_not_there_to_stay_count(branches, points):
    assert one(evidence(history(commits(1), branches)), "branches").points == points


def test_without_a_commit_velocity_is_unknown():
    known = {c.name: c.points for c in score(evidence(history([]))).components if c.part is Part.VELOCITY}
    assert known == dict.fromkeys(("commits", "conventional messages", "issue references", "branches"))


@pytest.mark.parametrize(
    ("ignore", "env", "secrets", "points"),
    [
        (True, None, 0, 5),
        (False, None, 0, 4),
        (True, True, 0, 5),
        (True, False, 0, 3),
        (False, False, 0, 2),
        (True, None, 1, 3),
        (True, None, 2, 1),
        (True, None, 3, 0),
        (False, False, 9, 0),
    ],
)
def test_hygiene_loses_for_each_fault(ignore, env, secrets, points):
    found = evidence(ignore_files=[".gitignore"] if ignore else [], secrets=Secrets({"a.py": secrets}, 3, 3))
    hygiene = one(replace(found, env_ignored=env), "hygiene")
    assert hygiene.points == points
    assert one(evidence(), "hygiene").points is None


@pytest.mark.parametrize(
    ("metric", "name", "of"),
    [
        (Metric.COVERAGE, "coverage", 15),
        (Metric.LINT, "lint", 10),
        (Metric.TYPES, "types", 10),
        (Metric.COMPLEXITY, "complexity", 5),
        (Metric.SECURITY, "security findings", 5),
    ],
)
def test_a_measured_percentage_counts_for_its_share_and_without_one_it_is_unknown(metric, name, of):
    run = Measured(80, "run 7", ago(2))
    known = one(replace(evidence(), measured={metric: run}), name)
    assert (known.points, known.of, known.source, known.time) == (pytest.approx(0.8 * of), of, "run 7", ago(2))
    assert one(evidence(), name).points is None and one(evidence(), name).unknown


def test_the_newest_of_run_and_report_counts():
    report = Coverage("coverage.xml", ago(3), 60, 100)
    both = replace(evidence(reports=[report]), measured={Metric.COVERAGE: Measured(80, "run 7", ago(2))})
    assert one(both, "coverage").points == 12
    older = replace(both, measured={Metric.COVERAGE: Measured(80, "run 7", ago(4))})
    assert (one(older, "coverage").points, one(older, "coverage").source) == (9, "coverage.xml")


def test_findings_count_by_the_files_they_are_in_and_only_the_newest_report_of_a_tool():
    old = Findings("old.sarif", ago(9), Check.LINT, "ruff", 9, 9, 9)
    new = Findings("new.sarif", ago(1), Check.LINT, "ruff", 1, 1, 2)
    found = {"sources": {Language.PYTHON: 10}, "reports": [old, new]}
    assert one(evidence(**found), "lint").points == pytest.approx(8)
    assert one(evidence(**found), "types").points is None


def test_packages_with_reports_of_their_own_count_together_and_of_each_the_newest():
    packages = [replace(MANIFEST, path=path) for path in ("pyproject.toml", "web/package.json", "web/app/package.json")]
    reports = [
        Coverage("coverage.xml", ago(2), 90, 100),
        Coverage("reports/coverage.xml", ago(5), 0, 100),
        Coverage("web/coverage/lcov.info", ago(3), 10, 100),
        Coverage("web/app/coverage/lcov.info", ago(9), 50, 100),
    ]
    coverage = one(evidence(manifests=packages, reports=reports), "coverage")
    assert coverage.points == pytest.approx(15 * 150 / 300)
    assert (coverage.source, coverage.time) == ("coverage.xml and 2 more", ago(9))
    modules = [
        Findings(f"{name}target/checkstyle-result.xml", ago(1), Check.LINT, "checkstyle", 1, 0, 2)
        for name in ("", "web/")
    ]
    lint = one(evidence(sources={Language.JAVA: 8}, manifests=packages, reports=modules), "lint")
    assert lint.points == pytest.approx(5)


def test_findings_in_more_files_than_there_are_count_as_in_all_of_them():
    found = Findings("a.sarif", ago(1), Check.LINT, "ruff", 9, 9, 90)
    lint = one(evidence(sources={Language.PYTHON: 10}, reports=[found]), "lint")
    assert (lint.points, lint.figure) == (0, "findings in 10 of 10 source files (ruff)")


@pytest.mark.parametrize(("errors", "warnings", "points"), [(0, 0, 5), (1, 0, 3), (0, 1, 4), (1, 1, 2), (3, 0, 0)])
def test_security_findings_lose_two_points_an_error_and_one_a_warning(errors, warnings, points):
    found = Findings("bandit.sarif", ago(1), Check.SECURITY, "Bandit", errors, warnings, 1)
    assert one(evidence(reports=[found]), "security findings").points == pytest.approx(points)


def test_the_rest_counts_as_the_whole_when_something_is_unknown():
    found = score(evidence(manifests=[MANIFEST], version_control=""))
    known = {c.name: (c.points, c.of) for c in found.components if c.points is not None}
    assert known == {
        "packaging": (3, 5),
        "version control": (0, 5),
        "tests": (0, 5),
        "docs": (0, 5),
        "CI": (0, 5),
    }
    assert (found.total, found.known, found.band) == (12, 25, Band.ATTENTION)


def test_all_that_can_be_reached_is_a_hundred():
    past = history(commits(60, "feat: totals (#1)"), ["main", "a", "b", "c"])
    whole = replace(
        evidence(
            past,
            Secrets({}, 3, 3),
            manifests=[MANIFEST],
            locks=[LOCK],
            test_files=10,
            test_tools={"pytest": "pytest.ini"},
            readme="README.md",
            pages=5,
            pipelines=[("github", "a.yml"), ("github", "b.yml")],
            ignore_files=[".gitignore"],
        ),
        measured={metric: Measured(100, "run", NOW) for metric in Metric},
    )
    assert (score(whole).total, score(whole).known, score(whole).band) == (100, 100, Band.EXCELLENT)


def test_bands_begin_at_eighty_and_sixty():
    assert BANDS == ((80, Band.EXCELLENT), (60, Band.GOOD), (0, Band.ATTENTION))


def test_what_was_not_looked_at_is_unknown_and_not_missing():
    capped = score(evidence(capped=True))
    assert {c.name for c in capped.unknown} >= {"packaging", "tests", "docs", "CI"}


surveys = st.builds(
    Survey,
    files=st.integers(1, 9_000),
    capped=st.booleans(),
    sources=st.dictionaries(st.sampled_from(Language), st.integers(1, 500), min_size=1, max_size=4),
    manifests=st.lists(st.just(MANIFEST), max_size=1),
    locks=st.lists(st.builds(Found, st.just("uv.lock"), st.floats(-9, 4_000).map(ago)), max_size=3),
    test_tools=st.sampled_from([{}, {"pytest": "pytest.ini"}]),
    test_files=st.integers(0, 40),
    readme=st.sampled_from(["", "README.md"]),
    pages=st.integers(0, 12),
    pipelines=st.lists(st.sampled_from([("github", "a.yml"), ("gitlab", ".gitlab-ci.yml")]), max_size=4),
    ignore_files=st.lists(st.just(".gitignore"), max_size=1),
    reports=st.lists(
        st.builds(Coverage, st.just("c.xml"), st.floats(0, 99).map(ago), st.integers(0, 50), st.integers(50, 99))
        | st.builds(
            Findings,
            st.just("f.sarif"),
            st.floats(0, 99).map(ago),
            st.sampled_from(Check),
            st.sampled_from(["ruff", "mypy", "bandit"]),
            st.integers(0, 9),
            st.integers(0, 9),
            st.integers(0, 900),
        ),
        max_size=4,
    ),
    version_control=st.sampled_from(["", "git", "hg"]),
)
pasts = st.builds(
    lambda counts, branches: history(
        [c for subject, days, count in counts for c in commits(count, subject, days)], branches
    ),
    st.lists(
        st.tuples(
            st.sampled_from(["feat: a", "Totals", "Fix (#7)", "Merge x", ""]), st.floats(-1, 90), st.integers(0, 30)
        ),
        max_size=4,
    ),
    st.lists(st.sampled_from(["main", "a", "b", "release/1"]), max_size=5),
)
evidences = st.builds(
    Evidence,
    at=st.just(NOW),
    survey=surveys,
    history=st.none() | pasts,
    env_ignored=st.none() | st.booleans(),
    secrets=st.none()
    | st.builds(Secrets, st.dictionaries(st.text(max_size=5), st.integers(0, 9)), st.just(3), st.just(9)),
    measured=st.dictionaries(
        st.sampled_from(Metric), st.builds(Measured, st.floats(-50, 150), st.just("run"), st.floats(0, 9).map(ago))
    ),
)


@given(evidences)
def test_a_score_lies_between_nothing_and_a_hundred_and_counts_only_what_is_known(found: Evidence):
    whole = score(found)
    known = [c for c in whole.components if c.points is not None]
    assert all(0 <= c.points <= c.of and c.figure and c.source and c.time for c in known)
    assert all(c.unknown and not c.figure for c in whole.unknown)
    assert whole.known == sum(c.of for c in known) <= 100
    if whole.total is None:
        assert not known and whole.note
        return
    assert 0 <= whole.total <= 100
    assert abs(whole.total - 100 * sum(c.points for c in known) / whole.known) <= 0.5


def points(whole: Score) -> dict[str, float]:
    return {c.name: c.points for c in whole.components if c.points is not None}


@given(evidences, st.sampled_from(["history", "secrets", "measured"]))
def test_what_becomes_unknown_changes_no_point_of_the_rest(found: Evidence, what: str):
    before = points(score(found))
    after = points(score(replace(found, **{what: {} if what == "measured" else None})))
    # a lock's age is read from the history, and what no run measured a report may
    apart = {"lock freshness", "version control", *(c.name for c in score(found).components if c.part is Part.CODE), "security findings"}  # fmt: skip
    assert {name: before[name] for name in after if name not in apart} == {
        name: value for name, value in after.items() if name not in apart
    }


better = {
    "test_files": lambda s: replace(s, test_files=s.test_files + 3),
    "pages": lambda s: replace(s, pages=s.pages + 2),
    "readme": lambda s: replace(s, readme="README.md"),
    "manifests": lambda s: replace(s, manifests=[MANIFEST]),
    "test_tools": lambda s: replace(s, test_tools={"pytest": "pytest.ini"}),
    "pipelines": lambda s: replace(s, pipelines=[*s.pipelines, ("github", "more.yml")]),
    "ignore_files": lambda s: replace(s, ignore_files=[".gitignore"]),
}


@given(evidences, st.sampled_from(sorted(better)))
def test_more_of_what_is_good_never_costs_a_point(found: Evidence, what: str):
    before, after = points(score(found)), points(score(replace(found, survey=better[what](found.survey))))
    assert all(after[name] >= before[name] for name in before)


@given(evidences, st.sampled_from(Metric), st.floats(0, 100), st.floats(0, 100))
def test_a_better_figure_never_lowers_the_total(found: Evidence, metric: Metric, one: float, other: float):
    low, high = sorted((one, other))
    totals = [
        score(replace(found, measured={**found.measured, metric: Measured(percent, "run", NOW)})).total
        for percent in (low, high)
    ]
    assert totals[0] <= totals[1]


def test_every_rule_is_asked_once():
    names = [component.name for component in score(evidence()).components]
    assert len(names) == len(set(names)) == len(RULES) == 16
