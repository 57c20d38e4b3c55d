"""What a question gives away."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.cues import Cues, asks, cues_of, is_counted, is_dated, is_standing


@pytest.mark.parametrize(
    ("question", "months", "year", "day"),
    [
        ("What happened in June 2023?", (6,), 2023, None),
        ("What happened on 10 June 2023?", (6,), 2023, 10),
        ("What happened on June 3rd?", (6,), None, 3),
        ("between May and July", (7,), None, None),
        ("in May", (5,), None, None),
        ("May I restart the server?", (), None, None),
        ("What did we change in 2024?", (), 2024, None),
        ("the release of 2024-05-07", (5,), 2024, 7),
        ("Why does port 8081 answer?", (), None, None),
    ],
)
def test_a_time_named_in_the_question_is_read(question, months, year, day):
    cues = cues_of(question)
    assert (cues.months, cues.year, cues.day) == (months, year, day)


@pytest.mark.parametrize("question", ["When did it fail?", "How long did it take?", "What day was it?"])
def test_questions_for_a_time_are_recognised(question):
    assert cues_of(question).wants_time


@pytest.mark.parametrize("question", ["How many tests failed?", "What was the average latency?"])
def test_questions_for_an_amount_are_recognised(question):
    assert cues_of(question).wants_amount


@pytest.mark.parametrize(
    "question", ["What did you recommend?", "What was your advice?", "What was I told, you suggested it"]
)
def test_questions_about_the_assistants_words_are_recognised(question):
    assert cues_of(question).asks_assistant


def test_a_plain_question_gives_nothing_away():
    cues = cues_of("Which database do I use?")
    assert not (cues.wants_time or cues.wants_amount or cues.asks_assistant or cues.asks_overview or cues.months)


def test_coverage_is_the_share_of_the_telling_words_whatever_their_endings():
    cues = cues_of("Which migrations failed?")
    assert cues.coverage("The migration is failing.") == pytest.approx(1.0)
    assert cues.coverage("The migration went", "well") == pytest.approx(0.5)
    assert cues_of("who is it?").coverage("anything") == 0.0


def test_texts_are_known_by_their_dates_numbers_questions_and_rules():
    assert is_dated("We met yesterday.") and not is_dated("We met.")
    assert is_counted("It took 3 tries.") and is_counted("It took three tries.") and not is_counted("It took tries.")
    assert asks("Ready? ") and not asks("Ready.")
    assert is_standing("Always run the linter.") and not is_standing("Run the linter.")


def test_a_phrase_is_a_pair_of_words_with_at_most_a_short_word_between():
    cues = cues_of("upgrading shell completions")
    assert cues.phrase("We upgraded the shell completion.") == 1.0
    assert cues.phrase("Upgrade it. The completion is a shell's.") == 0.0
    assert cues.phrase("A shell completion (old) to upgrade") == 0.5
    assert cues_of("completion").phrase("completion") == 0.0


def test_the_words_of_a_phrase_stand_at_its_beginning_not_inside_of_another():
    cues = cues_of("shell completion")
    assert cues.phrase("an eggshell completion") == 0.0
    assert cues.phrase("an eggshell, a shell completion") == 1.0
    assert cues.phrase("shell completion") == 1.0


@settings(max_examples=1_000, deadline=None)
@given(
    st.text(alphabet="abcé _-.", max_size=24),
    st.text(alphabet="abcé", min_size=1, max_size=2),
    st.text(alphabet="abcé", min_size=1, max_size=2),
)
def test_two_words_stand_together_as_a_pattern_would_find_them(text, one, other):
    pattern = rf"{one}(?<!\w{one})\w*\W+(?:\w{{1,3}}\W+)?{other}"
    assert Cues(pairs=((one, other),)).phrase(text) == float(bool(re.search(pattern, text)))
