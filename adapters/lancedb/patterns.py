"""Texts that hold a match of a pattern, by RE2, which Arrow brings."""

import asyncio
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from session_mgmt_mcp.adapters.lancedb.filters import predicate
from session_mgmt_mcp.adapters.lancedb.listing import holding
from session_mgmt_mcp.adapters.lancedb.records import storable, to_hit
from session_mgmt_mcp.adapters.lancedb.schema import HIT
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Filter, PatternMatch

TEXTS_AT_ONCE = 2_000


async def search_pattern(table: Any, pattern: str, where: Filter, k: int, literal: bool) -> list[PatternMatch]:
    check(pattern, literal)
    query = holding(table, await predicate(table, where)).select([*HIT, "text"])
    best = pa.table({})
    async for batch in await query.to_batches(max_batch_length=TEXTS_AT_ONCE):
        found = await asyncio.to_thread(matching, pa.table(batch), pattern, literal)
        if found.num_rows:
            both = pa.concat_tables([best, found]) if best.num_rows else found
            best = both.sort_by([("time", "descending"), ("id", "ascending")]).slice(0, k)
    return [PatternMatch(to_hit(one, 1.0), one["text"]) for one in best.to_pylist()]


def check(pattern: str, literal: bool) -> None:
    """Raises Invalid for what is no regular expression."""
    if not storable(pattern):
        raise Invalid("pattern: give valid unicode.")
    try:
        matching(pa.table({"text": pa.array([""])}), pattern, literal)
    except pa.ArrowInvalid as error:
        raise Invalid(f"pattern: {pattern[:60]!r} is no regular expression ({error}); correct it.") from error


def matching(rows: pa.Table, pattern: str, literal: bool) -> pa.Table:
    """Those rows that hold a match, with the first one as their text."""
    texts = rows["text"]
    if literal:
        found = rows.filter(pc.match_substring(texts, pattern))
        matched = pa.array([pattern] * found.num_rows, pa.string())
    else:
        found = rows.filter(pc.match_substring_regex(texts, pattern))
        whole = f"^(?s:.*?)({pattern})(?s:.*)$"
        matched = pc.replace_substring_regex(found["text"], whole, r"\1", max_replacements=1)
    return found.set_column(found.schema.get_field_index("text"), "text", matched)
