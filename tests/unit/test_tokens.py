"""The estimate against counts that were taken with real tokenizers (the largest of Claude's, cl100k's and o200k's)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.tokens import tokens

COUNTED = [
    ("The cache must be reset after a schema change, because the proxy keeps stale rows for an hour.", 20),
    (
        "def reset(self, userId: int) -> None:\n    self._rows = {k: v for k, v in self._rows.items() if k != userId}",
        38,
    ),
    ("b1946ac92492d2347c6235b4d2611184 2026-11-22T11:07:40Z", 32),
    ("iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4", 32),
    ("缓存必须在模式更改后重置", 14),
    ("캐시를 초기화해야 합니다", 14),
    ("🚀🔥✅ shipped 👩\u200d💻", 15),
    ("Кэш нужно сбросить", 9),
    ("/srv/app/internal/handlers/cartHandler_test.go:212", 17),
    ('{"id":"9f3ab04c5d6e7f8091a2","kind":"turn","score":0.61,"snippet":"the port is 8081"}', 39),
    ("xkqzv bnwrt jfhgd qqzzx", 14),
    ("!@#$%^&*()_+{}|:<>?~`", 16),
]


@pytest.mark.parametrize(("text", "real"), COUNTED)
def test_it_is_not_less_than_any_tokenizer_counts_and_not_three_times_as_much(text, real):
    assert real <= tokens(text) <= 2.5 * real


def test_ids_cost_more_than_words_of_the_same_length():
    assert tokens("9f3ab04c5d6e7f8091a2") > 2 * tokens("the cache was reset.")


@given(st.text(max_size=500), st.text(max_size=500))
def test_parts_never_cost_less_than_the_whole_by_more_than_their_seam(left, right):
    assert abs(tokens(left) + tokens(right) - tokens(left + right)) <= 4


def test_nothing_and_half_a_character_are_counted_too():
    assert tokens("") == 1 and tokens("\ud800") >= 1
