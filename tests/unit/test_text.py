from time import process_time

from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.text import CHARACTERS_PER_TOKEN, content_hash, opaque_id, snippet


def test_case_white_space_and_unicode_form_do_not_make_another_content():
    assert content_hash("\uff32eset  the\ncache ") == content_hash("reset the cache")
    assert content_hash("reset the cache") != content_hash("reset the caches")


def test_ids_say_where_their_parts_end():
    assert opaque_id("ab", "c") != opaque_id("a", "bc")


@given(st.text(max_size=3_000), st.text(max_size=50), st.integers(5, 60))
def test_a_snippet_is_never_longer_than_asked(text, query, limit):
    assert len(snippet(text, query, limit)) <= limit * CHARACTERS_PER_TOKEN + 4


def test_a_snippet_shows_where_the_words_are():
    text = "nothing here " * 100 + "the proxy listens on port 8081 " + "nothing there " * 100
    assert "port 8081" in snippet(text, "which port has the proxy?", 20)


def test_a_snippet_is_chosen_by_the_words_that_tell():
    text = "the and was with that " * 30 + "the port of the proxy is 8081 " + "of any that have been " * 30
    assert "8081" in snippet(text, "what was the port that the proxy had?", 20)
    assert snippet(text, "was that with", 20).startswith("the and was")


def test_short_words_of_a_question_are_whole_words_of_a_snippet():
    text = "portable portals " * 60 + "a port"
    assert snippet(text, "port", 10).endswith("a port")


def test_a_snippet_of_a_long_text_with_the_word_everywhere_is_quick():
    text = "cache " * 200_000
    began = process_time()
    snippet(text, " ".join(["cache", *(f"word{n}" for n in range(500))]), 60)
    assert process_time() - began < 1
