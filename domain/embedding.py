"""Vectors after writes: a background task that gives every memory its vector."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from session_mgmt_mcp.domain.memories import EMBEDDED_KINDS, Kind
from session_mgmt_mcp.domain.parts import embedding_text
from session_mgmt_mcp.ports.embedder import Embedder
from session_mgmt_mcp.ports.errors import Corrupt, PortError, Unavailable
from session_mgmt_mcp.ports.vector_store import Condition, VectorStore

BATCH = 128
TURNS_LAST = (EMBEDDED_KINDS - {Kind.TURN}, frozenset({Kind.TURN}))
"""What somebody stored on purpose does not wait for the thousands of turns of an import."""


@dataclass(frozen=True, slots=True)
class EmbeddingProgress:
    done: int  # since the worker started
    pending: int
    problem: str = ""  # why vectors are not being made; search by word goes on


class EmbeddingWorker:
    """Reads what has no vector yet, newest first, in batches, until nothing is left; then sleeps until `wake`."""

    def __init__(self, store: VectorStore, embedder: Embedder, retry_seconds: float = 30.0) -> None:
        self._store = store
        self._embedder = embedder
        self._retry_seconds = retry_seconds
        self._wake = asyncio.Event()
        self._wake.set()
        self._idle = asyncio.Event()
        self._done = 0
        self._problem = ""

    def wake(self) -> None:
        """Something new was stored. Call it from the event loop's thread."""
        self._idle.clear()
        self._wake.set()

    @property
    def busy(self) -> bool:
        """Whether vectors are being made right now."""
        return not self._idle.is_set()

    async def progress(self) -> EmbeddingProgress:
        try:
            waiting = _awaiting(self._embedder.model_id)
        except (Unavailable, Corrupt):
            waiting = _awaiting(None)
        return EmbeddingProgress(self._done, await self._store.count(waiting), self._problem)

    async def wait_idle(self, progress: Callable[[EmbeddingProgress], None] = lambda _: None) -> EmbeddingProgress:
        """Returns when every memory has its vector, or with the problem that stands in the way."""
        while not self._idle.is_set():
            progress(await self.progress())
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await self._idle.wait()
        return await self.progress()

    async def run(self) -> None:
        """Forever; cancel it to stop. Whatever was made stays."""
        while True:
            try:
                while await self._embed_some():
                    self._problem = ""
            except (Unavailable, Corrupt) as error:
                self._problem = str(error)
            except PortError as error:
                self._problem = f"Vectors wait: {error}"
            if self._problem or not self._wake.is_set():
                self._idle.set()
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the wake.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._retry_seconds if self._problem else None):
                    await self._wake.wait()

    async def _embed_some(self) -> int:
        self._wake.clear()
        waiting = await self._next()
        records = await self._store.get(waiting)
        if records:
            vectors = await self._embedder.embed_documents([embedding_text(record) for record in records])
            ids, texts = [record.id for record in records], [record.text for record in records]
            await self._store.set_vectors(ids, vectors, self._embedder.model_id, texts)
        self._done += len(records)
        return len(waiting)

    async def _next(self) -> list[str]:
        for kinds in TURNS_LAST:
            hits = await self._store.latest(_awaiting(self._embedder.model_id, kinds), BATCH)
            if hits:
                return [hit.id for hit in hits]
        return []


def _awaiting(model_id: str | None, kinds: frozenset[Kind] = EMBEDDED_KINDS) -> list[Condition]:
    """Holds for records that this model has yet to read; None: that no model has read."""
    return [
        Condition("model_id", "=", "") if model_id is None else Condition("model_id", "!=", model_id),
        Condition("kind", "in", tuple(str(kind) for kind in sorted(kinds))),
    ]
