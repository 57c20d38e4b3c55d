"""What to do next follows from the figures."""

from dataclasses import replace

from hypothesis import given, settings
from session_mgmt_mcp.domain.checkpoints import next_steps
from session_mgmt_mcp.domain.quality.evidence import Measured, Metric
from session_mgmt_mcp.domain.quality.recommendations import ADVICE, MOST, recommend
from session_mgmt_mcp.domain.quality.scoring import score
from session_mgmt_mcp.domain.quality.work import Work, advice
from session_mgmt_mcp.ports.git_repository import Operation

from tests.unit.quality.samples import MANIFEST, NOW, commits, evidence, history
from tests.unit.quality.test_scoring import evidences


def test_most_points_to_gain_come_first_each_with_its_figure():
    found = evidence(history(commits(6)), manifests=[MANIFEST], readme="README.md", pages=2)
    steps = recommend(
        replace(score(replace(found, measured={Metric.COVERAGE: Measured(20, "run", NOW, "20 % of lines")})))
    )
    assert [(one.component, one.gain) for one in steps] == [
        ("coverage", 12), ("tests", 5), ("CI", 5), ("issue references", 5), ("conventional messages", 4)
    ]  # fmt: skip
    assert "(20 % of lines): up to 12 points" in steps[0].text and "(0 test files" in steps[1].text


def test_what_is_unknown_comes_after_what_is_lost_and_measurements_are_one_advice():
    full = evidence(manifests=[MANIFEST], locks=[], version_control="hg", readme="README.md", pages=5, test_files=10)
    whole = replace(full.survey, test_tools={"pytest": "x"}, pipelines=[("github", "a"), ("github", "b")])
    steps = recommend(score(replace(full, survey=whole)))
    assert [one.component for one in steps] == ["packaging", "coverage", "version control", "lock freshness", "commits"]
    assert "45 of 100 points are unknown" in steps[1].text and "a lock file" in steps[3].text


def test_every_component_has_an_advice():
    assert set(ADVICE) == {one.name for one in score(evidence()).components}


@settings(max_examples=60)
@given(evidences)
def test_there_are_at_most_five_and_none_for_what_is_full(found):
    whole = score(found)
    steps = recommend(whole)
    full = {one.name for one in whole.components if one.points == one.of}
    assert len(steps) <= MOST and not full & {one.component for one in steps}
    lost = {one.name: one.of - one.points for one in whole.components if one.points is not None}
    gains = [lost[one.component] for one in steps if one.component in lost]
    assert gains == sorted(gains, reverse=True)
    rest = [loss for name, loss in lost.items() if name not in {one.component for one in steps}]
    assert not gains or len(steps) < MOST or max(rest, default=0) <= gains[-1] or len(gains) < len(steps)


def test_work_asks_for_what_its_figures_show():
    quiet = Work(NOW, commits=2, changed=9, untracked=40, calls=19, failed=19)
    assert advice(quiet) == []
    busy = Work(
        NOW, commits=0, changed=10, untracked=0, behind=3, operation=Operation.MERGE,
        calls=20, failed=5, errors={"KeyError": 4},
    )  # fmt: skip
    said = advice(busy)
    assert [sentence.split()[0] for sentence in said] == ["Finish", "Commit:", "Pull:", "Look"]
    assert "5 of 20 calls did, most of them KeyError" in said[3]


def test_the_next_steps_are_at_most_five_and_leave_room_for_the_work():
    whole = score(evidence(history(commits(6))))
    steps = next_steps(whole, Work(NOW, commits=0, changed=99, untracked=0))
    assert len(steps) == 5 and [one.component for one in steps].count("work") == 1
    assert [one.gain for one in steps[:4]] == [one.gain for one in recommend(whole)[:4]]
