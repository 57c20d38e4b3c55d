"""A store of many invented memories, in several projects, filled as the product fills it."""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.embedder import Matrix
from session_mgmt_mcp.ports.vector_store import Record

from benchmarks.memory_rows import application
from benchmarks.texts import message, word

AT_ONCE = 5_000
TURNS = 60
"""Memories of one session."""
TENTH, HUNDREDTH = "shop-000010", "shop-000001"
"""Projects that hold so large a part of the memories; the rest is shared by the others."""
OTHERS = 30
SPAN = timedelta(days=300)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Filled:
    """What a fill leaves beside the store, for those that measure."""

    memories: int
    model_id: str
    seconds: float


def project_of(session: int) -> str:
    if session % 10 == 0:
        return TENTH
    return HUNDREDTH if session % 100 == 1 else f"other-{session % OTHERS:06d}"


def records(first: int, vectors: Matrix, model_id: str, of: int) -> Iterator[Record]:
    """The memories from number `first` on, one a vector; there will be `of` of them."""
    rng = random.Random(first)
    for number, vector in enumerate(vectors, first):
        text, session = message(rng), number // TURNS
        yield Record(
            id=f"{number:020x}",
            kind=Kind.REFLECTION if number % 10 == 3 else Kind.TURN,
            text=text,
            project=project_of(session),
            time=START + SPAN * (number / of),
            session=f"session-{session}",
            role="user" if number % 2 else "assistant",
            position=number % TURNS,
            files=(f"{word(rng)}/{word(rng)}.py",) if number % 4 == 0 else (),
            content_hash=content_hash(text),
            vector=vector,
            model_id=model_id,
        )


async def fill(folder: Path, vectors: Matrix) -> Filled:
    """A new store in `folder` with one memory a vector, and the vectors beside it, for the floor of searches."""
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    async with application(folder) as app:
        model_id = app.embedder.model_id
        for first in range(0, len(vectors), AT_ONCE):
            await app.store.upsert([*records(first, vectors[first : first + AT_ONCE], model_id, len(vectors))])
            await asyncio.sleep(0)
        await settled(app)
    filled = Filled(len(vectors), model_id, time.perf_counter() - start)
    (folder / "filled.json").write_text(json.dumps(asdict(filled)))
    return filled


async def settled(app: Application) -> None:
    await app.embedding.wait_idle()
