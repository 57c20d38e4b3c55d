"""What a ranking is worth, given what should have been found. All between 0 and 1; `gold` is never empty."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from math import log2

TURN_METRICS = ("R@1", "R@5", "R@10", "hit@1", "hit@5", "hit@10", "all@5", "all@10", "MRR", "nDCG@10")
SESSION_METRICS = ("hit@1", "hit@5", "MRR")


def recall(ranked: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """Which share of the gold is among the first k."""
    return sum(one in gold for one in ranked[:k]) / len(set(gold))


def hit(ranked: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """Whether any of the gold is among the first k."""
    return float(any(one in gold for one in ranked[:k]))


def all_found(ranked: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """Whether all of the gold is among the first k."""
    return float(set(gold) <= set(ranked[:k]))


def reciprocal_rank(ranked: Sequence[Hashable], gold: Collection[Hashable]) -> float:
    """1 / the place of the first gold; 0 where there is none."""
    return next((1 / place for place, one in enumerate(ranked, 1) if one in gold), 0.0)


def ndcg(ranked: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """Discounted gain of the first k, of what the best order would have gained."""
    gained = sum(1 / log2(place + 1) for place, one in enumerate(ranked[:k], 1) if one in gold)
    best = sum(1 / log2(place + 1) for place in range(1, min(k, len(set(gold))) + 1))
    return gained / best


def measure(name: str, ranked: Sequence[Hashable], gold: Collection[Hashable]) -> float:
    """The metric called `name`, one of TURN_METRICS."""
    kind, _, k = name.partition("@")
    match kind:
        case "R":
            return recall(ranked, gold, int(k))
        case "hit":
            return hit(ranked, gold, int(k))
        case "all":
            return all_found(ranked, gold, int(k))
        case "MRR":
            return reciprocal_rank(ranked, gold)
        case "nDCG":
            return ndcg(ranked, gold, int(k))
    raise ValueError(name)


def means(
    names: Iterable[str], answers: Sequence[tuple[Sequence[Hashable], Collection[Hashable]]]
) -> Mapping[str, float]:
    """Each metric's mean over (ranked, gold), in percent with one decimal; nothing where there are no answers."""
    if not answers:
        return {}
    return {
        name: round(100 * sum(measure(name, ranked, gold) for ranked, gold in answers) / len(answers), 1)
        for name in names
    }


def first_of_each(items: Iterable[Hashable]) -> list[Hashable]:
    """A session stands where its best turn stands."""
    return list(dict.fromkeys(items))
