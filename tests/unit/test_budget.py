"""Replies are cut to a budget from the least important end."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from session_mgmt_mcp.tools.budget import size, within


class Item(BaseModel):
    id: str
    text: str


class Reply(BaseModel):
    summary: str = "Found."
    items: list[Item] = []
    counts: dict[str, int] = {}
    best: Item | None = None


def reply_of(texts: list[str], counts: dict[str, int] | None = None) -> Reply:
    return Reply(items=[Item(id=str(n), text=text) for n, text in enumerate(texts)], counts=counts or {})


@given(st.lists(st.text(max_size=300), max_size=8), st.integers(80, 400))
def test_whatever_the_texts_the_reply_fits_and_shows_as_many_as_fit(texts, budget):
    whole = reply_of(texts)
    cut = within(whole, budget, "items")
    assert size(cut) <= budget
    shown = len(cut.items)
    assert [item.id for item in cut.items] == [item.id for item in whole.items[:shown]]
    if shown < len(texts):
        assert cut.summary == f"Found. Cut to {budget} tokens."
        assert size(cut.model_copy(update={"items": whole.items[: shown + 1]})) > budget
    else:
        assert cut == whole or shown == 1


def test_without_a_budget_nothing_is_cut():
    whole = reply_of(["word " * 1_000] * 3)
    assert within(whole, None, "items") is whole


def test_the_field_named_first_goes_first():
    whole = reply_of(["the cache was reset"] * 5, {f"project-{n}": n for n in range(50)})
    cut = within(whole, 200, "counts", "items")
    assert len(cut.items) == 5 and 0 < len(cut.counts) < 50
    other = within(whole, size(whole) - 20, "items", "counts")
    assert len(other.counts) == 50 and len(other.items) < 5


def test_of_a_first_item_that_is_too_long_the_beginning_is_shown():
    cut = within(reply_of(["the cache was reset " * 100, "second"]), 80, "items")
    assert [item.id for item in cut.items] == ["0"]
    assert cut.items[0].text.startswith("the cache") and cut.items[0].text.endswith("…")


def test_that_something_is_missing_is_said_once():
    whole = reply_of(["the cache was reset " * 9] * 5, {f"project-{n}": n for n in range(50)})
    cut = within(whole, 60, "counts", "items")
    assert not cut.counts and len(cut.items) < 5 and cut.summary == "Found. Cut to 60 tokens."


def test_what_was_not_named_goes_last_and_the_summary_after_that():
    whole = reply_of(["the cache was reset"] * 5, {f"project-{n}": n for n in range(50)})
    cut = within(whole, 80, "counts")
    assert not cut.counts and 0 < len(cut.items) < 5
    told = Reply(summary="the cache was reset " * 30)
    assert size(within(told, 60)) <= 60 and within(told, 60).summary.startswith("the cache was reset the cache")


def test_a_model_that_does_not_fit_goes_as_a_whole():
    whole = Reply(best=Item(id="a", text="word " * 500))
    assert within(whole, 100, "best").best is None
    assert within(whole, 5_000, "best").best == whole.best
