"""Embeddings on this machine's processor, by onnxruntime."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from session_mgmt_mcp.adapters.onnx.model import ModelFiles, model_files
from session_mgmt_mcp.ports.embedder import Matrix, Vector
from session_mgmt_mcp.ports.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from session_mgmt_mcp.adapters.onnx.encoder import Batch, Encoder

T = TypeVar("T")


class OnnxEmbedder:
    """Embedder on all-MiniLM-L6-v2, or on `model`: a path, or `organisation/name@revision` from the local cache.

    Nothing is opened before the first text comes. Documents run on `threads` workers; queries have a thread of their own.

    >>> embedder = OnnxEmbedder()
    >>> (await embedder.embed_query("reset the cache")).shape
    (384,)
    """

    def __init__(
        self, model: Path | str | None = None, tokenizer: Path | None = None, threads: int = 1, max_tokens: int = 256
    ) -> None:
        if threads < 1:
            raise Invalid("The embedder needs a thread to work on: set `threads` to 1 or more.")
        if max_tokens < 3:
            raise Invalid("The embedder needs room for a word between its two marks: set `max_tokens` to 3 or more.")
        self._model = model
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._files: ModelFiles | None = None
        self._encoder: Encoder | None = None
        self._loading = Lock()
        self._closed = False
        self._documents = ThreadPoolExecutor(threads, "embed-documents")
        self._queries = ThreadPoolExecutor(1, "embed-query")

    @property
    def model_id(self) -> str:
        return self._found().model_id()

    @property
    def dimensions(self) -> int:
        """Known at once for the built-in model; another one is loaded to tell."""
        return self._found().dimensions or self._loaded().dimensions

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    async def warm(self) -> None:
        """Loads the model now instead of with the first text. Raises Unavailable, Corrupt."""
        await self._answer(self._submit(self._queries, self._loaded))

    async def embed_documents(self, texts: Sequence[str]) -> Matrix:
        batches = await self._answer(self._submit(self._documents, partial(self._split, list(texts))))
        last = len(batches) - 1
        runs = [
            self._submit(self._documents, partial(self._run, batch, last=number == last))
            for number, batch in enumerate(batches)
        ]
        result = np.empty((len(texts), self.dimensions), dtype=np.float32)
        try:
            for batch, run in zip(batches, runs, strict=True):
                vectors = await self._answer(run)
                result[list(batch.places)] = vectors
        finally:
            for run in runs:
                run.cancel()
        return result

    async def embed_query(self, text: str) -> Vector:
        vector: Vector = await self._answer(self._submit(self._queries, partial(self._query, text)))
        return vector

    async def close(self) -> None:
        """Waits for the batch that is running; those that wait are given up. Idempotent."""
        self._closed = True
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        for executor in (self._documents, self._queries):
            executor.shutdown(wait=True, cancel_futures=True)
        self._encoder = None

    def _split(self, texts: Sequence[str]) -> "list[Batch]":
        from session_mgmt_mcp.adapters.onnx.encoder import batches

        encoder = self._loaded()
        return list(batches([encoder.tokens(text) for text in texts]))

    def _run(self, batch: "Batch", last: bool) -> Matrix:
        return self._loaded().vectors(batch.tokens, last=last)

    def _query(self, text: str) -> Vector:
        encoder = self._loaded()
        vector: Vector = encoder.vectors([encoder.tokens(text)])[0]
        return vector

    def _found(self) -> ModelFiles:
        if self._files is None:
            self._files = model_files(self._model, self._tokenizer)
        return self._files

    def _loaded(self) -> "Encoder":
        """Loaded once. A failure is not kept: a file that was put right serves the next text."""
        with self._loading:
            if self._encoder is None:
                from session_mgmt_mcp.adapters.onnx.encoder import Encoder

                self._encoder = Encoder(self._found(), self._max_tokens)
            return self._encoder

    def _submit(self, executor: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
        try:
            return executor.submit(work)
        except RuntimeError as error:
            raise _closed() from error

    async def _answer(self, future: Future[T]) -> T:
        """A batch that close() gave up is not the caller's cancellation, and must not look like it."""
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and task is not None and not task.cancelling():
                raise _closed() from None
            raise


def _closed() -> Unavailable:
    return Unavailable("The embedder was closed: open a new one.")
