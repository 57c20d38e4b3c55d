import math

from session_mgmt_mcp.domain.terms import (
    Vocabulary,
    fold,
    over_represented,
    pieces,
    themes,
    vocabulary,
    words_of,
)


def test_names_fall_into_their_words():
    assert pieces("RateLimiter") == ["rate", "limiter"]
    assert pieces("HTTPServer_reset-all") == ["http", "server", "reset", "all"]


def test_endings_do_not_make_another_word():
    assert {fold(word) for word in ("limit", "Limits", "limited", "limiting")} == {"limit"}
    assert fold("bus") == "bus"


def test_paths_numbers_and_common_words_are_no_terms_and_part_phrases():
    assert words_of("the token bucket in src/api/limit.py has 429 retries; burst size") == [
        ["token", "bucket"],
        ["retries"],
        ["burst", "size"],
    ]


def test_a_word_counts_once_a_text_and_is_shown_as_it_is_written_most():
    found = vocabulary(["Token token TokenBucket", "token", "other tokens"])
    assert found.texts == 3 and found.words["token"] == 3 and found.words["TokenBucket"] == 1


def test_g2_is_the_log_likelihood_ratio():
    found = Vocabulary(10, {"bucket": 8, "error": 5}, {})
    weights = over_represented(found, {"bucket": 10, "error": 50}, 100)
    table = [(8, 10 * 0.1), (2, 90 * 0.1), (2, 10 * 0.9), (88, 90 * 0.9)]
    expected = 2 * sum(seen * math.log(seen / wanted) for seen, wanted in table)
    assert list(weights) == ["bucket"] and math.isclose(weights["bucket"], expected)


def test_what_is_as_common_everywhere_or_rarer_here_is_no_theme():
    found = Vocabulary(20, {"error": 10, "deploy": 2}, {})
    assert over_represented(found, {"error": 100, "deploy": 90}, 200) == {}


def test_without_other_texts_the_most_frequent_words_are_the_themes():
    found = Vocabulary(3, {"cache": 3, "proxy": 2, "once": 1}, {})
    assert over_represented(found, {"cache": 3, "proxy": 2, "once": 1}, 3) == {"cache": 3.0, "proxy": 2.0}


def test_a_phrase_takes_the_place_of_its_words_where_they_mostly_stand_together():
    found = Vocabulary(10, {"token": 6, "bucket": 5, "size": 5}, {("token", "bucket"): 5, ("bucket", "size"): 2})
    shown = themes(found, {"token": 30.0, "bucket": 25.0, "size": 20.0}, 5)
    assert [term.text for term in shown] == ["token bucket", "size"]
    assert shown[0].texts == 5


def test_words_of_the_question_tell_nothing_alone():
    found = Vocabulary(10, {"token": 6, "bucket": 5}, {("token", "bucket"): 5})
    assert [term.text for term in themes(found, {"token": 30.0, "bucket": 25.0}, 5, ["tokens"])] == ["token bucket"]
    found = Vocabulary(10, {"token": 6, "bucket": 5}, {})
    assert [term.text for term in themes(found, {"token": 30.0, "bucket": 25.0}, 5, ["tokens"])] == ["bucket"]
