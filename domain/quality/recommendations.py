"""What to do next, each from a figure, most points to gain first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from session_mgmt_mcp.domain.quality.evidence import Metric
from session_mgmt_mcp.domain.quality.scoring import Component, Score

MOST = 5
LEAST_GAIN = 0.5
ADVICE: Mapping[str, str] = {
    "coverage": "Test what no test runs",
    "lint": "Mend what the linter finds",
    "types": "Mend what the type checker finds",
    "complexity": "Split the functions that are too complex",
    "packaging": "Name what the project needs in a manifest, and lock the versions",
    "version control": "Keep it in git and commit",
    "lock freshness": "Update the dependencies and lock them anew",
    "tests": "Write tests in files of their own, and configure what runs them",
    "docs": "Write a README, and pages below docs/",
    "CI": "Let a workflow check every push, and another one release",
    "commits": "Commit smaller steps, more often",
    "conventional messages": "Begin commit messages with what they are: feat, fix, docs, refactor, test ...",
    "issue references": "Name the issue in the commit message, as #12",
    "branches": "Keep unfinished work on branches of its own",
    "security findings": "Mend what the security tool finds",
    "hygiene": "Take secrets out of the files and let git ignore .env",
}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`gain` are points of 100, at most; `of` a component, or of several that are unknown."""

    text: str
    gain: float
    component: str


def recommend(score: Score, most: int = MOST) -> list[Recommendation]:
    """What costs known points, the most first, then what is unknown, by what it could count for.

    >>> recommend(score)[0].text
    'Write a README, and pages below docs/ (no README, 0 pages of documentation): up to 5 points.'
    """
    lost = [_of_known(one) for one in score.components if one.points is not None and one.of - one.points >= LEAST_GAIN]
    return [*sorted(lost, key=lambda one: -one.gain), *_unknown(score.unknown)][:most]


def _of_known(one: Component) -> Recommendation:
    gain = one.of - (one.points or 0)
    return Recommendation(f"{ADVICE[one.name]} ({one.figure}): up to {gain:.2g} points.", gain, one.name)


def _unknown(components: Sequence[Component]) -> list[Recommendation]:
    """Those that a tool measures are one piece of advice, the others one each."""
    tools = {*Metric, "security findings"}
    measured = [one for one in components if one.name in tools]
    found = [
        Recommendation(f"Make {one.name} known: it needs {one.unknown}; {one.of:g} points.", one.of, one.name)
        for one in components
        if one.name not in tools
    ]
    if measured:
        of = sum(one.of for one in measured)
        largest = max(measured, key=lambda one: one.of)
        names = ", ".join(one.name for one in measured)
        text = f"Measure {names}: {of:g} of 100 points are unknown. For {largest.name}: {largest.unknown}."
        found.append(Recommendation(text, of, largest.name))
    return sorted(found, key=lambda one: -one.gain)
