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
