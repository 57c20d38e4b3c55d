"""Memories near to one that is there: by its stored vector, so that no model has to be loaded."""

from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.ports.vector_store import Condition, Record, VectorStore

NEAR = 0.30  # cosine; unrelated texts of one project lie around 0.1 to 0.2
ON_PURPOSE = 0.15  # what somebody stored on purpose counts as so much nearer
SAFE = (Trust.USER, Trust.ASSISTANT)


async def related(store: VectorStore, memory: str, besides: str, limit: int) -> list[Record]:
    """The nearest insights and turns of its project, but not of the session `besides`; while it has no vector, the newest insights."""
    [one, *_] = [*await store.get([memory]), None]
    if one is None:
        return []
    where = [Condition("project", "=", one.project), Condition("session", "!=", besides)]
    vector = (await store.vectors([memory])).get(memory)
    if vector is None:
        newest = await store.latest([*where, Condition("kind", "=", Kind.REFLECTION)], limit)
        return [record for record in await store.get([hit.id for hit in newest]) if _is_safe(record)]
    told = Condition("kind", "in", (Kind.REFLECTION, Kind.TURN))
    hits = await store.search_dense(vector, [*where, told, Condition("model_id", "=", one.model_id)], 6 * limit)
    near = {hit.parent or hit.id: hit for hit in reversed(hits) if hit.score >= NEAR}
    records = [record for record in await store.get(list(near)) if _is_safe(record)]
    records.sort(key=lambda record: near[record.id].score + ON_PURPOSE * (record.kind == Kind.REFLECTION), reverse=True)
    return list({record.content_hash: record for record in reversed(records)}.values())[::-1][:limit]


def _is_safe(record: Record) -> bool:
    """A model may be shown it unasked."""
    return record.metadata.get("trust") in SAFE
