"""The memories of one session, as far as one look may take them in."""

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.ports.vector_store import Condition, Record, VectorStore

MOST = 10_000  # the newest; of a longer session the first prompt besides
_AT_ONCE = 1_000


async def records_of(store: VectorStore, session: str) -> list[Record]:
    """What was said and done in a session, subagents included, oldest first."""
    where = [
        Condition("session", "=", session),
        Condition("kind", "in", (str(Kind.TURN), str(Kind.ACTION))),
        Condition("parent", "=", ""),
    ]
    found: list[Record] = []
    cursor: str | None = None
    while len(found) < MOST:
        page = await store.listed(where, "newest", cursor, _AT_ONCE)
        found += page.records
        cursor = page.cursor
        if cursor is None:
            return sorted(found, key=_place)
    first = await store.listed([*where, Condition("role", "=", "user")], "oldest", None, 1)
    return sorted({record.id: record for record in (*first.records, *found)}.values(), key=_place)


def _place(record: Record) -> tuple[float, int, str]:
    return record.time.timestamp(), record.position, record.id
