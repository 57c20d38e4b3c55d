"""Every vector as int8 with its own scale, exact enough to order by, and as sign bits, which say what is worth looking at."""

import math
from copy import copy
from typing import Any

import numpy as np
import simsimd
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.best import contenders, lowest
from session_mgmt_mcp.adapters.duckdb.growing import Column, Floats, Ints

WORTH_TWO_THREADS = 20_000
WORTH_BITS = 40_000
"""From so many vectors on the bits are gone through first."""
LOOKED_AT = 10
"""For each vector asked for, so many of those with the nearest bits are looked at, at least; and one in ONE_IN."""
ONE_IN = 100
SURE = 10
"""The nearest so many are found as surely as the bits of 99 in 100 such vectors are that near."""
NINETY_NINE = 2.33  # standard deviations
TOO_MANY = 4
"""Where more than one in so many would have to be looked at, all are."""
SAMPLED = 16
AT_ONCE = 50_000
COMPARED_AT_ONCE = 1 << 17
"""Words of bits: as many as the cache of a core holds with what is made of them."""
WORD = 64
EVERY = slice(None)
NO_COSINE = -2.0


class Dense:
    """Slots of quantised vectors, each pointing at its row. A slot whose row is gone is taken out at the next rebuild."""

    def __init__(self, dimensions: int, arrays: dict[str, NDArray[Any]] | None = None) -> None:
        arrays = arrays or {}
        self.matrix = Column(np.int8, dimensions, arrays.get("matrix"))
        self.scale = Column(np.float32, data=arrays.get("scale"))
        self.row = Column(np.int32, data=arrays.get("row"))
        self.replaced = 0
        self.bits = Bits(self.matrix.all)

    def __len__(self) -> int:
        return len(self.row)

    def append(self, rows: NDArray[Any], vectors: Floats) -> None:
        quantised, scale = quantise(vectors)
        self.matrix.extend(quantised)
        self.bits.extend(quantised)
        self.scale.extend(scale)
        self.row.extend(rows)

    def replace(self, slots: NDArray[Any], vectors: Floats) -> None:
        quantised, self.scale.all[slots] = quantise(vectors)
        self.matrix.all[slots] = quantised
        self.bits.replace(slots, quantised)
        self.replaced += len(slots)

    def keep(self, which: NDArray[np.bool_]) -> None:
        for column in (self.matrix, self.bits, self.scale, self.row):
            column.keep(which)

    def cosines(self, vector: Floats, slots: Ints | slice = EVERY) -> Floats:
        query, query_scale = quantise(vector.reshape(1, -1))
        matrix, scale = self.matrix.all, self.scale.all
        if not isinstance(slots, slice):
            matrix, scale = matrix.take(slots, axis=0), scale.take(slots)
        return dots(query, matrix, query_scale * scale)

    def nearest(self, vector: Floats, among: Ints | None, k: int) -> tuple[Ints, Floats]:
        """Slots and cosines of those no farther than the k-th nearest among these slots (None: all)."""
        number = len(self) if among is None else len(among)
        if number < WORTH_BITS:
            return self._best(vector, among, k)
        apart = self.bits.apart(vector)
        if among is not None:
            apart = apart.take(among)
        share = max(LOOKED_AT * k, number // ONE_IN)
        if share * TOO_MANY > number:
            return self._best(vector, among, k)
        bits = lowest_of_sample(apart, share / number)
        near = np.flatnonzero(apart <= bits)
        cosines = self.cosines(vector, near if among is None else among[near])
        certain = bits_of(lowest(cosines, SURE), vector.size)
        if certain > bits:
            farther = np.flatnonzero((apart > bits) & (apart <= certain))
            if len(farther) * TOO_MANY > number:
                return self._best(vector, among, k)
            cosines = np.concatenate((cosines, self.cosines(vector, farther if among is None else among[farther])))
            near = np.concatenate((near, farther))
        best = contenders(cosines, NO_COSINE, k)
        slots = near[best]
        return slots if among is None else among[slots], cosines[best]

    def _best(self, vector: Floats, among: Ints | None, k: int) -> tuple[Ints, Floats]:
        cosines = self.cosines(vector, EVERY if among is None else among)
        best = contenders(cosines, NO_COSINE, k)
        return best if among is None else among[best], cosines[best]

    def take_over(self, matrix: Column, scale: Column, row: Column) -> None:
        """What a snapshot kept."""
        self.matrix, self.scale, self.row = matrix, scale, row
        self.bits = Bits(matrix.all)

    def seen(self) -> "Dense":
        """As it stands, to be read while others write: what they replace may be seen, what they add is not."""
        seen = copy(self)
        seen.matrix, seen.scale, seen.row = (view(one) for one in (self.matrix, self.scale, self.row))
        seen.bits = self.bits.seen()
        return seen

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a snapshot keeps: the bits are made of it in no time."""
        return {"matrix": self.matrix.all, "scale": self.scale.all, "row": self.row.all}


class Bits:
    """The signs of vectors, 64 to a word: the first words of all vectors lie together, then the second ones."""

    def __init__(self, matrix: NDArray[Any]) -> None:
        self.words = [Column(np.uint64, data=word) for word in signs(matrix)]

    def extend(self, matrix: NDArray[Any]) -> None:
        for column, word in zip(self.words, signs(matrix), strict=True):
            column.extend(word)

    def replace(self, slots: NDArray[Any], matrix: NDArray[Any]) -> None:
        for column, word in zip(self.words, signs(matrix), strict=True):
            column.all[slots] = word

    def keep(self, which: NDArray[np.bool_]) -> None:
        for column in self.words:
            column.keep(which)

    def seen(self) -> "Bits":
        seen = copy(self)
        seen.words = [view(column) for column in self.words]
        return seen

    def apart(self, vector: Floats) -> NDArray[np.uint16]:
        """In how many bits each differs. By numpy, which lets other threads go on meanwhile."""
        columns = [column.all for column in self.words]
        asked = signs(vector.reshape(1, -1))[:, 0]
        apart = np.zeros(len(columns[0]), np.uint16)
        differing = np.empty(min(len(apart), COMPARED_AT_ONCE), np.uint64)
        counted = np.empty(len(differing), np.uint8)
        for start in range(0, len(apart), COMPARED_AT_ONCE):
            some = apart[start : start + COMPARED_AT_ONCE]
            number = len(some)
            for column, word in zip(columns, asked, strict=True):
                np.bitwise_xor(column[start : start + number], word, out=differing[:number])
                np.bitwise_count(differing[:number], out=counted[:number])
                some += counted[:number]
        return apart


def view(column: Column) -> Column:
    return Column(column.all.dtype, data=column.all)


def bits_of(cosine: float, dimensions: int) -> int:
    """In how many sign bits vectors of that cosine differ at most, 99 in 100 of them.

    Each bit differs with the probability of angle / pi (Charikar 2002, Similarity estimation techniques from rounding).
    """
    differs = math.acos(min(1.0, max(-1.0, cosine))) / math.pi
    return int(dimensions * differs + NINETY_NINE * math.sqrt(dimensions * differs * (1 - differs)))


def lowest_of_sample(distances: NDArray[Any], share: float) -> int:
    """Below which about that share of the distances is."""
    sample = distances[::SAMPLED]
    at = min(len(sample) - 1, int(len(sample) * share))
    return int(np.partition(sample, at)[at])


def signs(matrix: NDArray[Any]) -> NDArray[np.uint64]:
    """Of each vector, in words: the first of all, then the second."""
    words = np.empty((-(-matrix.shape[1] // WORD), len(matrix)), np.uint64)
    for start in range(0, len(matrix), AT_ONCE):
        some = matrix[start : start + AT_ONCE] > 0
        padded = np.zeros((len(some), len(words) * WORD // 8), np.uint8)
        packed = np.packbits(some, axis=1)
        padded[:, : packed.shape[1]] = packed
        words[:, start : start + AT_ONCE] = padded.view(np.uint64).T
    return words


def dots(query: NDArray[np.int8], matrix: NDArray[np.int8], scale: Floats) -> Floats:
    if not len(matrix):
        return np.empty(0, np.float32)
    threads = 1 if len(matrix) < WORTH_TWO_THREADS else 2
    found = np.asarray(simsimd.cdist(query, matrix, metric="dot", threads=threads))[0]
    scaled: Floats = np.multiply(found, scale, dtype=np.float32, casting="same_kind")
    return scaled


def quantise(vectors: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Rows of norm 1 as int8, and what to multiply them by."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(norms == 0, 1, norms)
    scale = np.abs(unit).max(axis=1, keepdims=True) / 127
    scale[scale == 0] = 1
    return np.rint(unit / scale).astype(np.int8), scale[:, 0].astype(np.float32)
