"""Reading retrieval sets, whatever is left out of them."""

import json
from datetime import UTC, datetime

import pytest

from benchmarks.formats import Conversation, read_questions, read_set, selected


@pytest.fixture
def written(tmp_path):
    def write(document):
        path = tmp_path / "set.json"
        path.write_text(json.dumps(document))
        return path

    return write


def small():
    turns = [
        {"id": "1", "session": "a", "time": "2024-03-15T10:00:00", "speaker": "Ann", "text": "Hello."},
        {"id": "2", "session": "a", "time": "", "speaker": "Bob", "text": "Hi."},
        {"id": "3", "session": "b", "time": "2024-04-01T10:00:00+02:00", "speaker": "Ann", "text": "Again."},
    ]
    questions = [
        {"id": "q", "text": "Who says hello?", "category": "1", "gold": ["1", "3"]},
        {"id": "r", "text": "Which session?", "gold_sessions": ["b"]},
    ]
    return {"name": "small", "conversations": [{"id": "c", "turns": turns, "questions": questions}]}


def test_turns_have_their_place_in_the_session_and_a_time(written):
    turns = read_set(written(small())).conversations[0].turns
    assert [(turn.session, turn.position) for turn in turns] == [("a", 0), ("a", 1), ("b", 0)]
    assert turns[1].time == turns[0].time == datetime(2024, 3, 15, 10, tzinfo=UTC)
    assert turns[2].time == datetime(2024, 4, 1, 8, tzinfo=UTC)


def test_the_sessions_of_gold_turns_are_gold_sessions(written):
    first, second = read_set(written(small())).conversations[0].questions
    assert (first.gold, first.gold_sessions) == ({"1", "3"}, {"a", "b"})
    assert (second.gold, second.gold_sessions) == (frozenset(), {"b"})


def test_questions_are_read_with_and_without_conversations(written):
    name, nested = read_questions(written(small()))
    assert (name, [one.id for one in nested]) == ("small", ["q", "r"])
    name, flat = read_questions(written({"name": "n", "questions": [{"id": "1", "text": "x", "gold_sessions": ["s"]}]}))
    assert (name, flat[0].gold_sessions) == ("n", {"s"})


@pytest.mark.parametrize(("positions", "expected"), [(None, "abcd"), ("2-3", "bc"), ("4", "d"), ("3-9", "cd")])
def test_conversations_are_selected_by_position(positions, expected):
    assert [one.id for one in selected([Conversation(name, (), ()) for name in "abcd"], positions)] == list(expected)


@pytest.mark.parametrize("positions", ["x", "0-2", "-1", "a-b"])
def test_positions_that_are_none_are_refused(positions):
    with pytest.raises(ValueError, match="positions"):
        selected([], positions)


def test_what_is_no_set_is_refused_with_one_sentence(written, tmp_path):
    with pytest.raises(ValueError, match="no list of conversations"):
        read_set(written({"name": "x"}))
    with pytest.raises(ValueError, match="cannot be read"):
        read_set(tmp_path / "missing.json")
    with pytest.raises(ValueError, match="no questions"):
        read_questions(written({}))
