"""BM25, computed by us so that every store scores alike: Lance's own scores depend on what its index covers."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from session_mgmt_mcp.ports.vector_store import Scores

K1, B = 1.2, 0.75

Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Collection:
    """All documents of one kind."""

    documents: int
    average: float  # terms of one


def occurrences(words: Any, terms: list[str]) -> Scores:
    """How often each of the terms stands in each of the texts, which are terms joined by blanks: [texts, terms]."""
    lists = pc.split_pattern(pa.array(words, pa.string()) if isinstance(words, list) else words, " ")
    lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
    term = pc.index_in(lists.flatten(), value_set=pa.array(terms, pa.string()))
    text = pc.list_parent_indices(lists)
    there = term.is_valid()
    at = text.filter(there).to_numpy() * len(terms) + term.filter(there).to_numpy()
    counts = np.bincount(at, minlength=len(lists) * len(terms)).astype(np.float64)
    return counts.reshape(len(lists), len(terms))


def bm25(occurrences: Scores, lengths: NDArray[Any], of: Collection, having: NDArray[Any]) -> Scores:
    """The score of each document; `having`: in how many of all each term stands.

    Robertson and Zaragoza, The Probabilistic Relevance Framework (2009), with Lucene's never negative idf.
    """
    having = np.minimum(having, of.documents)
    idf = np.log1p((of.documents - having + 0.5) / (having + 0.5))
    saturation = K1 * (1 - B + B * lengths / (of.average or 1))
    share: Scores = occurrences * (K1 + 1) / (occurrences + saturation[:, np.newaxis])
    scores: Scores = (share * idf).sum(axis=1)  # no matrix product: equal documents get equal scores
    return scores
