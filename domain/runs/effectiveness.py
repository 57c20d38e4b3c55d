"""Which commands were worth their time, by what was known before they ran."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.quality_runner import Aspect, Command, Outcome, StepStatus

ENOUGH = 3  # runs, before anything is said


class Situation(StrEnum):
    """What the project's last run before showed: the first of these that holds."""

    TESTS_FAILING = "tests failing"
    TYPE_ERRORS = "type errors"
    SECURITY_FINDINGS = "security findings"
    LINT_FINDINGS = "lint findings"
    OTHER_FINDINGS = "other findings"
    ALL_CLEAN = "all clean"
    NOTHING_KNOWN = "nothing known"  # there was none, or it did not come to its own end


_SHOWN: Mapping[Aspect, Situation] = {
    Aspect.TESTS: Situation.TESTS_FAILING,
    Aspect.TYPES: Situation.TYPE_ERRORS,
    Aspect.SECURITY: Situation.SECURITY_FINDINGS,
    Aspect.LINT: Situation.LINT_FINDINGS,
}


@dataclass(frozen=True, slots=True)
class Effect:
    """Of a command in a situation, over its runs that came to their own end.

    `found` of them found something; of those, `followed` were followed by the same command with the same options, and in
    `gone` of these nothing of what had been found was left.
    """

    situation: Situation
    command: Command
    runs: int
    found: int
    followed: int
    gone: int
    seconds: float  # median

    @property
    def says(self) -> str:
        many = f"{self.found} of {counted(self.runs, 'run')}"
        gone = f"; by the next {self.command} it was gone in {self.gone} of {self.followed}" if self.followed else ""
        return f"With {_said(self.situation)}, {self.command} found something in {many}{gone}; half took at most {self.seconds:.3g} s."


def effects(runs: Sequence[Run]) -> list[Effect]:
    """Of all of a project's runs, oldest first; silent below three runs. The situations in their order, the commands by runs."""
    following = _following(runs)
    found: dict[tuple[Situation, Command], list[int]] = {}
    for at, run in enumerate(runs):
        if run.ended:
            found.setdefault((situation(runs[at - 1] if at else None), run.command), []).append(at)
    order = list(Situation)
    told = [_effect(runs, which, places, following) for which, places in found.items() if len(places) >= ENOUGH]
    return sorted(told, key=lambda one: (order.index(one.situation), -one.runs, one.command))


def situation(before: Run | None) -> Situation:
    """What a run showed, for the one after it."""
    if before is None or not before.ended:
        return Situation.NOTHING_KNOWN
    aspects = {step.aspect for step in before.report.steps if step.status is StepStatus.FAILED}
    aspects |= {finding.aspect for finding in before.report.findings}
    if before.failing:
        aspects.add(Aspect.TESTS)
    shown = next((shown for aspect, shown in _SHOWN.items() if aspect in aspects), None)
    if shown is not None:
        return shown
    clean = before.report.outcome is Outcome.CLEAN and not aspects
    return Situation.ALL_CLEAN if clean else Situation.OTHER_FINDINGS


def findings(run: Run) -> Counter[tuple[str, ...]]:
    """What a run found, without lines and wording, which change though the fault stays."""
    found: Counter[tuple[str, ...]] = Counter(("test", test) for test in run.failing)
    found.update((one.step, one.rule, one.file) for one in run.report.findings)
    told = {one.step for one in run.report.findings}
    told |= {one.name for one in run.report.steps if one.aspect is Aspect.TESTS and run.failing}
    found.update((one.name,) for one in run.report.steps if one.status is StepStatus.FAILED and one.name not in told)
    return found


def _effect(
    runs: Sequence[Run], which: tuple[Situation, Command], places: Sequence[int], following: Sequence[int | None]
) -> Effect:
    some = [(found, following[at]) for at in places if (found := findings(runs[at]))]
    followed = [(found, findings(runs[after])) for found, after in some if after is not None]
    gone = sum(not found.keys() & later.keys() for found, later in followed)
    seconds = median(runs[at].report.seconds for at in places)
    return Effect(*which, len(places), len(some), len(followed), gone, seconds)


def _following(runs: Sequence[Run]) -> list[int | None]:
    """Of each run the next one of the same command, options and runner that came to its own end."""
    found: list[int | None] = [None] * len(runs)
    newest: dict[tuple[object, ...], int] = {}
    for at in reversed(range(len(runs))):
        run = runs[at]
        options = run.options
        some = (options.changed_only, options.fail_fast, frozenset(options.paths))
        asked = (run.package, run.report.runner, run.command, *some)
        found[at] = newest.get(asked)
        if run.ended:
            newest[asked] = at
    return found


def _said(shown: Situation) -> str:
    return {
        Situation.TESTS_FAILING: "tests failing before",
        Situation.ALL_CLEAN: "nothing found before",
        Situation.NOTHING_KNOWN: "nothing known before",
    }.get(shown, f"{shown} before")
