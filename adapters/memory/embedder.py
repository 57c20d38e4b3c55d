"""Embeddings without a model: words and their pieces, hashed. For tests, and for a first taste without onnxruntime."""

import re
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from session_mgmt_mcp.ports.embedder import Matrix, Vector
from session_mgmt_mcp.ports.errors import Unavailable

_WORD = re.compile(r"\w+")
_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ers", "ed", "es", "er", "ly", "s", "e", "y")
_WORD_WEIGHT = 1.0
_PIECE_WEIGHT = 0.35
_NOTHING = "\x00nothing"


class MemoryEmbedder:
    """Texts that share words, or pieces of words, are near. Deterministic on every machine; knows no meaning.

    >>> (await MemoryEmbedder().embed_query("reset the cache")).shape
    (384,)
    """

    def __init__(self, dimensions: int = 384, max_tokens: int = 256) -> None:
        self._dimensions = dimensions
        self._max_tokens = max_tokens
        self._closed = False

    @property
    def model_id(self) -> str:
        return f"hashed-words-{self._dimensions}"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    async def warm(self) -> None:
        """Nothing to load."""

    async def embed_documents(self, texts: Sequence[str]) -> Matrix:
        if self._closed:
            raise Unavailable("The embedder was closed: open a new one.")
        result = np.zeros((len(texts), self._dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            result[row] = self._vector(text)
        return result

    async def embed_query(self, text: str) -> Vector:
        vector: Vector = (await self.embed_documents([text]))[0]
        return vector

    async def close(self) -> None:
        self._closed = True

    def _vector(self, text: str) -> Vector:
        sums = np.zeros(self._dimensions, dtype=np.float64)
        for feature, weight in _features(text, self._max_tokens):
            code = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
            sums[(code >> 1) % self._dimensions] += weight if code & 1 else -weight
        if not sums.any():
            sums[0] = 1.0
        return (sums / np.linalg.norm(sums)).astype(np.float32)


def _features(text: str, most: int) -> Iterator[tuple[str, float]]:
    words = [match.group().lower() for match, _ in zip(_WORD.finditer(text), range(most), strict=False)]
    if not words:
        yield text[:most].strip() or _NOTHING, _WORD_WEIGHT
    for word in words:
        yield _stem(word), _WORD_WEIGHT
        marked = f"<{word[:64]}>"
        for start in range(len(marked) - 2):
            yield marked[start : start + 3], _PIECE_WEIGHT / len(marked) ** 0.5


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if len(word) - len(ending) >= 3 and word.endswith(ending):
            return word.removesuffix(ending)
    return word
