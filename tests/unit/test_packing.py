"""Hits for a budget, compared with the best choice that there is."""

from itertools import combinations

import numpy as np
import pytest
from fastmcp import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.domain.packing import likeness_of, pack, text_of, values_of, worth
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load
from session_mgmt_mcp.tools.budget import size
from session_mgmt_mcp.tools.packing import PackedReply


def exact_knapsack(values, costs, budget: int) -> float:
    """By dynamic programming over whole tokens; hits that repeat nothing."""
    best = np.zeros(budget + 1)
    for value, cost in zip(values, costs, strict=True):
        if cost <= budget:
            best[cost:] = np.maximum(best[cost:], best[: budget + 1 - cost] + value)
    return float(best[-1])


def best_of_all(values, costs, alike, budget) -> float:
    """By trying every set."""
    order = np.argsort(-values, kind="stable")
    values, costs, alike = values[order], costs[order], np.triu(alike[np.ix_(order, order)], 1)
    every = (list(s) for size in range(len(values) + 1) for s in combinations(range(len(values)), size))
    return max(worth(values, alike, chosen) for chosen in every if costs[chosen].sum() <= budget)


@pytest.mark.parametrize("seed", range(100))
def test_without_repetitions_it_is_worth_at_least_95_percent_of_the_exact_knapsack(seed):
    draw = np.random.default_rng(seed)
    size, budget = int(draw.integers(3, 51)), int(draw.choice([300, 1_000, 2_000, 4_000]))
    values, costs = np.sort(draw.random(size) ** 2)[::-1], draw.integers(90, 260, size).astype(float)
    packed = pack(values, costs, np.eye(size), budget)
    assert costs[list(packed.shown)].sum() <= budget
    assert packed.value == pytest.approx(values[list(packed.shown)].sum())
    assert packed.value >= 0.95 * exact_knapsack(values, costs.astype(int), budget)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 1_000), st.integers(20, 200)), min_size=1, max_size=30), st.integers(60, 4_000)
)
def test_whatever_the_hits_it_fits_and_is_worth_half_of_the_exact_knapsack(hits, budget):
    values, costs = (np.array(column, float) for column in zip(*hits, strict=True))
    packed = pack(values, costs, np.eye(len(hits)), budget)
    assert costs[list(packed.shown)].sum() <= budget
    assert packed.value >= 0.5 * exact_knapsack(values, costs.astype(int), budget)


@pytest.mark.parametrize("seed", range(60))
def test_with_repetitions_it_is_worth_at_least_95_percent_of_the_best_set(seed):
    draw = np.random.default_rng(seed)
    size = 10
    words = draw.random((size, 12)) < 0.4
    common = (words[:, None] & words[None]).sum(2) / np.maximum((words[:, None] | words[None]).sum(2), 1)
    np.fill_diagonal(common, 1)
    values, costs = draw.random(size), draw.integers(40, 200, size).astype(float)
    packed = pack(values, costs, common, 400)
    assert packed.value >= 0.95 * best_of_all(values, costs, common, 400)
    assert sorted([*packed.shown, *packed.repeated, *packed.too_much]) == list(range(size))


def test_what_was_said_already_gives_way_to_something_new():
    hits = [
        {"id": "a", "score": 0.9, "snippet": "The proxy listens on port 8081 since the change"},
        {"id": "b", "score": 0.8, "snippet": "The proxy listens on port 8081 since the change!"},
        {"id": "c", "score": 0.4, "snippet": "Caddy terminates encrypted connections"},
    ]
    packed = pack(values_of(hits, ""), np.full(3, 100.0), likeness_of(hits), 250)
    assert (list(packed.shown), list(packed.repeated), list(packed.too_much)) == ([0, 2], [1], [])


def test_one_long_hit_that_matters_is_not_crowded_out_by_short_ones():
    packed = pack(np.array([10.0, 1, 1, 1]), np.array([100.0, 5, 5, 5]), np.eye(4), 100)
    assert list(packed.shown) == [0]


def test_hits_that_have_the_words_of_the_question_are_worth_more():
    hits = [{"score": 0.5, "text": "nothing of it"}, {"score": 0.5, "text": "the proxy port"}]
    values = values_of(hits, "which port has the proxy")
    assert values[1] == pytest.approx(2 * values[0])


def test_without_scores_the_order_counts_and_any_field_may_hold_the_text():
    assert list(np.argsort(-values_of([{"x": "one"}, {"x": "two"}, {"score": None}], ""))) == [0, 1, 2]
    assert text_of({"title": "cart.py", "line": 3, "why": "renamed"}) == "cart.py renamed"
    assert text_of({"snippet": "port", "project": "shop"}) == "port"


@pytest.fixture
async def client():
    async with open_application(load(embedder="memory")) as app, Client(build_server(app)) as client:
        yield client


async def optimized(client: Client, **arguments) -> dict:
    return (await client.call_tool("_optimize_search_results", arguments)).structured_content


async def test_the_tool_takes_the_hits_of_searches_and_says_what_it_left_out(client):
    for n in range(8):
        await client.call_tool("store_reflection", {"content": f"cache lesson {n}: " + f"reason{n} and cause{n} " * 12})
    found = (await client.call_tool("reflect_on_past", {"query": "cache lesson"})).structured_content["hits"]
    again = [{**found[0], "id": "copy"}]
    reply = await optimized(client, results=found + again, max_tokens=700, query="cache lesson")
    assert size(PackedReply.model_validate(reply)) <= 700
    kept = [hit["id"] for hit in reply["results"]]
    assert kept[0] == found[0]["id"] and 1 < len(kept) < len(found)
    assert reply["results"][0] == found[0]
    why = {one["id"]: one["why"] for one in reply["left_out"]}
    assert why.pop("copy") == "repeats a better one" and set(why.values()) == {"no room"}
    assert set(kept) | set(why) == {hit["id"] for hit in found}


async def test_the_tool_leaves_everything_as_it_is_when_told(client):
    odd = [{"anything": [1, {"deep": "x" * 9_000}], "score": "high"}, {}]
    assert (await optimized(client, results=odd, optimize_tokens=False))["results"] == odd
    assert (await optimized(client, results=[]))["results"] == []


async def test_unknown_fields_do_no_harm(client):
    odd = [
        {"score": True, "text": None, "lines": [1, 2]},
        {"score": "high", "title": "cart.py"},
        {"id": 7, "score": -3},
    ]
    reply = await optimized(client, results=odd, max_tokens=200, query="cart")
    assert len(reply["results"]) == 3


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.dictionaries(st.text(max_size=8), st.text(max_size=400), max_size=4), max_size=12),
    st.integers(100, 900),
)
def test_whatever_the_hits_the_reply_holds_its_budget(hits, budget):
    assert size(PackedReply.of(hits, "cache", budget)) <= budget


def test_nothing_is_packed_into_nothing():
    nothing = np.zeros(0)
    assert pack(nothing, nothing, np.zeros((0, 0)), 100).shown == []
    assert pack(np.ones(1), np.full(1, 50.0), np.eye(1), 10).too_much == [0]
