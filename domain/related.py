"""Memories near to one that is there: by its stored vector, so that no model has to be loaded."""

from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.ports.embedder import Vector
from session_mgmt_mcp.ports.vector_store import Condition, Filter, Record, VectorStore

NEAR = 0.30  # cosine; unrelated texts of one project lie around 0.1 to 0.2
ON_PURPOSE = 0.15  # what somebody stored on purpose counts as so much nearer
FILLED = 3  # with so few near ones, the newest insights come along
SAFE = (Trust.USER, Trust.ASSISTANT)


async def related(store: VectorStore, memory: str, besides: str, limit: int) -> list[Record]:
    """The nearest insights and turns of its project, but not of the session `besides`; where few are near, the newest insights."""
    [one, *_] = [*await store.get([memory]), None]
    if one is None:
        return []
    where = [Condition("project", "=", one.project), Condition("session", "!=", besides)]
    vector = (await store.vectors([memory])).get(memory)
    near = (
        await _near(store, vector, [*where, Condition("model_id", "=", one.model_id)], limit)
        if vector is not None
        else []
    )
    newest = await store.latest([*where, Condition("kind", "=", Kind.REFLECTION), Condition("parent", "=", "")], FILLED)
    known = {record.content_hash for record in near}
    insights = [record for record in await store.get([hit.id for hit in newest]) if record.content_hash not in known]
    return [*near, *filter(is_safe, insights)][: limit if len(near) >= FILLED else FILLED]


async def _near(store: VectorStore, vector: Vector, where: Filter, limit: int) -> list[Record]:
    told = Condition("kind", "in", (Kind.REFLECTION, Kind.TURN))
    hits = await store.search_dense(vector, [*where, told], 6 * limit)
    best: dict[str, float] = {}
    for hit in hits:
        if hit.score >= NEAR:
            best.setdefault(hit.parent or hit.id, hit.score + ON_PURPOSE * (hit.kind == Kind.REFLECTION))
    records = sorted(filter(is_safe, await store.get(list(best))), key=lambda record: -best[record.id])
    return list({record.content_hash: record for record in reversed(records)}.values())[::-1][:limit]


def is_safe(record: Record) -> bool:
    """A model may be shown it unasked."""
    return record.metadata.get("trust") in SAFE
