"""One loaded model: texts to token ids, token ids to unit vectors. Synchronous; any thread may call it at any time."""

import ctypes
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.onnx.model import ModelFiles
from session_mgmt_mcp.ports.embedder import Matrix
from session_mgmt_mcp.ports.errors import Corrupt

BATCH_TOKENS = 512
"""On one thread as fast as 1024, with half the working memory."""
_CHARACTERS_PER_TOKEN = 64
"""A text is cut here before it is tokenised: a megabyte is not read for its first 256 tokens."""
_TOKEN_OUTPUTS = ("last_hidden_state", "token_embeddings")
_ALL_ZERO = 1e-12


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of about one length: where they stand among all texts, and their token ids."""

    places: Sequence[int]
    tokens: Sequence[Sequence[int]]


class Encoder:
    def __init__(self, files: ModelFiles, max_tokens: int) -> None:
        """Reads and verifies both files. Raises Unavailable, Corrupt."""
        files.verify()
        self.max_tokens = max_tokens
        self._tokenizer = _tokenizer(files, max_tokens)
        self._session = _session(files)
        self._inputs = [one.name for one in self._session.get_inputs()]
        outputs = [one.name for one in self._session.get_outputs()]
        self._output = next((name for name in _TOKEN_OUTPUTS if name in outputs), outputs[0])
        self._shrinking = ort.RunOptions()
        self._shrinking.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        try:
            self.dimensions = int(self.vectors([self.tokens("a")]).shape[1])
        except Exception as error:
            raise Corrupt(
                f"The model {files.model} does not turn tokens into vectors: {files.remedy}.", files.model
            ) from error
        _return_free_memory()

    def tokens(self, text: str) -> list[int]:
        """At most `max_tokens` ids, the special ones included. Any str will do; lone surrogates read as `?`."""
        cut = text[: self.max_tokens * _CHARACTERS_PER_TOKEN].encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = self._tokenizer.encode(cut).ids
        return ids or [0]

    def vectors(self, tokens: Sequence[Sequence[int]], last: bool = False) -> Matrix:
        """One unit vector each, the same to the bit whatever stands beside it. `last`: working memory is given back."""
        ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(tokens):
            ids[row, : len(one)] = one
            mask[row, : len(one)] = 1
        known = {"input_ids": ids, "attention_mask": mask}
        feed = {name: known.get(name, np.zeros_like(ids)) for name in self._inputs}
        output = self._session.run([self._output], feed, self._shrinking if last else None)[0]
        if last:
            _return_free_memory()
        return _unit(output if output.ndim == 2 else _mean(output, tokens))


def batches(tokens: Sequence[Sequence[int]]) -> Iterator[Batch]:
    """Longest first, so that the working memory grows once; each holds about BATCH_TOKENS padded tokens."""
    places = sorted(range(len(tokens)), key=lambda place: -len(tokens[place]))
    start = 0
    while start < len(places):
        size = max(1, BATCH_TOKENS // len(tokens[places[start]]))
        chosen = places[start : start + size]
        yield Batch(chosen, [tokens[place] for place in chosen])
        start += size


def _mean(hidden: NDArray[np.float32], tokens: Sequence[Sequence[int]]) -> Matrix:
    means: Matrix = np.stack([hidden[row, : len(one)].sum(axis=0) / len(one) for row, one in enumerate(tokens)])
    return means


def _unit(vectors: Matrix) -> Matrix:
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    unit: Matrix = (vectors / np.maximum(norms, _ALL_ZERO)[:, None]).astype(np.float32)
    return unit


def _tokenizer(files: ModelFiles, max_tokens: int) -> Any:
    """`tokenizers` itself: PreTrainedTokenizerFast wraps it, gives the same ids, and costs 2.4 s and 66 MB more to import."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(files.tokenizer))
    except Exception as error:
        raise Corrupt(f"The file {files.tokenizer} is not a tokenizer: {files.remedy}.", files.tokenizer) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def session_options() -> Any:
    """One thread a run, no spinning: workers and queries share the machine with the client.

    BASIC without memory patterns is as fast here as ALL with them, and a batch takes 70 MB less.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options


def _session(files: ModelFiles) -> Any:
    try:
        return ort.InferenceSession(str(files.model), session_options(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Corrupt(f"The file {files.model} is not a model: {files.remedy}.", files.model) from error


def _return_free_memory() -> None:
    """Loading leaves 60 MB of free heap that glibc would keep."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
