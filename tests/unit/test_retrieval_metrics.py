"""The benchmark's arithmetic against values worked out by hand."""

from math import log2

import pytest

from benchmarks.metrics import all_found, first_of_each, hit, means, measure, ndcg, recall, reciprocal_rank

RANKED = ["a", "b", "c", "d", "e", "f"]


def test_recall_is_the_share_of_the_gold_among_the_first_k():
    assert recall(RANKED, {"b", "f"}, 5) == 0.5
    assert recall(RANKED, {"b", "f"}, 6) == 1.0
    assert recall(RANKED, {"x", "y", "z"}, 5) == 0.0


def test_hit_asks_for_any_and_all_for_each():
    assert (hit(RANKED, {"b", "f"}, 5), all_found(RANKED, {"b", "f"}, 5)) == (1.0, 0.0)
    assert (hit(RANKED, {"b", "f"}, 6), all_found(RANKED, {"b", "f"}, 6)) == (1.0, 1.0)
    assert (hit(RANKED, {"f"}, 5), all_found(RANKED, {"f"}, 5)) == (0.0, 0.0)


def test_the_reciprocal_rank_is_that_of_the_first_gold():
    assert reciprocal_rank(RANKED, {"c", "e"}) == pytest.approx(1 / 3)
    assert reciprocal_rank(RANKED, {"x"}) == 0.0


def test_ndcg_discounts_by_the_logarithm_of_the_place():
    assert ndcg(RANKED, {"a", "c"}, 10) == pytest.approx((1 + 1 / 2) / (1 + 1 / log2(3)))
    assert ndcg(RANKED, {"a", "b"}, 10) == pytest.approx(1.0)
    assert ndcg(RANKED, {"f"}, 5) == 0.0


def test_the_best_order_has_ndcg_1_even_with_more_gold_than_places():
    assert ndcg(RANKED, set("abcdef"), 3) == pytest.approx(1.0)


def test_metrics_are_found_by_their_names():
    named = {name: measure(name, RANKED, {"b", "f"}) for name in ("R@5", "hit@5", "all@5", "MRR", "nDCG@10")}
    gained = (1 / log2(3) + 1 / log2(7)) / (1 + 1 / log2(3))
    assert named == pytest.approx({"R@5": 0.5, "hit@5": 1.0, "all@5": 0.0, "MRR": 0.5, "nDCG@10": gained})
    with pytest.raises(ValueError):
        measure("F1", RANKED, {"b"})


def test_means_are_percent_with_one_decimal():
    assert means(["MRR"], [(RANKED, {"a"}), (RANKED, {"c"}), (RANKED, {"x"})]) == {"MRR": 44.4}
    assert means(["MRR"], []) == {}


def test_a_session_stands_where_its_best_turn_stands():
    assert first_of_each(["s2", "s1", "s2", "s3", "s1"]) == ["s2", "s1", "s3"]
