"""Text in, unit vectors out."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float32]
"""float32[dimensions], L2 norm 1."""
Matrix: TypeAlias = NDArray[np.float32]
"""float32[n, dimensions], each row of L2 norm 1."""


class Embedder(Protocol):
    """Turns text into L2-normalised float32 vectors. The same text gives the same vector, whatever stands beside it.

    >>> (await embedder.embed_query("reset the cache")).shape
    (384,)
    """

    @property
    def model_id(self) -> str:
        """Stored beside every vector: two models never share an index."""

    @property
    def dimensions(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """Tokens read of one text; what stands beyond is cut."""

    async def embed_documents(self, texts: Sequence[str]) -> Matrix:
        """float32[len(texts), dimensions], in order. Text beyond the model's limit is cut. Raises Unavailable, Corrupt."""

    async def embed_query(self, text: str) -> Vector:
        """float32[dimensions]. Answers ahead of documents that wait. Raises Unavailable, Corrupt."""

    async def close(self) -> None: ...
