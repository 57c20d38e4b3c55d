"""Vectors like those the model gives real texts, for more memories than a benchmark has the time to embed."""

import random
from functools import cache

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.onnx.encoder import Encoder, batches
from session_mgmt_mcp.adapters.onnx.model import model_files
from session_mgmt_mcp.ports.embedder import Matrix

from benchmarks.prose import TOPICS, sentence, topic_of

DIMENSIONS = 384
SENTENCES = 8  # of each topic
MOST = 4  # sentences in a memory
NOISE = 0.25  # its length, to 1 of their mean: what a memory says besides
AT_ONCE = 20_000


def realistic_vectors(count: int, seed: int = 7) -> Matrix:
    """Unit vectors, float32[count, 384], of what `prose.messages` says: weighted means of embedded sentences, and noise.

    Compared with what they stand for, 1,500 of each, medians: the cosine of a question's 1st, 10th, 100th and 400th
    neighbour; over how many directions the vectors spread (participation ratio); and how many of the ten nearest are
    among the best 1 %, 4 % and 8 % by sign bits. They are harder than real turns, and much easier than random ones.

    | | 1st | 10th | 100th | 400th | directions | 1 % | 4 % | 8 % |
    |---|---|---|---|---|---|---|---|---|
    | LoCoMo's turns, embedded | .570 | .433 | .276 | .168 | 65 | .756 | .977 | .995 |
    | `prose.messages`, embedded | .511 | .371 | .264 | .191 | 107 | .636 | .906 | .968 |
    | these | .513 | .398 | .284 | .199 | 95 | .665 | .933 | .983 |
    | `random_vectors` | .167 | .126 | .077 | .032 | 305 | .249 | .518 | .687 |
    """
    rng = np.random.default_rng(seed)
    said = _sentences(seed)
    topics = np.array([topic_of(number) for number in range(count)])
    vectors = np.empty((count, DIMENSIONS), np.float32)
    for first in range(0, count, AT_ONCE):
        some = vectors[first : first + AT_ONCE]
        among = np.arange(MOST) < rng.integers(1, MOST + 1, (len(some), 1))
        weights = (rng.exponential(size=among.shape) * among).astype(np.float32)
        meant = np.zeros_like(some)
        for weight in weights.T:
            meant += weight[:, None] * said[topics[first : first + AT_ONCE], rng.integers(SENTENCES, size=len(some))]
        noise = rng.standard_normal(some.shape, dtype=np.float32) * np.float32(NOISE / DIMENSIONS**0.5)
        some[:] = _unit(_unit(meant) + noise)
    return vectors


def random_vectors(count: int, seed: int = 7) -> Matrix:
    """Unit vectors, float32[count, 384], in no direction more than in another: a worst case, nearly all are equally far."""
    return _unit(np.random.default_rng(seed).standard_normal((count, DIMENSIONS), dtype=np.float32))


@cache
def _sentences(seed: int) -> NDArray[np.float32]:
    """By topic."""
    rng = random.Random(seed)
    encoder = Encoder(model_files(), max_tokens=64)
    tokens = [encoder.tokens(sentence(rng, topic)) for topic in range(TOPICS) for _ in range(SENTENCES)]
    vectors = np.empty((len(tokens), DIMENSIONS), np.float32)
    for batch in batches(tokens):
        vectors[list(batch.places)] = encoder.vectors(batch.tokens)
    return vectors.reshape(TOPICS, SENTENCES, DIMENSIONS)


def _unit(vectors: Matrix) -> Matrix:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
