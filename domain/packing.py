"""Which hits to show when not all fit: the most value for the tokens, where a repetition has little. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.domain.cues import Cues, cues_of
from session_mgmt_mcp.domain.terms import fold, words_of

TRIED = 20  # of the most valuable hits: as the first one, and in place of another
REPEATS = 0.9  # of its value lost to better hits: then it says nothing new
_TEXTS = ("snippet", "text", "content", "quote", "code", "message", "summary")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Packed:
    """Places of the hits to show, most valuable first, and of those left out: as repetitions, or for want of room."""

    shown: Sequence[int]
    repeated: Sequence[int]
    too_much: Sequence[int]
    value: float  # of what is shown


def pack(values: Floats, costs: Floats, alike: Floats, budget: float) -> Packed:
    """The set of hits that is worth most within `budget`, nearly: see `worth`, and tests/unit/test_packing.py.

    Greedy by gain per token, once from each of the best hits as the first one, the best outcome of all; then one shown is
    swapped for one left out as long as that gains. A plain greedy choice may take small hits that leave no room for the one that
    matters. `alike` is 0..1, symmetric, 1 on the diagonal.

    Khuller, Moss and Naor, "The budgeted maximum coverage problem" (1999), enumerate seeds for the same reason.
    """
    order = np.lexsort((np.arange(len(values)), -values))
    values, costs, alike = values[order], costs[order], np.triu(alike[np.ix_(order, order)], 1)
    fitting = np.flatnonzero(costs <= budget)
    best: list[int] = []
    for seed in fitting[:TRIED].tolist():
        chosen = _greedy(values, costs, alike, budget, seed)
        if worth(values, alike, chosen) > worth(values, alike, best) + 1e-12:
            best = chosen
    best = _swapped(values, costs, alike, budget, best)
    lost = alike[best].max(axis=0, initial=0.0)
    left = [at for at in range(len(values)) if at not in best]
    return Packed(
        [int(order[at]) for at in best],
        [int(order[at]) for at in left if lost[at] >= REPEATS],
        [int(order[at]) for at in left if lost[at] < REPEATS],
        worth(values, alike, best),
    )


def worth(values: Floats, alike: Floats, chosen: Sequence[int]) -> float:
    """The sum of values, each less the share that the most similar better one has said already.

    Hits are ordered by value; `alike[i, j]` is how much j resembles i, for i before j, else 0.
    """
    at = np.array(sorted(chosen), np.int64)
    lost = alike[np.ix_(at, at)].max(axis=0, initial=0.0)
    return float((values[at] * (1 - lost)).sum())


def values_of(hits: Sequence[Mapping[str, Any]], query: str) -> Floats:
    """Their scores, less where they have few of the question's words; by place where they have no score."""
    count = len(hits)
    cues = cues_of(query)
    return np.array([_value(hit, 1 - at / count, cues) for at, hit in enumerate(hits)], np.float64)


def likeness_of(hits: Sequence[Mapping[str, Any]]) -> Floats:
    """Jaccard's share of words in common, for each pair."""
    said = [frozenset(fold(word) for run in words_of(text_of(hit)) for word in run) for hit in hits]
    words = {word: at for at, word in enumerate(sorted(frozenset().union(*said)))}
    table = np.zeros((len(hits), len(words)), np.float64)
    for at, one in enumerate(said):
        table[at, [words[word] for word in one]] = 1
    common = table @ table.T
    sizes = table.sum(axis=1)
    either = sizes[:, None] + sizes[None, :] - common
    alike: Floats = np.divide(common, either, out=np.eye(len(hits)), where=either > 0)
    return alike


def text_of(hit: Mapping[str, Any]) -> str:
    """What a hit says, whatever search it came from."""
    said = [hit[name] for name in _TEXTS if isinstance(hit.get(name), str)]
    return " ".join(said or [value for value in hit.values() if isinstance(value, str)])


def _greedy(values: Floats, costs: Floats, alike: Floats, budget: float, *seeds: int) -> list[int]:
    chosen, room = list(seeds), budget - costs[list(seeds)].sum()
    lost = alike[chosen].max(axis=0)  # of each, to the chosen ones that are better
    free = np.ones(len(values), np.bool_)
    free[chosen] = False
    while True:
        gain = values * (1 - lost)
        gain[~free | (costs > room) | (lost >= REPEATS)] = 0
        if not gain.any():
            return sorted(chosen)
        best = int(np.argmax(gain / np.maximum(costs, 1)))
        chosen.append(best)
        free[best] = False
        room -= costs[best]
        lost = np.maximum(lost, alike[best])


def _swapped(values: Floats, costs: Floats, alike: Floats, budget: float, chosen: list[int]) -> list[int]:
    best, most = chosen, worth(values, alike, chosen)
    left = [at for at in range(len(values)) if at not in chosen][:TRIED]
    for out in chosen:
        for new in left:
            swapped = [*(at for at in chosen if at != out), new]
            if costs[swapped].sum() <= budget:
                swapped = _greedy(values, costs, alike, budget, *swapped)
                if worth(values, alike, swapped) > most + 1e-12:
                    best, most = swapped, worth(values, alike, swapped)
    return best if best is chosen else _swapped(values, costs, alike, budget, best)


def _value(hit: Mapping[str, Any], by_place: float, cues: Cues) -> float:
    score = hit.get("score")
    known = isinstance(score, int | float) and not isinstance(score, bool) and np.isfinite(score)
    value = max(float(score or 0), 0.0) if known else by_place
    return (value + 1e-6) * (0.5 + 0.5 * cues.coverage(text_of(hit)) if cues.stems else 1.0)
