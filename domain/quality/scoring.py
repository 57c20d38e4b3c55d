"""Evidence in, points out. The numbers are those of docs/quality.md, and a test holds the two together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from session_mgmt_mcp.domain.quality.evidence import Evidence, Metric, measured
from session_mgmt_mcp.domain.quality.history import (
    by_people,
    changed_at,
    is_conventional,
    is_feature,
    recent,
    refers_to_issue,
)
from session_mgmt_mcp.domain.text import counted


class Part(StrEnum):
    """Of what a score is made."""

    CODE = "code"
    HEALTH = "project health"
    VELOCITY = "velocity"
    SECURITY = "security"


class Band(StrEnum):
    EXCELLENT = "excellent"
    GOOD = "good"
    ATTENTION = "attention"


BANDS = ((80, Band.EXCELLENT), (60, Band.GOOD), (0, Band.ATTENTION))
"""From so many points on."""


@dataclass(frozen=True, slots=True)
class Component:
    """One line of the score: `points` of `of`, or None for unknown, and then `unknown` says what would make it known."""

    name: str
    part: Part
    of: float
    points: float | None = None
    figure: str = ""  # what the points follow from, in words
    source: str = ""
    time: datetime | None = None  # of the evidence
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """`total` counts 0 to 100 over the components that are known; None when there is nothing to score, as `note` says."""

    total: int | None
    band: Band | None
    components: Sequence[Component]
    at: datetime
    note: str = ""

    @property
    def known(self) -> float:
        """Of the 100 points, those that there is evidence for."""
        return sum(one.of for one in self.components if one.points is not None)

    @property
    def unknown(self) -> Sequence[Component]:
        return [one for one in self.components if one.points is None]


PERCENTS: Mapping[Metric, float] = {
    Metric.COVERAGE: 15,
    Metric.LINT: 10,
    Metric.TYPES: 10,
    Metric.COMPLEXITY: 5,
    Metric.SECURITY: 5,
}
PACKAGING = {"manifest and lock": 5, "manifest": 3, "lock": 2}
COMMITS_AT_ALL = ((5, 5), (0, 3))
LOCK_DAYS = ((30, 5), (90, 3))  # younger than
OLDER_LOCK = 1
TEST_FILES = ((10, 5), (5, 3), (1, 1))  # the first asks for a configuration as well
PAGES = ((5, 5), (1, 3))  # with a README
README = 2
WORKFLOWS = ((2, 5), (1, 3))
GITLAB = 4
COMMITS_A_MONTH = ((20, 5), (10, 4), (5, 2), (0, 1))
CONVENTIONAL = ((80, 5), (50, 3), (0, 1))  # percent
ISSUE_REFERENCES = ((50, 5), (25, 3))  # percent
ANY_REFERENCE = 1
FEATURE_BRANCHES = ((3, 5), (1, 3), (0, 1))
HYGIENE, NO_IGNORE_FILE, ENV_NOT_IGNORED, A_SECRET = 5, 1, 2, 2

_RUN: Mapping[Metric, str] = {
    Metric.COVERAGE: "a coverage report (coverage.xml, lcov.info, jacoco.xml, a Go profile ...) in the folder, or a run of the tests",
    Metric.LINT: "a SARIF or checkstyle report in the folder, or a run of the linter",
    Metric.TYPES: "a SARIF report of the type checker in the folder, or a run of it",
    Metric.COMPLEXITY: "a run that measures complexity",
    Metric.SECURITY: "a SARIF report of a security tool in the folder, or a run of one",
}
_TITLES = {Metric.SECURITY: "security findings"}
_MANY = "fewer files: there are more than were looked at"


def score(evidence: Evidence) -> Score:
    """Pure: the same evidence, the same score. What is unknown is left out, and the rest counts as the whole.

    >>> score(Evidence(at=now)).total is None
    True
    """
    if note := _nothing(evidence):
        return Score(None, None, (), evidence.at, note)
    return added_up([rule(evidence) for rule in RULES], evidence.at)


def added_up(components: Sequence[Component], at: datetime) -> Score:
    """The total over what is known of them."""
    of = sum(one.of for one in components if one.points is not None)
    points = sum(one.points for one in components if one.points is not None)
    if not of:
        return Score(None, None, components, at, "Nothing is known of this project yet.")
    total = round(100 * points / of)
    return Score(total, band_of(total), components, at)


def band_of(total: int) -> Band:
    return next(band for least, band in BANDS if total >= least)


def _nothing(evidence: Evidence) -> str:
    survey, history = evidence.survey, evidence.history
    if survey.sources or survey.manifests or survey.capped or (history and history.commits):
        return ""
    if not survey.files:
        return "The folder is empty: there is nothing to score yet."
    return "The folder holds no source file, no manifest and no commit: there is nothing to score yet."


def _percent(metric: Metric, part: Part) -> Callable[[Evidence], Component]:
    of = PERCENTS[metric]
    blank = Component(_TITLES.get(metric, str(metric)), part, of)

    def rule(evidence: Evidence) -> Component:
        known = measured(evidence, metric)
        if known is None:
            return replace(blank, unknown=_RUN[metric])
        percent = min(100.0, max(0.0, known.percent))
        figure = known.figure or f"{percent:.0f} %"
        return replace(blank, points=of * percent / 100, figure=figure, source=known.source, time=known.time)

    return rule


def _packaging(evidence: Evidence) -> Component:
    survey = evidence.survey
    manifest, lock = bool(survey.manifests), bool(survey.locks)
    blank = Component("packaging", Part.HEALTH, 5)
    if survey.capped and not manifest:
        return replace(blank, unknown=_MANY)
    case = "manifest and lock" if manifest and lock else "manifest" if manifest else "lock" if lock else ""
    files = [*(one.path for one in survey.manifests[:1]), *(one.path for one in survey.locks[:1])]
    figure = " and ".join(files) or "no manifest and no lock file"
    return _known(blank, evidence, PACKAGING.get(case, 0), figure)


def _version_control(evidence: Evidence) -> Component:
    blank = Component("version control", Part.HEALTH, 5)
    if evidence.history is not None:
        count = len(evidence.history.commits)
        more = "" if evidence.history.whole else " or more"
        return _known(blank, evidence, _at_least(count, COMMITS_AT_ALL), f"{counted(count, 'commit')}{more}", "git log")
    match evidence.survey.version_control:
        case "":
            return _known(blank, evidence, 0, "no repository")
        case "git":
            return replace(blank, unknown="an answer of git, which did not give one here")
        case other:
            return replace(blank, unknown=f"a git repository: of {other} nothing is read")


def _lock_freshness(evidence: Evidence) -> Component:
    blank = Component("lock freshness", Part.HEALTH, 5)
    if not evidence.survey.locks:
        return replace(blank, unknown="a lock file")
    dated = [(changed_at(lock, evidence.history), lock.path) for lock in evidence.survey.locks]
    time, path = max(dated)
    days = max(0, (evidence.at - time).days)
    points = next((points for limit, points in LOCK_DAYS if days < limit), OLDER_LOCK)
    return replace(blank, points=points, figure=f"{path} is {counted(days, 'day')} old", source=path, time=time)


def _tests(evidence: Evidence) -> Component:
    survey = evidence.survey
    blank = Component("tests", Part.HEALTH, 5)
    files, tools = survey.test_files, ", ".join(survey.test_tools)
    (many, most), (some, middle), (_, least) = TEST_FILES
    unread = [one.path for one in survey.problems if one.path in {manifest.path for manifest in survey.manifests}]
    if survey.capped and files < some:
        return replace(blank, unknown=_MANY)
    if files >= many and not tools and unread:
        return replace(blank, unknown=f"a {unread[0]} that can be read")
    points = most if files >= many and tools else middle if files >= some else least if files else 0
    figure = f"{counted(files, 'test file')}, {tools or 'no configuration'}"
    return _known(blank, evidence, points, figure, next(iter(survey.test_tools.values()), ""))


def _docs(evidence: Evidence) -> Component:
    survey = evidence.survey
    blank = Component("docs", Part.HEALTH, 5)
    if survey.capped and not (survey.readme and survey.pages):
        return replace(blank, unknown=_MANY)
    points = (_at_least(survey.pages, PAGES) or README) if survey.readme else 0
    figure = f"{survey.readme or 'no README'}, {counted(survey.pages, 'page')} of documentation"
    return _known(blank, evidence, points, figure, survey.readme)


def _ci(evidence: Evidence) -> Component:
    survey = evidence.survey
    blank = Component("CI", Part.HEALTH, 5)
    if survey.capped and not survey.pipelines:
        return replace(blank, unknown=_MANY)
    systems = [system for system, _ in survey.pipelines]
    points = GITLAB if systems == ["gitlab"] else _at_least(len(systems), WORKFLOWS)
    figure = f"{counted(len(systems), 'workflow')} ({', '.join(dict.fromkeys(systems))})" if systems else "no workflow"
    return _known(blank, evidence, points, figure, survey.pipelines[0][1] if systems else "")


def _commits(evidence: Evidence) -> Component:
    blank = Component("commits", Part.VELOCITY, 5)
    if evidence.history is None or not evidence.history.commits:
        return replace(blank, unknown="a commit")
    count = recent(evidence.history, evidence.at)
    return _known(
        blank, evidence, _at_least(count, COMMITS_A_MONTH), f"{counted(count, 'commit')} in 30 days", "git log"
    )


def _conventional(evidence: Evidence) -> Component:
    blank = Component("conventional messages", Part.VELOCITY, 5)
    commits = by_people(evidence.history.commits) if evidence.history else []
    if not commits:
        return replace(blank, unknown="a commit")
    count = sum(is_conventional(commit.subject) for commit in commits)
    points = _at_least(100 * count / len(commits), CONVENTIONAL)
    return _known(blank, evidence, points, f"{count} of the last {len(commits)} messages are conventional", "git log")


def _issue_references(evidence: Evidence) -> Component:
    blank = Component("issue references", Part.VELOCITY, 5)
    commits = by_people(evidence.history.commits) if evidence.history else []
    if not commits:
        return replace(blank, unknown="a commit")
    count = sum(refers_to_issue(f"{commit.subject}\n{commit.body}") for commit in commits)
    points = _at_least(100 * count / len(commits), ISSUE_REFERENCES) or (ANY_REFERENCE if count else 0)
    return _known(blank, evidence, points, f"{count} of the last {len(commits)} messages name an issue", "git log")


def _branches(evidence: Evidence) -> Component:
    blank = Component("branches", Part.VELOCITY, 5)
    if evidence.history is None or not evidence.history.commits:
        return replace(blank, unknown="a commit")
    count = sum(map(is_feature, evidence.history.branches))
    figure = counted(count, "feature branch", "feature branches")
    return _known(blank, evidence, _at_least(count, FEATURE_BRANCHES), figure, "git branch")


def _hygiene(evidence: Evidence) -> Component:
    survey, secrets = evidence.survey, evidence.secrets
    blank = Component("hygiene", Part.SECURITY, HYGIENE)
    if secrets is None:
        return replace(blank, unknown="files that can be read")
    lost, said = 0, []
    if not survey.ignore_files:
        lost += NO_IGNORE_FILE
        said.append("no ignore file")
    if evidence.env_ignored is False:
        lost += ENV_NOT_IGNORED
        said.append(f"{survey.env_files[0] if survey.env_files else '.env'} is not ignored")
    if secrets.count:
        lost += A_SECRET * secrets.count
        worst = max(secrets.found, key=lambda path: (secrets.found[path], path))
        said.append(f"{counted(secrets.count, 'hard-coded secret')}, as in {worst}")
    read = f"{secrets.read:,} of {secrets.of:,} files read for secrets" if secrets.read < secrets.of else ""
    figure = "; ".join([*said, *filter(None, [read])]) or f"no secret in {counted(secrets.read, 'file')}"
    return _known(blank, evidence, max(0, HYGIENE - lost), figure)


def _known(blank: Component, evidence: Evidence, points: float, figure: str, source: str = "") -> Component:
    return replace(blank, points=points, figure=figure, source=source or "the folder", time=evidence.at)


def _at_least(value: float, steps: Sequence[tuple[float, int]]) -> int:
    """The points of the first step that is reached; 0 below all of them."""
    return next((points for least, points in steps if value >= least), 0)


RULES: Sequence[Callable[[Evidence], Component]] = (
    _percent(Metric.COVERAGE, Part.CODE),
    _percent(Metric.LINT, Part.CODE),
    _percent(Metric.TYPES, Part.CODE),
    _percent(Metric.COMPLEXITY, Part.CODE),
    _packaging,
    _version_control,
    _lock_freshness,
    _tests,
    _docs,
    _ci,
    _commits,
    _conventional,
    _issue_references,
    _branches,
    _percent(Metric.SECURITY, Part.SECURITY),
    _hygiene,
)
"""In the order of docs/quality.md; `of` adds up to 100."""
