"""File names of documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.local.names import SUFFIX, file_stem, name_of

NAMES = st.from_regex(r"[A-Za-z0-9_:@-][A-Za-z0-9_.:@-]{0,199}", fullmatch=True)


@given(NAMES)
def test_a_name_is_read_back_from_its_file(name):
    assert name_of(file_stem(name)) == name


@given(NAMES, NAMES)
def test_two_names_are_two_files_even_where_case_is_ignored(one, other):
    assert (file_stem(one).lower() == file_stem(other).lower()) is (one == other)


@given(NAMES, st.data())
def test_names_that_differ_in_case_only_are_two_files(name, data):
    at = data.draw(st.integers(0, len(name) - 1))
    other = name[:at] + name[at].swapcase() + name[at + 1 :]
    assert (file_stem(one := name).lower() == file_stem(other).lower()) is (one == other)


@given(NAMES)
def test_the_longest_name_is_a_file_name(name):
    assert len(file_stem(name) + SUFFIX) <= 255 and not file_stem(name).startswith(".")
    assert not set(file_stem(name)) & set('\\/:*?"<>| ')


@given(st.text())
def test_what_is_no_file_of_ours_has_no_name(stem):
    assert name_of(stem) is None or file_stem(name_of(stem) or "") == stem


@pytest.mark.parametrize("stem", ["", "A", "a~", "a~0", "a~2", "1~1", "a~w", "a~10", "a b", ".0", "a\n", "x" * 201])
def test_a_stem_that_nobody_would_write_has_no_name(stem):
    assert name_of(stem) is None
