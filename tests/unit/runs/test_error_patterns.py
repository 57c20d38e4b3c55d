"""Failures that say the same but for a number, a name or a place."""

from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.runs.error_patterns import LONGEST, clusters, normalised, pattern_of, telling_line
from session_mgmt_mcp.domain.runs.seen import record_of

from tests.unit.runs.samples import of_tests

TRACEBACK = """\
def test_total():
>       assert total([]) == 3
E       AssertionError: assert 4 == 3
E        +  where 4 = total([])

tests/test_cart.py:12: AssertionError"""


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("KeyError: 'total'", "KeyError: <value>"),
        ("assert 3 == 4", "assert <number> == <number>"),
        ("assert -3.5e10 == 1_000", "assert <number> == <number>"),
        ("ValueError: at 0x7f12ab", "ValueError: at <hex>"),
        ("ValueError: no commit 26c17735f0", "ValueError: no commit <hex>"),
        ("No such file: /tmp/a1/b.txt", "No such file: <path>"),
        ("tests/test_cart.py:12: AssertionError", "<path>: AssertionError"),
        (r"cannot open C:\work\a.txt", "cannot open <path>"),
        ("job 123e4567-e89b-12d3-a456-426614174000 is gone", "job <uuid> is gone"),
        ("expired at 2026-06-01T09:00:00.5Z", "expired at <time>"),
        ("took until 09:00:01", "took until <time>"),
        ('it said "no, thanks" twice', "it said <value> twice"),
        ("don't do what you can't", "don't do what you can't"),
        ("python3 and utf8 and sha256sum stay", "python3 and utf8 and sha256sum stay"),
        ("the words decade and facade stay", "the words decade and facade stay"),
    ],
)
def test_what_varies_is_replaced(message, text):
    assert normalised(message) == text


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (TRACEBACK, "AssertionError: assert 4 == 3"),
        ("Traceback (most recent call last):\n  File x\nKeyError: 'a'\n\nshop.errors.CartError: empty\n", "shop.errors.CartError: empty"),
        ("KeyError: 'total'\n\nafter ValueError: x\nIndexError: y", "KeyError: 'total'"),
        ("\n  it broke\nsomewhere", "it broke"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_line_that_says_what_went_wrong_is_read(message, line):
    assert telling_line(message) == line


def test_an_error_has_its_name_where_it_has_one():
    assert pattern_of("KeyError: 'total'").name == "KeyError"
    assert pattern_of("E   assert 3 == 4\n\ntests/test_cart.py:1: AssertionError").name == "AssertionError"
    assert pattern_of("assert 3 == 4\n +  where 3 = total()").name == "AssertionError"
    assert pattern_of("it broke\nCartError: y").name == "CartError"
    assert pattern_of("it broke").name == ""


@settings(deadline=None)
@given(st.uuids(), st.integers(0, 10**9), st.datetimes(datetime(1_000, 1, 1)), st.text("abcdefghij", min_size=1))
def test_failures_that_differ_in_values_alone_are_one(uuid: UUID, number, time, word):
    said = f"CartError: item {uuid} of {number} since {time:%Y-%m-%d %H:%M:%S} in /srv/{word}/cart.py named '{word}'"
    assert normalised(said) == "CartError: item <uuid> of <number> since <time> in <path> named <value>"


@settings(deadline=None)
@given(st.text(max_size=600))
def test_any_message_has_a_short_pattern(message):
    assert len(pattern_of(message).text) <= LONGEST


def test_failures_are_counted_by_pattern():
    runs = [
        of_tests(0, {"a": "KeyError: 'x'", "b": "KeyError: 'y'", "c": "assert 1 == 2"}),
        of_tests(1, {"a": "KeyError: 'z'"}, "bc"),
        of_tests(2, {"c": "assert 3 == 4"}, "ab"),
    ]
    keys, other = clusters(record_of(runs))
    assert (keys.pattern.name, keys.count, keys.tests, keys.runs) == ("KeyError", 3, [("a", 2), ("b", 1)], 2)
    assert (keys.first, keys.last, keys.example) == (runs[0].at, runs[1].at, "KeyError: 'z'")
    assert (other.count, other.tests, other.last) == (2, [("c", 2)], runs[2].at)
