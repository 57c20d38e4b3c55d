"""Indexes of the table."""

from typing import Any

from lancedb.index import FTS
from session_mgmt_mcp.adapters.lancedb.filters import WORDS_INDEX
from session_mgmt_mcp.adapters.lancedb.words import TOKENIZER


async def ensure(table: Any) -> None:
    """Makes those that are missing. May be called by several processes at once."""
    if WORDS_INDEX not in {index.name for index in await table.list_indices()}:
        await table.create_index("words", config=FTS(**TOKENIZER), replace=False)
