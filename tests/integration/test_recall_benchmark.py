"""The recall benchmark end to end on a set of our own, through the product's capture and search."""

import json

import pytest

from benchmarks import recall
from benchmarks.product import cut

TOPICS = {
    "s1": ["The staging database listens on port 6543.", "We moved the nightly backup to object storage."],
    "s2": ["Our parrot learned to whistle a march.", "The garden needs water twice a week."],
    "s3": ["The train to Lyon leaves at nine.", "I booked the hotel beside the river."],
}
ASKED = {"Which port has the staging database?": "s1", "What did the parrot learn?": "s2", "Where is the hotel?": "s3"}


@pytest.fixture
def retrieval_set(tmp_path, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    monkeypatch.setenv("SESSION_MGMT_DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("SESSION_MGMT_LOG_DIR", str(tmp_path / "logs"))
    turns = [
        {"id": f"{session}:{n}", "session": session, "time": "2024-01-02T03:04:05", "speaker": "user", "text": text}
        for session, texts in TOPICS.items()
        for n, text in enumerate(texts)
    ]
    gold = {"s1": "s1:0", "s2": "s2:0", "s3": "s3:1"}
    questions = [
        {"id": str(n), "text": text, "category": "fact", "gold": [gold[session]]}
        for n, (text, session) in enumerate(ASKED.items())
    ]
    questions.append({"id": "none", "text": "Who won?", "category": "fact", "gold": []})
    path = tmp_path / "set.json"
    path.write_text(json.dumps({"name": "own", "conversations": [{"id": "c", "turns": turns, "questions": questions}]}))
    return path


def test_a_set_gives_figures_in_percent_at_turn_and_session_level(retrieval_set, capsys):
    assert recall.main([str(retrieval_set), "--json", "--baselines"]) == 0
    figures = json.loads(capsys.readouterr().out)["own"]
    assert figures["turn"]["R@5"] == figures["session"]["hit@5"] == 100.0
    assert set(figures["baselines"]) == {"minilm", "bm25", "rrf"}
    assert (figures["questions"], figures["without_gold"]) == (3, 1)
    assert figures["by_category"]["fact"]["turn"] == figures["turn"]
    assert figures["ms_per_query"] > 0


def test_without_json_the_figures_are_a_table(retrieval_set, capsys):
    assert recall.main([str(retrieval_set)]) == 0
    assert "nDCG@10" in capsys.readouterr().out


def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, capsys):
    assert recall.main([str(tmp_path / "missing.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_transcripts_are_judged_by_session(tmp_path, retrieval_set, capsys):
    folder = tmp_path / "projects" / "-home-dev-shop"
    folder.mkdir(parents=True)
    for number, (session, texts) in enumerate(TOPICS.items()):
        lines = [
            {
                "type": "user", "uuid": f"{session}-{n}", "sessionId": session, "cwd": "/home/dev/shop", "isSidechain": False,
                "timestamp": f"2026-01-0{number + 1}T10:00:0{n}.000Z", "message": {"role": "user", "content": text},
            }
            for n, text in enumerate(texts)
        ]  # fmt: skip
        (folder / f"{session}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    questions = tmp_path / "questions.json"
    asked = [{"id": text, "text": text, "gold_sessions": [session]} for text, session in ASKED.items()]
    questions.write_text(json.dumps({"name": "work", "questions": asked}))
    assert recall.main(["--projects", str(folder.parent), "--questions", str(questions), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["work"]
    assert figures["session"]["hit@1"] == 100.0
    assert figures["turn"] == {}


def test_a_turn_beyond_the_size_of_a_memory_is_cut_between_characters():
    assert len(cut("é" * 100_000).encode()) <= 64 * 1024
    assert cut("short") == "short"
