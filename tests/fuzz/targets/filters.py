"""Filters: the stores in DuckDB, in LanceDB and in a dict agree on what each of them holds for, and on what none can be."""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition, Facet, Field, Operator, Record, VectorStore

from tests.fuzz.reading import Reader
from tests.fuzz.values import ODD, any_value

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMES = (
    "", "shop", "blog", "turn", "code", "user", "assistant", "s1", "s2", "r0", "r1", "tool:Edit", "a/b.py", "it's", "x' OR 1=1 --",
    "%", "_", "\\", "\x00", "\u00e9", "e\u0301", "SHOP", "shop ", "minilm", "h1", '"', "\ud800", "cache", "resets the caches", "the",
)  # fmt: skip
INGREDIENTS = tuple(
    name.encode("utf-8", "surrogateescape" if name != "\ud800" else "surrogatepass") for name in NAMES if name
)
TIMES = (
    START,
    START + timedelta(microseconds=1),
    START.astimezone(timezone(timedelta(hours=5, minutes=30))),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(9999, 12, 31, 23, 59, tzinfo=timezone(-timedelta(hours=12))),
    datetime(1969, 12, 31, tzinfo=UTC),
    datetime(2026, 3, 1, 12),
)
COMPARE = ("=", "!=", "<", "<=", ">", ">=")
NUMBERS = (0, 1, -1, 5, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, True)


def _records() -> list[Record]:
    def one_of(some: Sequence[str], number: int) -> str:
        return some[number % len(some)]

    clean = [name for name in NAMES if name.isprintable() and name]
    return [
        Record(
            id=f"r{number}",
            kind=one_of(("turn", "code", "reflection"), number),
            text=f"{one_of(('reset the cache', 'a/b.py failed', 'nothing of the sort'), number)} {number}",
            project=one_of(("shop", "blog", "it's"), number),
            time=START + timedelta(hours=number % 7, microseconds=number % 2),
            session=one_of(("", "s1", "s2"), number),
            role=one_of(("", "user", "assistant"), number // 2),
            position=(0, 1, 5, 2**31, -1)[number % 5],
            parent=one_of(("", "", "r0"), number),
            tags=tuple(clean[number % 5 : number % 5 + number % 3]),
            files=("a/b.py",) if number % 2 else (),
            facts=("tool:Edit", "it's") if number % 3 else (),
            content_hash=one_of(("", "h1", "h2"), number),
        )
        for number in range(40)
    ]


_loop = asyncio.new_event_loop()
_stores: list[VectorStore] = []


def _opened() -> list[VectorStore]:
    if not _stores:
        _stores.append(MemoryVectorStore())
        _stores.append(_loop.run_until_complete(DuckDBVectorStore.open(Path(tempfile.mkdtemp()) / "memory.duckdb")))
        if find_spec("lancedb"):
            from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore

            _stores.append(_loop.run_until_complete(LanceDBVectorStore.open(tempfile.mkdtemp())))
        for each in _stores:
            _loop.run_until_complete(each.upsert(_records()))
    return _stores


def close() -> None:
    for store in _stores:
        _loop.run_until_complete(store.close())
    _stores.clear()


def _fitting(reader: Reader, field: str) -> tuple[str, Any]:
    """An operator and a value that the field takes: else nearly every row of conditions would be refused."""
    match field:
        case "time":
            return reader.one_of(COMPARE), reader.one_of(TIMES)
        case "position":
            return reader.one_of(COMPARE), reader.one_of(NUMBERS)
        case "text":
            return "has", reader.one_of(NAMES)
        case "tags" | "files" | "facts":
            return reader.one_of((("has", reader.one_of(NAMES)), ("in", _names(reader))))
        case _:
            return reader.one_of((("=", reader.one_of(NAMES)), ("!=", reader.one_of(NAMES)), ("in", _names(reader))))


def _names(reader: Reader) -> list[str]:
    return [reader.one_of(NAMES) for _ in range(reader.below(4))]


def _value(reader: Reader) -> Any:
    match reader.below(8):
        case 0 | 1 | 2:
            return reader.one_of(NAMES)
        case 3 | 4:
            return _names(reader)
        case 5:
            return reader.one_of(TIMES)
        case 6:
            return reader.one_of(NUMBERS)
        case _:
            return any_value(reader, NAMES) if reader.seldom() else reader.one_of(ODD)()


def _condition(reader: Reader) -> Condition:
    field: Any = reader.one_of((*get_args(Field), "unknown", "")) if reader.seldom() else reader.one_of(get_args(Field))
    operator: Any
    operator, value = _fitting(reader, field)
    if reader.seldom():
        operator = reader.one_of((*get_args(Operator), "like"))
    return Condition(field, operator, _value(reader) if reader.seldom() else value)


def check(data: bytes) -> None:
    reader = Reader(data)
    where = [_condition(reader) for _ in range(1 + reader.below(3))]
    facet = reader.one_of(get_args(Facet))
    memory, *others = _opened()
    if reader.below(4):  # LanceDB takes twenty times as long
        others = others[:1]
    held = _loop.run_until_complete(_asked(memory, where, facet))
    for store in others:
        found = _loop.run_until_complete(_asked(store, where, facet))
        assert found == held, f"{where}: {found} in {type(store).__name__}, {held} in memory"


async def _asked(store: VectorStore, where: Sequence[Condition], facet: Facet) -> object:
    try:
        ids = [hit.id for hit in await store.latest(where, 50)]
        counted, facets = await store.count(where), await store.facets(facet, where)
        page = await store.scan(where, None, 100)
        assert counted == len(ids) == len(page.records)
        return ids, dict(facets)
    except Invalid as error:
        assert str(error).isprintable() or "\n" not in str(error)
        return "Invalid"
