"""What simple retrieval does with the same texts: one MiniLM vector a turn, BM25, and both fused by reciprocal rank."""

from collections.abc import Sequence
from typing import TypeAlias

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray
from session_mgmt_mcp.ports.embedder import Embedder

NAMES = ("minilm", "bm25", "rrf")
RRF_K = 60
_EMBEDDED_AT_ONCE = 512

Floats: TypeAlias = NDArray[np.float32]


class Baselines:
    """Over one corpus. Vectors are of the bare text, as the original product makes them; words are with the speaker's."""

    def __init__(self, texts: Sequence[str], vectors: Floats, embedder: Embedder) -> None:
        self._vectors = vectors
        self._embedder = embedder
        self._stemmer = Stemmer.Stemmer("english")
        self._words = bm25s.BM25(k1=1.2, b=0.75)
        self._words.index(self._tokens(texts), show_progress=False)

    @classmethod
    async def over(cls, said: Sequence[tuple[str, str]], embedder: Embedder) -> "Baselines":
        """Each said by whom, and what."""
        texts = [text for _, text in said]
        starts = range(0, len(texts), _EMBEDDED_AT_ONCE)
        vectors = [await embedder.embed_documents(texts[at : at + _EMBEDDED_AT_ONCE]) for at in starts]
        return cls([f"{speaker}: {text}" for speaker, text in said], np.concatenate(vectors), embedder)

    async def orders(self, question: str) -> dict[str, list[int]]:
        """For each baseline the places of all texts, best first."""
        near = self._vectors @ await self._embedder.embed_query(question)
        words = self._scores(question)
        fused = 1 / (RRF_K + 1 + _places(near)) + 1 / (RRF_K + 1 + _places(words))
        return {name: _order(scores).tolist() for name, scores in zip(NAMES, (near, words, fused), strict=True)}

    def _scores(self, question: str) -> Floats:
        asked = self._tokens([question], ids=False)[0]
        known = [token for token in asked if token in self._words.vocab_dict]
        if not known:
            return np.zeros(len(self._vectors), np.float32)
        scores: Floats = self._words.get_scores(known)
        return scores

    def _tokens(self, texts: Sequence[str], ids: bool = True) -> list[list[str]]:
        tokens: list[list[str]] = bm25s.tokenize(
            list(texts), stopwords="en_plus", stemmer=self._stemmer, return_ids=ids, show_progress=False
        )
        return tokens


def _order(scores: Floats) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable")


def _places(scores: Floats) -> NDArray[np.int64]:
    places = np.empty(len(scores), np.int64)
    places[_order(scores)] = np.arange(len(scores))
    return places
