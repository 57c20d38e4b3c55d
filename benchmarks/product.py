"""The product as a benchmark uses it: its own capture, its own search, in a directory that goes away."""

import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.domain.drafts import MAX_CONTENT_BYTES, Draft
from session_mgmt_mcp.domain.embedding import EmbeddingProgress
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.vector_store import Record
from session_mgmt_mcp.settings import load

from benchmarks.formats import Conversation

SHOWN = 10  # hits of the timed search, as a tool would ask
DEPTH = 200  # hits that are judged
STORED_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Answer:
    hits: list[Record]
    scores: list[float]
    milliseconds: float  # of the whole call for the first SHOWN


@asynccontextmanager
async def opened() -> AsyncIterator[Application]:
    with tempfile.TemporaryDirectory(prefix="recall-") as folder:
        os.environ["SESSION_MGMT_DATA_DIR"] = folder
        os.environ["SESSION_MGMT_LOG_DIR"] = str(Path(folder) / "logs")
        async with open_application(load(embed_threads=os.cpu_count() or 1)) as application:
            yield application


async def keep(application: Application, conversation: Conversation, project: str) -> dict[str, str]:
    """Stores every turn; turn ids by memory id."""
    turns = [turn for turn in conversation.turns if turn.text.strip()]
    names: dict[str, str] = {}
    for start in range(0, len(turns), STORED_AT_ONCE):
        some = turns[start : start + STORED_AT_ONCE]
        drafts = [
            Draft(
                content=cut(turn.text),
                project=project,
                kind=Kind.TURN,
                session=f"{conversation.id}/{turn.session}",
                role=turn.speaker,
                position=turn.position,
                time=turn.time,
                source="library",
                key=turn.id,
            )
            for turn in some
        ]
        stored = await application.memory.store_many(drafts)
        names.update((one.id, turn.id) for one, turn in zip(stored, some, strict=True))
    return names


def cut(text: str) -> str:
    """To the size that one memory may have; the index reads no further anyway."""
    return text.encode("utf-8", "replace")[:MAX_CONTENT_BYTES].decode("utf-8", "ignore").replace("\0", "")


async def embed_all(application: Application, progress: Callable[[EmbeddingProgress], None]) -> None:
    done = await application.embedding.wait_idle(progress)
    if done.pending:
        raise RuntimeError(f"{done.pending} memories have no vector: {done.problem or 'the worker stopped'}.")


async def ask(application: Application, question: str, scope: Scope) -> Answer:
    half_life = application.settings.half_life_days
    begun = perf_counter()
    result = await application.memory.search(question[:2_000], scope, limit=SHOWN, half_life_days=half_life)
    took = (perf_counter() - begun) * 1_000
    found = list(result.hits)
    while result.cursor is not None and len(found) < DEPTH:
        result = await application.memory.more(result.cursor, limit=DEPTH - len(found))
        found += result.hits
    return Answer([one.record for one in found], [one.score for one in found], took)
