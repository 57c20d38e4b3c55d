"""All memories from one store into another: in order, resumable, and compared one by one at the end."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.embedder import Vector
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.vector_store import Record, VectorStore

PAGE = 500
PASSES = 5
_COLLECTION = "migrations"
_COMPARED = tuple(field.name for field in fields(Record) if field.name not in ("vector", "model_id"))

Phase: TypeAlias = Literal["copy", "verify"]
Progress: TypeAlias = Callable[[Phase, int, int], None]
"""Of which phase, how many records of how many are done."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """`checksum` is that of the source's records and vectors, which the target's were found to have, too."""

    records: int
    written: int  # the others were there already
    checksum: str
    others: int  # records that only the target has


@dataclass(frozen=True, slots=True)
class _Known:
    record: Record
    vector: Vector | None


async def migrate(
    source: VectorStore, target: VectorStore, storage: SessionStorage, name: str, progress: Progress
) -> Migrated:
    """Copies every record with its vector, in the order they were first written, and then compares both sides.

    `name` stands for the two places: a copy of that name that was cut off goes on where it was. What changes meanwhile
    is copied again; the target loses nothing that the source does not have. Raises Unavailable when the source keeps
    changing, and whatever the two stores raise.
    """
    id = opaque_id(name)
    written = await _copy(source, target, storage, id, progress)
    for _ in range(PASSES):
        changed, found = await _compare(source, target, progress)
        written += changed
        if not changed:
            await storage.delete(_COLLECTION, id)
            return replace(found, written=written)
    raise Unavailable("The memories change faster than they are copied: end the sessions that write, and run it again.")


async def _copy(source: VectorStore, target: VectorStore, storage: SessionStorage, id: str, progress: Progress) -> int:
    document = await storage.get(_COLLECTION, id)
    before: Any = document.body if document else {}
    done, written = before.get("done", 0), 0
    total = await source.count(())
    async for page, cursor in _pages(source, before.get("cursor")):
        written += await _write(target, await _different(page, target))
        done += len(page)
        progress("copy", min(done, total), total)
        if cursor is not None:
            await storage.put(_COLLECTION, id, {"cursor": cursor, "done": done})
    return written


async def _compare(source: VectorStore, target: VectorStore, progress: Progress) -> tuple[int, Migrated]:
    """How many differed, and were written again."""
    done, total, changed, checksum = 0, await source.count(()), 0, 0
    async for page, _ in _pages(source):
        changed += await _write(target, await _different(page, target))
        checksum += sum(_digest(one) for one in page)
        done += len(page)
        progress("verify", min(done, total), total)
    others = await target.count(()) - await source.count(())
    return changed, Migrated(done, 0, f"{checksum % 2**256:064x}", max(0, others))


async def _pages(store: VectorStore, cursor: str | None = None) -> AsyncIterator[tuple[Sequence[_Known], str | None]]:
    while True:
        page = await store.scan((), cursor, PAGE)
        yield await _with_vectors(store, page.records), page.cursor
        if (cursor := page.cursor) is None:
            return


async def _with_vectors(store: VectorStore, records: Sequence[Record]) -> list[_Known]:
    vectors = await store.vectors([record.id for record in records])
    return [_Known(record, vectors.get(record.id)) for record in records]


async def _different(page: Sequence[_Known], target: VectorStore) -> list[_Known]:
    there = await _with_vectors(target, await target.get([one.record.id for one in page]))
    known = {one.record.id: one for one in there}
    return [one for one in page if one.record.id not in known or not _same(one, known[one.record.id])]


async def _write(target: VectorStore, found: Sequence[_Known]) -> int:
    if found:
        await target.upsert([replace(one.record, vector=one.vector) for one in found])
    return len(found)


def _same(one: _Known, other: _Known) -> bool:
    """A vector that only the other side has made already is no difference."""
    if one.vector is None:
        other = replace(other, vector=None)
    return _digest(one) == _digest(other)


def _digest(one: _Known) -> int:
    values = {name: getattr(one.record, name) for name in _COMPARED}
    text = json.dumps(values, sort_keys=True, default=str, separators=(",", ":"))
    vector = b"" if one.vector is None else np.ascontiguousarray(one.vector, "<f4").tobytes()
    model = one.record.model_id if vector else ""
    return int.from_bytes(
        hashlib.sha256(b"\0".join((text.encode("utf-8", "replace"), model.encode(), vector))).digest()
    )
