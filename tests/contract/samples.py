"""Records, vectors and words that the contracts are written with."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from session_mgmt_mcp.ports.embedder import Vector
from session_mgmt_mcp.ports.vector_store import Filter, Hit, Matches, Meaning, Record, VectorStore

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DIMENSIONS = 384

Reopen = Callable[[], Awaitable[VectorStore]]


def record(name: str, text: str = "", **fields: Any) -> Record:
    defaults: dict[str, Any] = {"kind": "turn", "project": "shop", "time": START}
    return Record(id=name, text=text or f"text of {name}", **{**defaults, **fields})


def pointing(*numbers: float) -> Vector:
    """A unit vector along the first axes."""
    vector = np.zeros(DIMENSIONS, np.float32)
    vector[: len(numbers)] = numbers
    unit: Vector = vector / np.linalg.norm(vector)
    return unit


async def meaning(vector: Vector | None, model_id: str = "") -> Meaning | None:
    return None if vector is None else Meaning(vector, model_id)


def word(number: int) -> str:
    """A word of letters only, that shares no piece with another."""
    return "zq" + "".join("bcdfghjklm"[int(digit)] for digit in str(number))


def names(hits: list[Hit]) -> list[str]:
    return [hit.id for hit in hits]


async def all_ids(store: VectorStore, limit: int = 7) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await store.scan((), cursor, limit)
        found += [one.id for one in page.records]
        cursor = page.cursor
        if cursor is None:
            return found


async def matches(store: VectorStore, text: str, meaning: Awaitable[Meaning | None], where: Filter, k: int) -> Matches:
    """What a search finds, without reading any of it."""
    return await store.search(text, meaning, where, k, lambda found, _: found)
