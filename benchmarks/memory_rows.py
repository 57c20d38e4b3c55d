"""Store and recall in process, as the hub does them, against the bare engines."""

import asyncio
import random
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.embedder import Matrix
from session_mgmt_mcp.ports.vector_store import Condition, Record
from session_mgmt_mcp.settings import Settings
from session_mgmt_mcp.turns import short_turns

from benchmarks import prose
from benchmarks.figures import Budget, Figure, interleaved, median, p99
from benchmarks.texts import messages, questions, word
from benchmarks.vectors import random_vectors, realistic_vectors

STORES = 300
QUERIES = 30
REST = 0.3  # seconds after which the threads of the floor's BLAS have stopped spinning
AT_ONCE = 5_000
SHOWN = 10


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="speed-") as name:
        yield Path(name)


@asynccontextmanager
async def application(data: Path) -> AsyncIterator[Application]:
    short_turns()  # as a hub has
    async with open_application(Settings(data_dir=data / "data", log_dir=data / "logs")) as opened:
        yield opened


async def store() -> list[Figure]:
    """One reflection stored and then found by a word that only it has; the floor is a commit of one row."""
    texts, words = iter(messages(STORES)), iter([f"only{word(random.Random(seed))}{seed}" for seed in range(STORES)])
    with folder() as place, duckdb.connect(str(place / "floor.duckdb")) as bare:
        bare.execute("CREATE TABLE memory (id VARCHAR PRIMARY KEY, text VARCHAR)")
        async with application(place) as app:
            await app.embedder.embed_query("warm")

            async def product() -> None:
                only = next(words)
                stored = await app.memory.store(Draft(f"{next(texts)} {only}", "shop-000000"))
                hits = await app.store.search_lexical(only, [Condition("project", "=", "shop-000000")], 1)
                assert (hits[0].parent or hits[0].id) == stored.id

            async def floor() -> None:
                bare.execute("INSERT INTO memory VALUES (?, ?)", [uuid.uuid4().hex, "one row of text " * 15])

            ours, theirs = await interleaved(STORES, product, floor)
    budget = Budget("<=", 5, "ratio")
    return [
        Figure("store until findable by word, p99", p99(ours) * 1e3, "ms", budget, p99(theirs) * 1e3, "one-row commit"),
        Figure(
            "store until findable by word, p50", median(ours) * 1e3, "ms", None, median(theirs) * 1e3, "one-row commit"
        ),
    ]


async def recall(memories: int) -> list[Figure]:
    """A whole search among `memories`, ranked and with snippets; the floor embeds the query and scans the matrix."""
    said, asked = prose.messages(memories), prose.questions(QUERIES + 1)
    return await _recall(said, asked, realistic_vectors(memories), within_budget=True)


async def worst_recall(memories: int) -> list[Figure]:
    """As `recall`, of questions whose nine words each stand in a fifth of all memories, and of vectors equally far from all."""
    said, asked = messages(memories), questions(QUERIES + 1)
    return await _recall(said, asked, random_vectors(memories), within_budget=False)


async def _recall(said: Sequence[str], asked: Sequence[str], vectors: Matrix, *, within_budget: bool) -> list[Figure]:
    memories = len(said)
    with folder() as place:
        async with application(place) as app:
            await _fill(app, said, vectors)
            await app.embedding.wait_idle()
            ours_next, floor_next = iter(asked), iter(asked)

            async def product() -> None:
                found = await app.memory.search(next(ours_next), limit=SHOWN)
                assert len(found.hits) == SHOWN
                assert not found.note

            async def floor() -> None:
                query = await app.embedder.embed_query(next(floor_next))
                scores = vectors @ query
                top = np.argpartition(scores, -SHOWN)[-SHOWN:]
                top[np.argsort(-scores[top])]

            await interleaved(1, product, floor)
            ours, theirs = await interleaved(QUERIES, product, floor, pause=REST)
    what = f"recall among {memories:,}{'' if within_budget else ' at worst'}, whole call"
    limit = 1.0 if memories < 1_000_000 else 0.4
    budget = Budget("<=", limit, "ratio") if within_budget and memories >= 100_000 else None
    floor_is = "embed + numpy f32 scan"
    return [
        Figure(f"{what}, p50", median(ours) * 1e3, "ms", budget, median(theirs) * 1e3, floor_is),
        Figure(f"{what}, p99", p99(ours) * 1e3, "ms", None, p99(theirs) * 1e3, floor_is),
    ]


async def _fill(app: Application, texts: Sequence[str], vectors: Matrix) -> None:
    """Turns with vectors that were made: embedding 100,000 texts would take the better part of an hour."""
    start = datetime.now(UTC) - timedelta(days=300)
    for first in range(0, len(vectors), AT_ONCE):
        await app.store.upsert(
            [
                Record(
                    id=f"{number:020x}",
                    kind=Kind.TURN,
                    text=texts[number],
                    project="shop-000000",
                    time=start + timedelta(minutes=4 * number),
                    session=f"session-{number // 60}",
                    role="user" if number % 2 else "assistant",
                    position=number % 60,
                    content_hash=content_hash(texts[number]),
                    vector=vectors[number],
                    model_id=app.embedder.model_id,
                )
                for number in range(first, min(first + AT_ONCE, len(vectors)))
            ]
        )
        await asyncio.sleep(0)
