"""A store of many invented memories, in several projects, filled as the product fills it."""

import asyncio
import random
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.embedder import Matrix
from session_mgmt_mcp.ports.vector_store import Record

from benchmarks.memory_rows import application
from benchmarks.prose import IN_SESSION, message, topic_of

AT_ONCE = 5_000
VECTORS = "vectors.npy"
TENTH, HUNDREDTH = "shop-000010", "shop-000001"
"""Projects that hold so large a part of the memories; the rest is shared by the others."""
OTHERS = 30
SPAN = timedelta(days=300)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


PATHS = 20_000
"""Files that memories touch."""


def project_of(session: int) -> str:
    if session % 10 == 0:
        return TENTH
    return HUNDREDTH if session % 100 == 1 else f"other-{session % OTHERS:06d}"


def records(first: int, vectors: Matrix, model_id: str, of: int) -> Iterator[Record]:
    """The memories from number `first` on, one a vector; there will be `of` of them."""
    rng = random.Random(first)
    for number, vector in enumerate(vectors, first):
        text, session = message(rng, topic_of(number)), number // IN_SESSION
        yield Record(
            id=f"{number:020x}",
            kind=Kind.REFLECTION if number % 10 == 3 else Kind.TURN,
            text=text,
            project=project_of(session),
            time=START + SPAN * (number / of),
            session=f"session-{session}",
            role="user" if number % 2 else "assistant",
            position=number % IN_SESSION,
            files=(f"src/{rng.randrange(PATHS)}.py",) if number % 4 == 0 else (),
            content_hash=content_hash(text),
            vector=vector,
            model_id=model_id,
        )


async def fill(folder: Path, vectors: Matrix) -> float:
    """A new store in `folder` with one memory a vector, and the vectors beside it, for the floor; seconds of the store's."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    seconds = 0.0
    async with application(folder) as app:
        await app.store.count(())
        for first in range(0, len(vectors), AT_ONCE):
            fresh = [*records(first, vectors[first : first + AT_ONCE], app.embedder.model_id, len(vectors))]
            start = time.perf_counter()
            await app.store.upsert(fresh)
            seconds += time.perf_counter() - start
            await asyncio.sleep(0)
        await app.embedding.wait_idle()
    np.save(folder / VECTORS, vectors)
    return seconds
