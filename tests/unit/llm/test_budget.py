"""What a call uses at worst, and what is said when that is too much."""

from decimal import Decimal

import pytest
from session_mgmt_mcp.domain.llm.budget import (
    AROUND_MESSAGE,
    Estimate,
    Limits,
    OverBudget,
    check_call,
    dollars,
    estimated,
)
from session_mgmt_mcp.ports.llm_provider import Message, Prompt, Role
from session_mgmt_mcp.ports.price_list import Price


def prompt(*texts, max_tokens=100):
    return Prompt(tuple(Message(Role.USER, text) for text in texts), "small", max_tokens)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Reset the cache. " * 100, 850, 850),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467" * 50, 450, 1_000),
        ("7, " * 100, 250, 320),
        ("", 0, 2),
    ],
    ids=["words: half their bytes", "emoji: more", "numbers: more", "nothing"],
)
def test_a_prompt_is_counted_at_its_worst(text, least, most):
    assert least <= estimated(prompt(text)).input_tokens - AROUND_MESSAGE <= most


def test_each_message_and_the_whole_answer_count():
    one, two = estimated(prompt("Hello")), estimated(prompt("Hello", "Hello"))
    assert two.input_tokens == 2 * one.input_tokens and one.output_tokens == 100
    assert one.tokens == one.input_tokens + 100


def test_it_costs_what_all_of_it_costs():
    price = Price(Decimal(2), Decimal(10))
    estimate = estimated(prompt("Hello")).at(price)
    assert estimate.cost == price.of(estimate.input_tokens, 100) > Decimal("0.001")
    assert estimated(prompt("Hello")).at(None).cost is None


def test_half_of_a_pair_is_counted_too():
    assert estimated(prompt("\ud83e")).input_tokens > AROUND_MESSAGE


CALL = Estimate(600, 400, Decimal("0.02"))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (
            Limits(call_tokens=999),
            "This call may need 1,000 tokens, and one may use 999: ask for less, or raise llm_call_tokens.",
        ),
        (Limits(call_tokens=0), "llm_call_tokens is 0, so no language model is asked: raise it first."),
        (
            Limits(call_cost=Decimal("0.019")),
            "This call may cost $0.02, and one may cost $0.0190: ask for less, or raise llm_call_cost.",
        ),
    ],
)
def test_what_is_too_much_for_one_call_is_told_with_the_setting(limits, said):
    with pytest.raises(OverBudget) as caught:
        check_call(CALL, limits, "small")
    assert str(caught.value) == said


def test_what_fits_exactly_fits():
    check_call(CALL, Limits(1_000, 1_000, Decimal("0.02"), Decimal("0.02")), "small")


@pytest.mark.parametrize("limits", [Limits(call_cost=Decimal(9)), Limits(day_cost=Decimal(9))])
def test_an_unknown_price_does_not_fit_any_limit_of_money(limits):
    with pytest.raises(OverBudget, match="price of small is not known"):
        check_call(Estimate(1, 1, None), limits, "small")
    check_call(Estimate(1, 1, None), Limits(9, 9), "small")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0.00"),
        ("12", "$12.00"),
        ("12.341", "$12.35"),
        ("0.5", "$0.50"),
        ("0.00001", "$0.0001"),
        ("0.12345", "$0.1235"),
    ],
)
def test_money_is_rounded_up(amount, shown):
    assert dollars(Decimal(amount)) == shown
