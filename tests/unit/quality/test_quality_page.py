"""docs/quality.md says what the code does."""

import re
from pathlib import Path

from session_mgmt_mcp.adapters.project import files, listing
from session_mgmt_mcp.domain import checkpoints
from session_mgmt_mcp.domain.quality import evidence, history, recommendations, scoring, service, trend, trust
from session_mgmt_mcp.domain.quality.evidence import Metric
from session_mgmt_mcp.domain.quality.scoring import Part

from benchmarks.projects import PROJECTS
from tests.unit.quality.samples import evidence as some

PAGE = (Path(__file__).parents[3] / "docs" / "quality.md").read_text()
ROWS = {
    cells[0].strip(" *"): [cell.strip() for cell in cells[1:]]
    for line in PAGE.splitlines()
    if line.startswith("|") and len(cells := line.strip("|").split("|")) == 4
}


def test_every_component_is_listed_with_its_points():
    components = scoring.score(some()).components
    for one in components:
        assert ROWS[one.name][0] == f"{one.of:g}"
    for part in Part:
        assert ROWS[part][0] == f"{sum(one.of for one in components if one.part is part):g}"
    assert set(ROWS) - {"component", "---"} == {one.name for one in components} | set(Part)


def test_the_bands_are_those_of_the_code():
    assert [f"| {band} | {least} |" in PAGE for least, band in scoring.BANDS] == [True] * 3


def test_every_threshold_is_that_of_the_code():
    s = scoring
    (few, full), (_, less) = s.COMMITS_AT_ALL
    (young, fresh), (middle, staler) = s.LOCK_DAYS
    (many, most), (some, half), (_, least) = s.TEST_FILES
    (pages, rich), (_, poor) = s.PAGES
    (_, two), (_, one) = s.WORKFLOWS
    said = {
        "coverage": f"x {s.PERCENTS[Metric.COVERAGE] / 100:.2f}",
        "lint": f"x {s.PERCENTS[Metric.LINT] / 100:.2f}",
        "types": f"x {s.PERCENTS[Metric.TYPES] / 100:.2f}",
        "complexity": f"x {s.PERCENTS[Metric.COMPLEXITY] / 100:.2f}",
        "packaging": ", ".join(f"{case} {points}" for case, points in s.PACKAGING.items()),
        "version control": f"{few} commits or more {full}, fewer {less}; no repository 0",
        "lock freshness": f"younger than {young} days {fresh}, than {middle} days {staler}, else {s.OLDER_LOCK}",
        "tests": f"{many} files or more and a configuration {most}, {some} files {half}, any {least}",
        "docs": f"and {pages} pages or more below docs/ {rich}, fewer {poor}, a README alone {s.README}",
        "CI": f"two workflows {two}, one {one}, GitLab {s.GITLAB}",
        "commits": f"in {history.WINDOW_DAYS} days: {steps(s.COMMITS_A_MONTH)}",
        "conventional messages": f"of the last {history.RECENT}: {steps(s.CONVENTIONAL, ' %')}",
        "issue references": f"{steps((*s.ISSUE_REFERENCES, (0, s.ANY_REFERENCE)), ' %').replace('else', 'any')}",
        "branches": f"feature branches: {s.FEATURE_BRANCHES[0][0]} or more {s.FEATURE_BRANCHES[0][1]}, one {s.FEATURE_BRANCHES[1][1]}, else {s.FEATURE_BRANCHES[2][1]}",
        "security findings": f"{evidence.ERROR_COSTS * 5 / 100:g} less for an error, {evidence.WARNING_COSTS * 5 / 100:g} less for a warning",
        "hygiene": f"{s.NO_IGNORE_FILE} less without an ignore file, {s.ENV_NOT_IGNORED} less when",
    }
    assert {name: text in ROWS[name][1] for name, text in said.items()} == dict.fromkeys(said, True)
    assert f"{s.A_SECRET} less for each hard-coded secret" in ROWS["hygiene"][1]


def steps(table, unit: str = "") -> str:
    (first, best), *rest = table
    said = [f"{first}{unit} or more {best}"]
    said += [f"{least}{unit} {points}" if least else f"else {points}" for least, points in rest]
    return ", ".join(said)


def test_the_other_figures_are_those_of_the_code():
    for figure in (
        f"at most {listing.MOST_FILES:,} files and 5 seconds",
        f"At most {files.MOST_TEXTS:,} files and {files.MOST_TEXT_BYTES // 1_000_000} MB",
        f"permissions {trust.PERMISSIONS} ({trust.A_PERMISSION} for each",
        f"session {trust.SESSION} ",
        f"tools {trust.TOOLS} ({trust.A_TOOL} each",
        f"kept for {service.KEPT_DAYS} days",
        f"a total that fell by {trend.A_FALL:g}",
        f"the score is {checkpoints.EXCEPTIONAL} or more, or when it changed by {checkpoints.A_CHANGE} or more",
    ):
        assert figure in " ".join(PAGE.split()), figure
    assert recommendations.MOST == trend.EARLIER == 5 and trend.A_LOSS == 0.2


def test_the_table_has_the_projects_that_the_command_scores():
    rows = [line for line in PAGE.splitlines() if re.match(r"\| [\w-]+ [\d.+~a-z]+ \| (pypi|npm|debian) \|", line)]
    assert [line.split()[1] for line in rows] == [project.name for project in PROJECTS]
    assert len(rows) >= 12 and len({line.split("|")[3] for line in rows}) >= 5
