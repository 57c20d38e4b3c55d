"""Patterns of code searches: any expression, over texts that were made to take long."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.memory.code_parser import MemoryCodeParser
from session_mgmt_mcp.domain.code_search import CodeSearch, PatternType
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Record

from tests.fuzz.reading import Reader

INGREDIENTS = (
    b"(a+)+$", b"(a|a)*b", b"(.*)*", b"a{1000}", b"{1000}", b"(", b")", b"[", b"]", b"[^a]", b"*", b"+", b"?", b"|", b"^", b"$", b"\\b", b"\\1",
    b"(?i)", b"(?=a)", b"(?<!a)", b"(?P<n>a)", b"(?P=n)", b"\\p{L}", b"\\C", b"\\", b"\\Q", b"\\E", b"\\x{10FFFF}", b"def ", b"a", b"!", b".*",
    b"\n", b"\x00", b"\xff", b"'", b"--", b"%", b"*", b"(?s)", b"\\z", b"[[:alpha:]]", b"((((((((((", b"))))))))))", "\u00e9".encode(),
)  # fmt: skip
SECONDS = 3.0
TEXTS = ("def total(cart):\n    return sum(cart)", "a" * 3_000 + "!", "aab" * 500, "\u00e9" * 500, "if x:\n" * 300)
_loop = asyncio.new_event_loop()
_stores: list[DuckDBVectorStore] = []


def _search() -> CodeSearch:
    if not _stores:
        _stores.append(_loop.run_until_complete(DuckDBVectorStore.open(Path(tempfile.mkdtemp()) / "memory.duckdb")))
        at = datetime(2026, 3, 1, tzinfo=UTC)
        about = {"code": {"language": "python"}}
        records = [
            Record(f"r{n}", Kind.CODE, text, "shop", at, metadata=about, content_hash=f"h{n}", worded=n < 1)
            for n, text in enumerate(TEXTS)
        ]
        _loop.run_until_complete(_stores[0].upsert(records))
    return CodeSearch(_stores[0], MemoryCodeParser())


def close() -> None:
    for store in _stores:
        _loop.run_until_complete(store.close())
    _stores.clear()


def check(data: bytes) -> None:
    reader = Reader(data)
    kind = reader.one_of((None, "regex", "regex", "literal", *get_args(PatternType)))
    pattern = reader.rest().decode("utf-8", "surrogateescape")[:2_000]
    search = _search()
    began = time.process_time()
    try:
        found = _loop.run_until_complete(search.search(pattern, kind, Scope()))
    except Invalid as error:
        assert str(error).splitlines() == [str(error)], "an error is one sentence"
    else:
        assert len(found.hits) <= 10
        if kind == "literal":
            expected = {f"r{n}" for n, text in enumerate(TEXTS) if pattern in text}
            assert {hit.record.id for hit in found.hits} <= expected
    assert time.process_time() - began < SECONDS, "one pattern took seconds"
