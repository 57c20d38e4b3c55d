"""What a search found as one table: whole memories, each once, and what each search says of them."""

from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.ports.vector_store import Hit, Matches, Unit

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

_SESSIONS_THAT_TELL = 12


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


def highest(scores: Floats, k: int) -> float:
    """The lowest of the k highest; what is nan does not count."""
    known = scores[~np.isnan(scores)]
    if not len(known):
        return 0.0
    return float(np.partition(known, max(0, len(known) - k))[max(0, len(known) - k)])


class Candidates:
    """Every whole memory found, a row each. A memory found by its parts has the place of one of them.

    A search's scores count as far as its `pool` best: behind those nobody looked at everything.
    """

    def __init__(self, found: Matches, pool: int) -> None:
        self.found = found
        self._pool = pool
        whole = found.parents.among({""})
        self.ids: Sequence[str] = found.ids
        self.rows: Ints = np.arange(len(found))
        if not whole.all():
            row: dict[str, int] = {}
            wholes = (parent or name for name, parent in zip(found.ids, found.parents.all(), strict=True))
            self.rows = np.array([row.setdefault(name, len(row)) for name in wholes], np.int64)
            self.ids = list(row)
        self._whole: Ints = np.flatnonzero(whole)
        some = self._some = self.rows if whole.all() else np.unique(self.rows, return_index=True)[1]  # of each whole
        self.roles, self.kinds, self.sessions = found.roles.at(some), found.kinds.at(some), found.sessions.at(some)
        self.projects = found.projects.at(some)
        self.times: Floats = found.times[some]
        self.cosines, self.words = found.cosines, found.words[Unit.RECORD]

    def __len__(self) -> int:
        return len(self.ids)

    def best(self, scores: Floats, floor: float) -> Floats:
        """Of each memory, of all its parts."""
        if len(self) == len(self.rows):
            return np.fmax(scores, floor)
        best = np.full(len(self), floor)
        np.fmax.at(best, self.rows, scores)
        return best

    def halved(self, scores: Floats, floor: float = 0.0) -> Floats:
        """Halfway between the best part and the whole's beginning; nothing is below `floor`."""
        best = self.best(scores, floor)
        if len(self._whole) == len(self.rows):
            return best
        start = np.full(len(self), floor)
        start[self.rows[self._whole]] = np.fmax(scores[self._whole], floor)
        halved: Floats = (best + start) / 2
        return halved

    def cosine(self) -> Floats:
        return self.halved(self.cosines, highest(self.cosines, self._pool))

    def record(self) -> Floats:
        return self.halved(self.words)

    def window(self) -> Floats:
        return self.best(self.found.words[Unit.WINDOW], 0.0)

    def unread(self) -> NDArray[np.bool_]:
        """Has no vector yet."""
        unread = np.ones(len(self), np.bool_)
        unread[self.rows[~np.isnan(self.cosines)]] = False
        return unread

    def session(self) -> Floats:
        """Few sessions tell little."""
        named = ~self.sessions.among({""})
        telling = min(1.0, (np.count_nonzero(np.bincount(self.sessions.codes)) - 1) / (_SESSIONS_THAT_TELL - 1))
        return share(np.where(named, self.found.words[Unit.SESSION][self._some], 0.0)) * telling

    def neighbours(self) -> tuple[Ints, Ints]:
        """The row before and after each in its session; -1 where that is no candidate."""
        said = ~self.sessions.among({""}) & ~self.kinds.among({Kind.ACTION})  # a call stands where it was announced
        place = self.sessions.codes.astype(np.int64) * 2**32 + self.found.positions[self._some]
        rows = np.flatnonzero(said)
        places, first = np.unique(place[rows], return_index=True)

        def rows_at(wanted: Ints) -> Ints:
            if not len(places):
                return np.full(len(self), -1)
            where = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
            return np.where((places[where] == wanted) & said, rows[first[where]], -1)

        return rows_at(place - 1), rows_at(place + 1)

    def shown(self, row: int) -> str:
        """The id of `hit`."""
        return self.found.ids[int(self._best_parts[row])]

    def hit(self, row: int) -> Hit:
        """The part that does best by meaning and by word together, to be shown for the whole."""
        found, best = self.found, int(self._best_parts[row])
        return Hit(
            id=found.ids[best],
            score=float(self._merit[best]),
            kind=found.kinds[best],
            project=found.projects[best],
            session=found.sessions[best],
            role=found.roles[best],
            position=found.positions[best],
            parent=found.parents[best],
            time=float(found.times[best]),
        )

    @cached_property
    def _merit(self) -> Floats:
        return share(np.nan_to_num(self.cosines)) + share(self.words)

    @cached_property
    def _best_parts(self) -> Ints:
        if len(self) == len(self.rows):
            return self._some
        best_first = np.lexsort((-self._merit, self.rows))
        return best_first[np.unique(self.rows[best_first], return_index=True)[1]]
