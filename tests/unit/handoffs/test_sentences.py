"""Sentences as they stand there, and which of them state something."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.sentences import sentences
from session_mgmt_mcp.domain.statements import Category, statements
from session_mgmt_mcp.ports.vector_store import Record


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Keep it. Why? Because!", ["Keep it.", "Why?", "Because!"]),
        ("- one thing\n- **another** thing\n1. a third", ["one thing", "**another** thing", "a third"]),
        ("**Decision:** use it", ["**Decision:** use it"]),
        ("**All bold**", ["All bold"]),
        ("`code` first", ["`code` first"]),
        ("ends with `code`", ["ends with `code`"]),
        ("See e.g. this one. Then that.", ["See e.g. this one.", "Then that."]),
        ("Before.\n```python\nraise It. Now.\n```\nAfter.", ["Before.", "After."]),
        ("Before.\n```\nnever closed. At all.", ["Before."]),
        ("", []),
        ("---\n***\n| |", []),
    ],
)
def test_sentences_lose_only_marks_at_their_ends(text, found):
    assert list(sentences(text)) == found


@given(st.text(alphabet="ab .!?*`_-#\n|>1)", max_size=200))
def test_every_sentence_stands_in_its_text(text):
    for sentence in sentences(text):
        assert sentence == flat(sentence) != ""
        assert sentence in flat(text)


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ("We decided to keep prices in cents.", Category.DECISION),
        ("Let's use Postgres for the orders.", Category.DECISION),
        ("I want to replace getUserID with a machine identifier.", Category.DECISION),
        ("We store cents instead of floats in every table.", Category.DECISION),
        ("The root cause was a stale cache entry.", Category.FIX),
        ("The test failed because the clock was frozen.", Category.FIX),
        ("Always run the migrations before the tests.", Category.CONVENTION),
        ("You must never commit generated files.", Category.CONVENTION),
        ("From now on commit messages start with a verb.", Category.CONVENTION),
        ("Note that the client silently drops empty rows.", Category.GOTCHA),
        ("It turns out that the proxy strips this header.", Category.GOTCHA),
    ],
)
def test_what_is_stated_is_told_by_category(told, said, category):
    told.user(f"Hello there. {said} Thank you for that.")
    (found,) = statements(told.records)
    assert (found.category, found.text, found.role, found.ref) == (category, said, "user", "m0")


@pytest.mark.parametrize(
    "said",
    [
        "Should we use Postgres instead of SQLite?",
        "Let me use a smaller example instead of this one.",
        "The test expects total instead of sum in the output.",
        "This function was never used in the examples.",
        "Please fix the failing test in the cart.",
        "I use it.",
        "Here is what we decided to do:",
        "We decided that the key is [redacted:api-key] for now.",
    ],
)
def test_a_question_a_plan_or_a_report_is_no_statement(told, said):
    told.assistant(said)
    assert statements(told.records) == []


def test_only_the_main_conversation_and_what_a_person_typed_count(told):
    told.user("We decided to keep prices in cents.", agent="a1")
    told.assistant("We decided to keep prices in euros.", agent="a1")
    told.call("Bash", "Bash: echo We decided to keep prices in dollars.")
    told.user("Operation stopped by hook: we decided to stop this.")
    assert statements(told.records) == []


def test_a_persons_statement_comes_before_the_assistants_and_one_with_a_reason_before_one_without(told):
    told.assistant("We decided to keep prices in cents.")
    told.assistant("We decided to drop the cache because it was stale.")
    told.user("We decided to ship on Friday.")
    assert [one.text[11:21] for one in statements(told.records)] == ["to ship on", "to drop th", "to keep pr"]


def test_the_same_said_twice_is_one_statement(told):
    told.user("We decided to keep all prices in cents everywhere.")
    told.assistant("we  decided to keep all prices in cents everywhere.")
    told.assistant("So we decided to keep all the prices in cents everywhere.")
    assert [one.ref for one in statements(told.records)] == ["m0"]


@given(st.lists(st.sampled_from([
    "We decided to use X instead of Y because it is faster.", "- **Note that** it `silently fails` when empty.",
    "Always run it.\nNever skip the linter here.", "```\nWe decided nothing here.\n```", "the bug was a typo — fixed by hand",
    "> The root cause is: a `race`**", "* `we will use A rather than B`",
]), max_size=6), st.sampled_from([" ", "\n", "\n\n- ", ". "]))  # fmt: skip
def test_every_statement_is_a_piece_of_the_memory_it_names(parts, between):
    time = datetime(2026, 3, 2, tzinfo=UTC)
    record = Record("r", "turn", between.join(parts), "p", time, role="assistant")
    for one in statements([record]):
        assert one.text in flat(record.text)
