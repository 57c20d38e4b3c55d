import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.duckdb.tokens import Words, indexed_text
from session_mgmt_mcp.adapters.lancedb.words import INDEXED_CHARACTERS, INNER, LONGEST_TERM, asked, terms, whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Resetting the caches", ["reset", "cach"]),
        ("resetUserCache", ["resetusercach", "reset", "user", "cach"]),
        ("reset_user_cache()", ["resetUuserUcach", "reset", "user", "cach"]),
        ("src/app/main.py", ["srcSappSmainDpi", "src", "app", "main", "py"]),
        ("C:\\temp", ["cCBtemp", "temp"]),
        ("you@shop-1", ["youAshopH1", "shop"]),
        ("设置缓存", ["设置缓存", "设置", "置缓", "缓存"]),
        ("the and of", []),
    ],
)
def test_a_text_becomes_stems_and_pieces(text, expected):
    assert terms(text) == expected


names = st.text(st.sampled_from("abZ9_./\\:-@ é置\u212a\u0130\u00df\u01c5\uff21"), max_size=40)


@given(
    st.one_of(st.text(max_size=200), names), st.sampled_from(["", "user"]), st.lists(st.text(max_size=9), max_size=2)
)
def test_every_store_reads_the_same_terms(text, role, tags):
    theirs = Words().terms(indexed_text(text, role, tags))
    assert terms(text, role, tags) == [term.translate(INNER) for term in theirs]


@given(st.one_of(st.text(max_size=200), names))
def test_a_term_is_one_word_to_lance(text):
    assert all(len(term.split()) == 1 and (term.isalnum() or not term.isascii()) for term in terms(text))


@given(names, names)
def test_different_names_stay_different_terms(left, right):
    ours = [set(terms(text)) for text in (left, right)]
    theirs = [set(Words().terms(text)) for text in (left, right)]
    assert len(ours[0] & ours[1]) == len(theirs[0] & theirs[1])


def test_what_stands_far_behind_is_left_to_the_parts():
    assert terms("word " * INDEXED_CHARACTERS) == ["word"] * (INDEXED_CHARACTERS // 5)
    assert len(terms("x" * 100_000)[0]) <= LONGEST_TERM


def test_a_question_has_each_term_once_and_a_name_one_of_its_own():
    assert asked("cache caches the user_cache") == ["cach", "userUcach", "user"]
    assert (whole("src/Main.py"), whole("the"), whole("")) == ("srcSmainDpi", None, None)
