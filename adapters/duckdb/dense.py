"""Every vector as int8 with its own scale, scanned whole: exact enough to order by, and a quarter of the memory."""

from typing import Any

import numpy as np
import simsimd
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Column, Floats, Ints

WORTH_TWO_THREADS = 20_000
EVERY = slice(None)
UNKNOWN = -2.0
"""In place of a cosine that nobody took."""


class Dense:
    """Slots of quantised vectors, each pointing at its row. A slot whose row is gone is taken out at the next rebuild."""

    def __init__(self, dimensions: int, arrays: dict[str, NDArray[Any]] | None = None) -> None:
        arrays = arrays or {}
        self.matrix = Column(np.int8, dimensions, arrays.get("matrix"))
        self.scale = Column(np.float32, data=arrays.get("scale"))
        self.row = Column(np.int32, data=arrays.get("row"))
        self.replaced = 0

    def __len__(self) -> int:
        return len(self.row)

    def append(self, rows: NDArray[Any], vectors: Floats) -> None:
        quantised, scale = quantise(vectors)
        self.matrix.extend(quantised)
        self.scale.extend(scale)
        self.row.extend(rows)

    def replace(self, slots: NDArray[Any], vectors: Floats) -> None:
        self.matrix.all[slots], self.scale.all[slots] = quantise(vectors)
        self.replaced += len(slots)

    def cosines(self, vector: Floats, slots: Ints | slice = EVERY) -> Floats:
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
