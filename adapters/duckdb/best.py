"""The best of many scored rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Floats, Ints


@dataclass(frozen=True, slots=True)
class Found:
    """Rows with their scores; `then` orders those of the same score."""

    rows: NDArray[np.int64]
    scores: Floats
    then: Floats

    def best(
        self, k: int, times: NDArray[np.int64], names: Callable[[NDArray[np.int64]], list[str]]
    ) -> NDArray[np.int64]:
        """Which k come first: the highest score, then `then`, then the newest, then by id."""
        among = np.arange(len(self.rows))
        if len(among) > k:
            lowest = np.partition(self.scores, len(among) - k)[len(among) - k]
            among = np.flatnonzero(self.scores >= lowest)
        newest = -times[self.rows[among]].astype(np.float64)
        keys = np.stack((newest, -self.then[among].astype(np.float64), -self.scores[among].astype(np.float64)))
        order = np.lexsort(keys)
        among, keys = among[order], keys[::-1, order]
        tied = np.append((keys[:, 1:] == keys[:, :-1]).all(axis=0), False)[:k]
        if tied.any():
            ids = names(self.rows[among])
            among = among[sorted(range(len(among)), key=lambda at: (*keys[:, at].tolist(), ids[at]))]
        return among[:k]


def lowest(scores: Floats, k: int) -> float:
    """The k-th best score; of fewer, the last."""
    number = len(scores)
    if not number:
        return 0.0
    at = max(0, number - k)
    return float(np.partition(scores, at)[at])


def contenders(scores: Floats, above: float, k: int) -> Ints:
    """Where the scores above `above` are that are no lower than the k-th best."""
    found: Ints = np.flatnonzero(scores > above)
    if len(found) > k:
        found = found[scores[found] >= np.float32(lowest(scores[found], k))]
    return found
