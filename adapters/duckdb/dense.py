"""Every vector as int8 with its own scale, scanned whole: exact enough to order by, and a quarter of the memory."""

from typing import Any

import numpy as np
import simsimd
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Column, Floats
from session_mgmt_mcp.adapters.duckdb.search import contenders

WORTH_TWO_THREADS = 20_000


class Dense:
    """Slots of quantised vectors, each pointing at its row. A slot whose row is gone is taken out at the next rebuild."""

    def __init__(self, dimensions: int, arrays: dict[str, NDArray[Any]] | None = None) -> None:
        arrays = arrays or {}
        self.matrix = Column(np.int8, dimensions, arrays.get("matrix"))
        self.scale = Column(np.float32, data=arrays.get("scale"))
        self.row = Column(np.int32, data=arrays.get("row"))

    def __len__(self) -> int:
        return len(self.row)

    def append(self, rows: NDArray[Any], vectors: Floats) -> None:
        quantised, scale = quantise(vectors)
        self.matrix.extend(quantised)
        self.scale.extend(scale)
        self.row.extend(rows)

    def replace(self, slots: NDArray[Any], vectors: Floats) -> None:
        self.matrix.all[slots], self.scale.all[slots] = quantise(vectors)

    def nearest(self, vector: Floats, eligible: Bools, k: int) -> tuple[NDArray[np.int64], Floats]:
        """The eligible slots that are no further than the k-th nearest of them, and their cosines."""
        if np.count_nonzero(eligible) * 3 < len(self):
            slots = np.flatnonzero(eligible)
            return slots, self.cosines(vector, slots)
        query, query_scale = quantise(vector.reshape(1, -1))
        cosines = dots(query, self.matrix.all, query_scale * self.scale.all)
        slots = contenders(cosines, eligible, k)
        return slots, cosines[slots]

    def cosines(self, vector: Floats, slots: NDArray[np.int64]) -> Floats:
        query, query_scale = quantise(vector.reshape(1, -1))
        return dots(query, self.matrix.all[slots], query_scale * self.scale.all[slots])

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"matrix": self.matrix.all, "scale": self.scale.all, "row": self.row.all}


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
