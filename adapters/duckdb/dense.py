"""Every vector as int8 with its own scale, exact enough to order by, and as sign bits, which say what is worth looking at."""

import math
from typing import Any

import numpy as np
import simsimd
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.best import contenders, lowest
from session_mgmt_mcp.adapters.duckdb.growing import Column, Floats, Ints

WORTH_TWO_THREADS = 20_000
BITS_WORTH_TWO_THREADS = 250_000
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
        self.bits = Column(np.uint8, data=signs(self.matrix.all))

    def __len__(self) -> int:
        return len(self.row)

    def append(self, rows: NDArray[Any], vectors: Floats) -> None:
        quantised, scale = quantise(vectors)
        self.matrix.extend(quantised)
        self.bits.extend(signs(quantised))
        self.scale.extend(scale)
        self.row.extend(rows)

    def replace(self, slots: NDArray[Any], vectors: Floats) -> None:
        quantised, self.scale.all[slots] = quantise(vectors)
        self.matrix.all[slots], self.bits.all[slots] = quantised, signs(quantised)
        self.replaced += len(slots)

    def keep(self, which: NDArray[np.bool_]) -> None:
        for column in (self.matrix, self.bits, self.scale, self.row):
            column.keep(which)

    def cosines(self, vector: Floats, slots: Ints | slice = EVERY) -> Floats:
        query, query_scale = quantise(vector.reshape(1, -1))
        return dots(query, self.matrix.all[slots], query_scale * self.scale.all[slots])

    def nearest(self, vector: Floats, among: Ints | None, k: int) -> tuple[Ints, Floats]:
        """Slots and cosines of those no farther than the k-th nearest among these slots (None: all)."""
        number = len(self) if among is None else len(among)
        if number < WORTH_BITS:
            return self._best(vector, among, k)
        apart = hamming(signs(vector.reshape(1, -1)), self.bits.all)
        if among is not None:
            apart = apart[among]
        share = max(LOOKED_AT * k, number // ONE_IN)
        if share * TOO_MANY > number:
            return self._best(vector, among, k)
        near = np.flatnonzero(apart <= lowest_of_sample(apart, share / number))
        cosines = self.cosines(vector, near if among is None else among[near])
        certain = bits_of(lowest(cosines, SURE), vector.size)
        farther = np.flatnonzero((apart <= certain) & (apart > apart[near].max(initial=0.0)))
        if len(farther) * TOO_MANY > number:
            return self._best(vector, among, k)
        if len(farther):
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
        self.bits = Column(np.uint8, data=signs(matrix.all))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a snapshot keeps: the bits are made of it in no time."""
        return {"matrix": self.matrix.all, "scale": self.scale.all, "row": self.row.all}


def bits_of(cosine: float, dimensions: int) -> float:
    """In how many sign bits vectors of that cosine differ at most, 99 in 100 of them.

    Each bit differs with the probability of angle / pi (Charikar 2002, Similarity estimation techniques from rounding).
    """
    differs = math.acos(min(1.0, max(-1.0, cosine))) / math.pi
    return dimensions * differs + NINETY_NINE * math.sqrt(dimensions * differs * (1 - differs))


def lowest_of_sample(distances: Floats, share: float) -> float:
    """Below which about that share of the distances is."""
    sample = distances[::SAMPLED]
    at = min(len(sample) - 1, int(len(sample) * share))
    return float(np.partition(sample, at)[at])


def hamming(query: NDArray[np.uint8], bits: NDArray[np.uint8]) -> Floats:
    """How many bits differ."""
    threads = 1 if len(bits) < BITS_WORTH_TWO_THREADS else 2
    found = simsimd.cdist(query, bits, metric="hamming", dtype="bin8", out_dtype="f32", threads=threads)
    apart: Floats = np.asarray(found)[0]
    return apart


def signs(matrix: NDArray[Any]) -> NDArray[np.uint8]:
    bits = np.empty((len(matrix), -(-matrix.shape[1] // 8)), np.uint8)
    for start in range(0, len(matrix), AT_ONCE):
        bits[start : start + AT_ONCE] = np.packbits(matrix[start : start + AT_ONCE] > 0, axis=1)
    return bits


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
