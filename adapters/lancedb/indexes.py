"""Indexes of the table: of words at once, the others from where they are quicker than looking at every row."""

from typing import Any

from lancedb.index import FTS, Bitmap, BTree, IvfSq
from session_mgmt_mcp.adapters.lancedb.filters import WORDS_INDEX
from session_mgmt_mcp.adapters.lancedb.words import TOKENIZER

SORTED = ("id", "session", "parent", "time")
FEW_VALUES = ("project", "kind")
NAMED_FROM = 10_000
"""Rows; below, a look at all of a column is as quick, and every index makes each write larger."""
NEAR_FROM = 20_000
"""Vectors; at 100,000 a search takes 20 ms instead of 120, and the ten best are those of an exact one."""


async def ensure(table: Any) -> None:
    """Makes those that are missing. May be called by several processes at once."""
    there = {index.name for index in await table.list_indices()}
    if WORDS_INDEX not in there:
        await table.create_index("words", config=FTS(**TOKENIZER), replace=False)
    rows = await table.count_rows()
    wanted: dict[str, Any] = {}
    if rows >= NAMED_FROM:
        wanted |= {name: BTree() for name in SORTED} | {name: Bitmap() for name in FEW_VALUES}
    if rows >= NEAR_FROM and "vector_idx" not in there and await table.count_rows("model_id != ''") >= NEAR_FROM:
        wanted["vector"] = IvfSq(distance_type="cosine")
    for column, config in wanted.items():
        if f"{column}_idx" not in there:
            await table.create_index(column, config=config, replace=False)


async def rebuild(table: Any) -> None:
    """All of them anew, of the rows: for one that is damaged."""
    for index in await table.list_indices():
        await table.drop_index(index.name)
    await ensure(table)
