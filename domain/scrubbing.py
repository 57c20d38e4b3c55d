"""Redaction of what was stored before a pattern was known."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.parts import split
from session_mgmt_mcp.domain.redaction import redact, redact_values
from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.vector_store import Condition, Json, Record, VectorStore


async def scrub(store: VectorStore, progress: Callable[[int, int], None], dry_run: bool = False) -> Mapping[str, int]:
    """Replaces the secrets of all records; how many were found, by kind. A second run finds none."""
    wholes, code = [Condition("parent", "=", "")], [Condition("kind", "=", Kind.CODE)]
    total, done = await store.count(wholes) + await store.count(code), 0
    counts: Counter[str] = Counter()
    for where in (wholes, code):
        cursor: str | None = ""
        while cursor is not None:
            page = await store.scan(where, cursor or None)
            for record in page.records:
                clean = redact(record.text)
                metadata = redact_values(record.metadata)
                if clean.text == record.text and metadata == record.metadata:
                    continue
                counts.update(clean.counts or {"metadata": 1})
                if not dry_run:
                    await _replace(store, record, clean.text, metadata)
            done += len(page.records)
            progress(done, total)
            cursor = page.cursor
    return counts


async def _replace(store: VectorStore, record: Record, text: str, metadata: Json) -> None:
    assert isinstance(metadata, Mapping)
    await store.delete([Condition("parent", "=", record.id), Condition("kind", "!=", Kind.CODE)])
    files = tuple(redact(file).text for file in record.files)
    new = replace(record, text=text, metadata=metadata, files=files, content_hash=content_hash(text), model_id="")
    await store.upsert([new] if record.kind == Kind.CODE else split(new))
