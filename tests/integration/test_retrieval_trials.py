"""The commands behind the tables of docs/retrieval.md, on a set of our own."""

import json
from pathlib import Path

import pytest

from benchmarks import bench, fit, threshold, trials
from benchmarks.formats import read_questions, read_set

HERE = Path(bench.__file__).parent
SAID = {
    "s1": ["The staging database listens on port 6543.", "We moved the nightly backup to object storage."],
    "s2": ["Our parrot learned to whistle a march.", "The garden needs water twice a week."],
}
ASKED = {"Which port has the staging database?": "s1:0", "What did the parrot learn to whistle?": "s2:0"}


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    monkeypatch.setenv("SESSION_MGMT_DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("SESSION_MGMT_LOG_DIR", str(tmp_path / "logs"))

    def written(name):
        turns = [
            {"id": f"{session}:{n}", "session": session, "time": "2024-01-02", "speaker": "user", "text": text}
            for session, texts in SAID.items()
            for n, text in enumerate(texts)
        ]
        questions = [{"id": gold, "text": text, "category": "fact", "gold": [gold]} for text, gold in ASKED.items()]
        questions.append({"id": "none", "text": "Who won the quiz?", "category": "fact", "gold": []})
        path = tmp_path / f"{name}.json"
        path.write_text(
            json.dumps({"name": name, "conversations": [{"id": "c", "turns": turns, "questions": questions}]})
        )
        return path

    return written


def test_a_trial_changes_the_ranking_and_every_one_has_figures(write, capsys):
    assert trials.main([str(write("own")), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == trials.ORDINARY
    assert figures["as it is"]["R@5"] == 100.0
    assert all(set(row) == set(figures["as it is"]) for row in figures.values())


def test_one_trial_can_be_asked_for_by_name(write, capsys):
    assert trials.main([str(write("own")), "--json", "--trial", "with exchange"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["with exchange"]


def test_a_threshold_keeps_what_can_be_answered_and_leaves_out_what_cannot(write, capsys):
    assert threshold.main([str(write("own")), "--json"]) == 0
    curve = json.loads(capsys.readouterr().out)["own"]
    answered, nothing = ([row[column] for row in curve.values()] for column in ("answered", "nothing"))
    assert answered == sorted(answered, reverse=True) and nothing == sorted(nothing)
    assert answered[0] == 100.0 and nothing[-1] == 100.0


def test_weights_are_fitted_on_the_others_and_tried_on_the_one_held_out(write, capsys):
    assert fit.main([str(write("one")), str(write("two"))]) == 0
    printed = capsys.readouterr().out
    assert printed.count("the others") == printed.count("itself") == 2


def test_a_fit_learns_which_feature_tells(write):
    import numpy as np

    rng = np.random.default_rng(3)
    cases = [
        fit.Case(np.stack([np.arange(5) == 2, rng.random(5)], axis=1).astype(float), list("abcde"), frozenset("c"))
        for _ in range(20)
    ]
    told, noise = fit.fitted([cases])
    assert told > 2 * abs(noise)


def test_a_figure_below_its_bar_is_said():
    figures = {"turn": {"R@5": 73.9}, "session": {"hit@5": 95.0}}
    bars = {("turn", "R@5"): 74.0, ("session", "hit@5"): 94.5}
    assert bench.missed(figures, bars) == ["turn R@5 is 73.9, the bar is 74"]


def test_without_sets_the_bench_says_where_to_get_them(tmp_path, capsys):
    assert bench.main(["--sets", str(tmp_path)]) == 2
    assert "benchmarks/README.md" in capsys.readouterr().err


def test_our_own_questions_are_in_the_format():
    paraphrases = read_set(HERE / "paraphrases.json").conversations[0]
    assert sum(bool(question.gold) for question in paraphrases.questions) == len(paraphrases.turns) == 36
    _, coding = read_questions(HERE / "coding_questions.json")
    assert len(coding) > 200 and all(question.gold_sessions for question in coding)


@pytest.mark.slow
@pytest.mark.shared
def test_the_bars_are_reached_by_a_tenth_of_locomo(shared, capsys):
    """The whole takes minutes: `make bench`. One chat of those that nothing was fitted on shows a ranking that broke."""
    assert (
        trials.main([str(shared / "bench/locomo.json"), "--conversations", "7", "--json", "--trial", "as it is"]) == 0
    )
    row = json.loads(capsys.readouterr().out)["as it is"]
    assert row["R@5"] >= 70 and row["session hit@5"] >= 92
