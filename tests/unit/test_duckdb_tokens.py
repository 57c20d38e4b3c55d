import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.duckdb.tokens import INDEXED_CHARACTERS, Words, hash64, indexed_text


def terms(text):
    return Words().terms(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Resetting the caches", {"reset", "cach"}),
        ("resetUserCache", {"resetusercach", "reset", "user", "cach"}),
        ("reset_user_cache()", {"reset_user_cach", "reset", "user", "cach"}),
        ("HTTPServer", {"httpserver", "http", "server"}),
        ("shop.checkout.total", {"shop.checkout.tot", "shop", "checkout", "total"}),
        ("src/app/main.py", {"src/app/main.pi", "src", "app", "main", "py"}),
        ("C:\\temp\\x.log", {"c:\\temp\\x.log", "temp", "log"}),
        ("--dry-run", {"dry-run", "dri", "run"}),
        ("v1.2.3 and 404", {"v1.2.3", "404"}),
        ("Käse naïve", {"käse", "naïv"}),
        ("设置缓存", {"设置缓存", "设置", "置缓", "缓存"}),
        ("the and of", set()),
        ("end.Next", {"end.next", "end", "next"}),
        ("-dash--and@ends./", {"dash--and@end", "dash", "end"}),
        ("one\u2014two \u2192three,\u2022four", {"one", "two", "three", "four"}),
        ("", set()),
        ("... --- ///", set()),
    ],
)
def test_a_text_becomes_stems_and_pieces(text, expected):
    assert set(terms(text)) == expected
    assert Words().hashes(text) == [hash64(term) for term in terms(text)]


def test_wide_letters_are_the_same_as_narrow_ones():
    assert terms("\uff21\uff22\uff23def") == terms("ABCdef")


def test_words_are_counted_as_often_as_they_stand():
    assert terms("cache caching cached").count("cach") == 3


@given(st.text(max_size=200))
def test_any_text_has_terms_and_their_hashes_agree(text):
    words = Words(remembered=3)
    assert words.hashes(text) == [hash64(term) for term in words.terms(text)]
    assert words.hashes(text) == Words().hashes(text)


def test_what_stands_far_behind_is_left_to_the_parts():
    text = "a" * (INDEXED_CHARACTERS + 5)
    assert indexed_text(text, "user", ("tag",)) == "a" * INDEXED_CHARACTERS + " user tag"


def test_an_endless_word_is_one_short_term():
    [term] = terms("x" * 100_000)
    assert len(term) <= 64
