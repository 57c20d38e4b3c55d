"""Whether values rise or fall more surely than by chance, and how steeply, without believing in any distribution."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, erfc, factorial, prod, sqrt

import numpy as np

EXACT = 40  # values up to which every order is counted
MOST = 1_500  # values of a slope: their pairs fill 18 MB


@dataclass(frozen=True, slots=True)
class MannKendall:
    """`s`: pairs that rise less those that fall. `p`: how often chance alone gives an |s| at least as large, two-sided.

    `least`: the smallest p that any order of these values could have; above the level one asks for, they cannot tell.
    """

    s: int
    p: float
    least: float


def mann_kendall(values: Sequence[float]) -> MannKendall:
    """The test for a monotonic trend of values in order of time (Mann 1945, Econometrica 13; Kendall 1975).

    Up to 40 values p is exact, also with ties: were there no trend, each order of the values would be as likely, and the
    inversions of the orders of a multiset are counted by the q-multinomial coefficient (MacMahon 1916, Combinatory Analysis).
    Beyond, the normal approximation with Kendall's correction for ties and a correction of 1 for continuity.

    >>> mann_kendall([1, 2, 3, 4, 5])
    MannKendall(s=10, p=0.016666666666666666, least=0.016666666666666666)
    """
    ties = tuple(sorted(Counter(values).values()))
    n = len(values)
    pairs = comb(n, 2) - sum(comb(tie, 2) for tie in ties)
    found = np.asarray(values, dtype=float)
    s = sum(int(np.sign(found[at + 1 :] - found[at]).sum()) for at in range(n - 1))
    if n <= EXACT:
        return MannKendall(s, _exact(ties, pairs, s), _exact(ties, pairs, pairs))
    return MannKendall(s, _normal(ties, s), _normal(ties, pairs))


def theil_sen(times: Sequence[float], values: Sequence[float]) -> float | None:
    """The median slope of all pairs of different times (Theil 1950; Sen 1968, JASA 63), of the newest 1,500; None without one.

    >>> theil_sen([0, 1, 2, 3], [0, 1, 2, 90])
    1.0
    """
    x, y = np.asarray(times[-MOST:], dtype=float), np.asarray(values[-MOST:], dtype=float)
    left, right = np.triu_indices(len(x), 1)
    apart = x[right] - x[left]
    differ = apart != 0
    return float(np.median((y[right] - y[left])[differ] / apart[differ])) if differ.any() else None


def _exact(ties: tuple[int, ...], pairs: int, s: int) -> float:
    """Each of `pairs` untied pairs is in order or inverted: s = pairs - 2 inversions, and the other tail mirrors it."""
    if s == 0:
        return 1.0
    below = sum(_inversions(ties)[: (pairs - abs(s)) // 2 + 1])
    return min(1.0, 2 * below / _orders(ties))


@lru_cache(maxsize=256)
def _inversions(ties: tuple[int, ...]) -> list[int]:
    """How many orders of a multiset have 0, 1, 2 ... inversions: the coefficients of [n]!_q / prod [t]!_q."""
    counts = [1]
    placed = 0
    for tie in ties:
        for k in range(1, tie + 1):
            counts = _divided(_times(counts, placed + k), k)
        placed += tie
    return counts


def _times(counts: list[int], k: int) -> list[int]:
    """Times 1 - q^k."""
    longer = counts + [0] * k
    return [value - (longer[at - k] if at >= k else 0) for at, value in enumerate(longer)]


def _divided(counts: list[int], k: int) -> list[int]:
    """By 1 - q^k, without a rest."""
    found: list[int] = []
    for at, value in enumerate(counts[: len(counts) - k]):
        found.append(value + (found[at - k] if at >= k else 0))
    return found


def _orders(ties: tuple[int, ...]) -> int:
    return factorial(sum(ties)) // prod(map(factorial, ties))


def _normal(ties: tuple[int, ...], s: int) -> float:
    n = sum(ties)
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties)) / 18
    return erfc(max(0, abs(s) - 1) / sqrt(2 * variance)) if variance else 1.0
