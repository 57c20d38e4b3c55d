"""Hits of several searches as one table: whole memories, each once, and what each pool says of them."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.ports.vector_store import Hit, Unit

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

_SESSIONS_THAT_TELL = 12


class Pool:
    """Hits of one search: rows of the table, their scores, and which are whole memories rather than parts."""

    def __init__(self, hits: Sequence[Hit], row: dict[str, int], known: list[Hit]) -> None:
        self.hits = hits
        rows: list[int] = []
        for hit in hits:
            whole = hit.parent or hit.id
            at = row.get(whole)
            if at is None:
                at = row[whole] = len(known)
                known.append(hit)
            rows.append(at)
        self.rows: Ints = np.array(rows, np.int64)
        self.scores: Floats = np.array([hit.score for hit in hits], np.float64)

    def best(self, size: int, floor: float = 0.0) -> Floats:
        """Each row's best score; `floor` where it is not in this pool."""
        best = np.full(size, floor)
        np.maximum.at(best, self.rows, self.scores)
        return best

    def halved(self, size: int, floor: float = 0.0) -> Floats:
        """Halfway between the best part and the whole's beginning."""
        whole = np.array([not hit.parent for hit in self.hits], np.bool_)
        if whole.all():
            return self.best(size, floor)
        start = np.full(size, floor)
        start[self.rows[whole]] = self.scores[whole]
        halved: Floats = (self.best(size, floor) + start) / 2
        return halved


def share(scores: Floats) -> Floats:
    """Of the highest score."""
    most = float(scores.max(initial=0.0))
    return scores / most if most > 0 else np.zeros_like(scores)


def spread(scores: Floats) -> Floats:
    """The lowest becomes 0, the highest 1."""
    low, high = float(scores.min(initial=np.inf)), float(scores.max(initial=-np.inf))
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def at(scores: Floats, rows: Ints) -> Floats:
    """Of other rows; 0 where the row is -1."""
    return np.where(rows >= 0, scores[rows], 0.0)


class Candidates:
    """Every whole memory found, a row each, with a hit of it for what all its parts share."""

    def __init__(self, dense: Sequence[Hit], lexical: Mapping[Unit, Sequence[Hit]]) -> None:
        row: dict[str, int] = {}
        self.hits: list[Hit] = []
        self.dense = Pool(dense, row, self.hits)
        self.lexical = {unit: Pool(lexical.get(unit, ()), row, self.hits) for unit in Unit}
        self.ids = list(row)
        self.roles = [hit.role for hit in self.hits]
        self.kinds = [hit.kind for hit in self.hits]
        self.sessions = [hit.session for hit in self.hits]
        self.times: Floats = np.array([hit.time for hit in self.hits], np.float64)

    def __len__(self) -> int:
        return len(self.hits)

    def session_share(self) -> Floats:
        """A session's BM25 holds for all candidates of it, found that way or not. Few sessions tell little."""
        score: dict[str, float] = {}
        for hit in self.lexical[Unit.SESSION].hits:
            if hit.session and hit.score > score.get(hit.session, 0.0):
                score[hit.session] = hit.score
        telling = min(1.0, (len(set(self.sessions)) - 1) / (_SESSIONS_THAT_TELL - 1))
        return share(np.array([score.get(session, 0.0) for session in self.sessions], np.float64)) * telling

    def neighbours(self) -> tuple[Ints, Ints]:
        """The row before and after each in its session; -1 where that is no candidate."""
        code: dict[str, int] = {"": -1}
        sessions = np.array([code.setdefault(session, len(code)) for session in self.sessions], np.int64)
        place = sessions * 2**32 + np.array([hit.position for hit in self.hits], np.int64)
        places, first = np.unique(place, return_index=True)

        def rows_at(wanted: Ints) -> Ints:
            where = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
            return np.where((places[where] == wanted) & (sessions >= 0), first[where], -1)

        return rows_at(place - 1), rows_at(place + 1)

    def best_parts(self) -> list[Hit]:
        """For each row the hit that does best by meaning and by word together, to be shown for the whole."""
        pools = (self.dense, self.lexical[Unit.RECORD])
        if not any(hit.parent for pool in pools for hit in pool.hits):
            return self.hits
        merit: dict[str, float] = {}
        best, most = list(self.hits), [0.0] * len(self.hits)
        for pool in pools:
            merits = share(pool.scores).tolist()
            for hit, row, gained in zip(pool.hits, pool.rows.tolist(), merits, strict=True):
                merit[hit.id] = reached = merit.get(hit.id, 0.0) + gained
                if reached > most[row]:
                    best[row], most[row] = hit, reached
        return best
