"""An inverted index scored by BM25 over records, windows or sessions: sorted runs of postings, merged as they grow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Floats, Hashes
from session_mgmt_mcp.adapters.duckdb.tokens import as_numbers

K1, B = 1.2, 0.75
MOST_WEIGHT = K1 + 1
"""What a term that stands in a document infinitely often adds, to an idf of 1."""
TF_BITS = 6
MERGED_AT_ONCE = 1 << 18
"""Postings: merging more takes so long that it is done beside the work."""
PLACED_AT_ONCE = 1 << 18
TF_MOST = (1 << TF_BITS) - 1

Tfs: TypeAlias = NDArray[np.uint8]
Packed: TypeAlias = NDArray[np.uint32]
"""A posting: the row above, how often the term stands in it (at most 63) in the lowest six bits."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The postings of some rows, by term."""

    terms: Hashes
    ends: NDArray[np.int64]  # one more than terms
    postings: Packed

    def of(self, term: int) -> Packed:
        at = int(np.searchsorted(self.terms, np.uint64(term)))
        if at == len(self.terms) or self.terms[at] != term:
            return self.postings[:0]
        return self.postings[self.ends[at] : self.ends[at + 1]]


def segment(first_row: int, documents: Sequence[bytes]) -> Segment:
    """Of documents given as hashes of terms, 8 bytes each, in consecutive rows from `first_row` on."""
    lengths = [len(document) // 8 for document in documents]
    hashes = as_numbers(b"".join(documents))
    rows = np.repeat(np.arange(first_row, first_row + len(documents), dtype=np.uint32), lengths)
    order = np.argsort(hashes, kind="stable")
    hashes, rows = hashes[order], rows[order]
    new_term = np.ones(len(hashes), np.bool_)
    new_term[1:] = hashes[1:] != hashes[:-1]
    new_posting = new_term.copy()
    new_posting[1:] |= rows[1:] != rows[:-1]
    starts = np.flatnonzero(new_posting)
    tf = np.minimum(np.diff(starts, append=len(hashes)), TF_MOST).astype(np.uint32)
    first_of_term = np.flatnonzero(new_term[starts])
    ends = np.append(first_of_term, len(starts)).astype(np.int64)
    return Segment(hashes[starts][first_of_term], ends, (rows[starts] << np.uint32(TF_BITS)) | tf)


def merged(left: Segment, right: Segment) -> Segment:
    """One segment of two; every row of `left` is lower than those of `right`."""
    at = np.searchsorted(left.terms, right.terms)
    fresh = np.append(left.terms, np.uint64(0))[at] != right.terms
    fresh[at == len(left.terms)] = True
    before = np.cumsum(np.bincount(at[fresh], minlength=len(left.terms) + 1))[:-1]  # fresh terms, of each of the left
    at_left, at_right = np.arange(len(left.terms)) + before, at + np.cumsum(fresh) - fresh
    terms = np.empty(len(left.terms) + int(np.count_nonzero(fresh)), np.uint64)
    terms[at_left], terms[at_right] = left.terms, right.terms
    counts = np.zeros(len(terms), np.int64)
    counts_left = np.diff(left.ends)
    counts[at_left] += counts_left
    starts_right_of = np.zeros(len(terms), np.int64)
    starts_right_of[at_left] = counts_left
    counts[at_right] += np.diff(right.ends)
    ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    postings = np.empty(int(ends[-1]), np.uint32)
    place(postings, ends[at_left], left)
    place(postings, ends[at_right] + starts_right_of[at_right], right)
    return Segment(terms, ends, postings)


def place(postings: Packed, starts: NDArray[np.int64], source: Segment) -> None:
    """So many at once that others have their turn, and that little memory is needed beside."""
    ends = source.ends
    blocks = np.searchsorted(ends, np.arange(0, ends[-1], PLACED_AT_ONCE)).tolist()
    for first, last in pairwise([*blocks, len(ends) - 1]):
        shift = np.repeat(starts[first:last] - ends[first:last], np.diff(ends[first : last + 1]))
        shift += np.arange(ends[first], ends[last])
        postings[shift] = source.postings[ends[first] : ends[last]]


def renumbered(source: Segment, new_row: NDArray[np.int64]) -> Segment:
    """Without the rows whose new number is -1."""
    rows = new_row[source.postings >> np.uint32(TF_BITS)]
    kept = rows >= 0
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(kept)))
    ends = before[source.ends]
    used = np.diff(ends) > 0
    tf = source.postings[kept] & np.uint32(TF_MOST)
    postings = (rows[kept].astype(np.uint32) << np.uint32(TF_BITS)) | tf
    return Segment(source.terms[used], np.append(ends[:-1][used], ends[-1]), postings)


class Postings:
    """All segments: a new one for each batch, merged so that there are never more than a dozen or so.

    Whoever has the time merges them: `uneven` names two, `replace` puts one in their place.
    """

    def __init__(self, segments: Iterable[Segment] = ()) -> None:
        self.segments = list(segments)

    def append(self, one: Segment) -> None:
        self.segments.append(one)

    def uneven(self, *, large: bool) -> tuple[Segment, Segment] | None:
        """The last two neighbours that have yet to be merged; `large`: they would keep the thread that writes waiting."""
        pairs = [*pairwise(self.segments)]
        return next((pair for pair in reversed(pairs) if uneven(*pair) and small(*pair) != large), None)

    def replace(self, left: Segment, right: Segment, by: Segment) -> None:
        """Nothing happens if they have gone meanwhile."""
        for at, pair in enumerate(pairwise(self.segments)):
            if pair[0] is left and pair[1] is right:
                self.segments[at : at + 2] = [by]
                return

    def whole(self) -> Segment:
        while len(self.segments) > 1:
            right, left = self.segments.pop(), self.segments.pop()
            self.segments.append(merged(left, right))
        return self.segments[0] if self.segments else segment(0, [])

    def of(self, term: int, alive: Bools | None) -> tuple[NDArray[np.int64], Tfs]:
        """Rows and term frequencies; `alive` is None when every row is."""
        found = [part for one in self.segments if len(part := one.of(term))]
        packed = found[0] if len(found) == 1 else np.concatenate([*found, np.empty(0, np.uint32)])
        rows = (packed >> np.uint32(TF_BITS)).astype(np.int64)
        tf = (packed & np.uint32(TF_MOST)).astype(np.uint8)
        if alive is None:
            return rows, tf
        still = alive[rows]
        return rows[still], tf[still]


def uneven(left: Segment, right: Segment) -> bool:
    return len(left.postings) < 2 * len(right.postings) + 256


def small(left: Segment, right: Segment) -> bool:
    return len(left.postings) + len(right.postings) <= MERGED_AT_ONCE


def saturation(length: NDArray[Any], average: float) -> Floats:
    """BM25's denominator without the frequency: long documents need a word more often."""
    scaled: Floats = length * np.float32(K1 * B / max(average, 1e-9))
    scaled += np.float32(K1 * (1 - B))
    return scaled


def idf(documents: int, having: int) -> float:
    """How much a word tells that `having` of the documents have."""
    return float(np.log1p((documents - having + 0.5) / (having + 0.5)))


def weight(tf: Tfs | Floats, saturation: Floats, documents: int, having: int, out: Floats | None = None) -> Floats:
    """BM25's share of one term that `having` of the documents have."""
    scaled: Floats = np.add(tf, saturation, out=out)
    np.divide(tf, scaled, out=scaled)
    scaled *= np.float32(idf(documents, having) * MOST_WEIGHT)
    return scaled
