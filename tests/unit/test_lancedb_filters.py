import asyncio
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.lancedb import filters
from session_mgmt_mcp.adapters.lancedb.schema import SCHEMA
from session_mgmt_mcp.adapters.lancedb.words import TOKENIZER, terms
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.contracts.samples import START, record, word
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition

lancedb = pytest.importorskip("lancedb")

NAMES = [
    "",
    "a",
    "A",
    "it's",
    "''",
    "\\",
    "\\'",
    "%",
    "_",
    '"',
    "nul\0",
    "line\nbreak",
    "é",
    "e\u0301",
    "🧀",
    "[x]",
    "{x}",
]
NAMES += ["'; drop table memories; --", "' or true or '", "a b"]


def row(one):
    columns = {"id": one.id, "position": one.position, "time": (one.time - filters.EPOCH) // timedelta(microseconds=1)}
    columns |= {name: getattr(one, name) for name in ("kind", "project", "session", "role", "parent", "text")}
    columns |= {name: list(getattr(one, name)) for name in ("tags", "files", "facts")}
    words = " ".join(terms(one.text, one.role, one.tags)) if one.worded else None
    return columns | {"content_hash": one.content_hash, "model_id": "", "words": words}


RECORDS = [
    record(
        f"{name}#{at}",
        f"text {name} {word(at)}" if at % 5 else "kept apart",
        project=name,
        session=NAMES[at * 7 % 20],
        kind=NAMES[at * 3 % 20] or "turn",
        content_hash=NAMES[at * 11 % 20],
        role=NAMES[at % 3],
        position=[0, -1, 2**31, 2**62, -(2**62)][at % 5],
        parent=f"{NAMES[0]}#0" if at == 7 else "",
        tags=(name, NAMES[at - 1]),
        files=(name,) if at % 2 else (),
        time=START + timedelta(microseconds=at),
        worded=at != 4,
    )
    for at, name in enumerate(NAMES)
]


@pytest.fixture(scope="module")
def asking(tmp_path_factory):
    """How many rows hold a filter, in a table whose older half is indexed, and in memory."""
    loop = asyncio.new_event_loop()

    async def opened():
        connection = await lancedb.connect_async(str(tmp_path_factory.mktemp("lance")))
        table = await connection.create_table("memories", schema=SCHEMA)
        half = len(RECORDS) // 2
        await table.add(pa.Table.from_pylist([row(one) for one in RECORDS[:half]], SCHEMA))
        await table.create_index("words", config=lancedb.index.FTS(**TOKENIZER))
        await table.add(pa.Table.from_pylist([row(one) for one in RECORDS[half:]], SCHEMA))
        memory = MemoryVectorStore()
        await memory.upsert(RECORDS)
        return table, memory

    table, memory = loop.run_until_complete(opened())

    async def ids(where):
        wanted = await filters.predicate(table, where)
        query = table.query() if wanted is None else table.query().where(wanted)
        found = await query.select(["id"]).to_arrow()
        return sorted(found["id"].to_pylist()), sorted([one async for one in scanned(memory, where)])

    yield lambda where: loop.run_until_complete(ids(where))
    loop.close()


async def scanned(memory, where):
    for one in (await memory.scan(where, None, 100)).records:
        yield one.id


texts = st.one_of(st.sampled_from(NAMES), st.text(max_size=8))
named = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["id", "kind", "project", "session", "role", "parent", "content_hash", "model_id"]),
        st.sampled_from(["=", "!="]),
        texts,
    ),
    st.builds(
        Condition, st.sampled_from(["kind", "project", "session", "role"]), st.just("in"), st.lists(texts, max_size=4)
    ),
    st.builds(Condition, st.just("id"), st.just("in"), st.lists(st.sampled_from([one.id for one in RECORDS]))),
)
labelled = st.one_of(
    st.builds(Condition, st.sampled_from(["tags", "files", "facts"]), st.just("has"), texts),
    st.builds(Condition, st.sampled_from(["tags", "files", "facts"]), st.just("in"), st.lists(texts, max_size=4)),
)
orders = st.sampled_from(filters.COMPARE)
ordered = st.one_of(
    st.builds(Condition, st.just("position"), orders, st.sampled_from([0, -1, 2**31, 2**62, -(2**63), 2**63, 10**30])),
    st.builds(
        Condition,
        st.just("time"),
        orders,
        st.integers(-2, 30).map(lambda microseconds: START + timedelta(microseconds=microseconds))
        | st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]),
    ),
)
shared = st.builds(
    Condition,
    st.just("text"),
    st.just("has"),
    st.lists(st.sampled_from(["text", "the", word(3), "apart", "a b", "nothing"])).map(" ".join),
)


@settings(max_examples=150, deadline=None)
@given(where=st.lists(st.one_of(named, labelled, ordered, shared), max_size=3))
def test_a_filter_holds_for_the_same_rows_as_in_memory(asking, where):
    ours, theirs = asking(where)
    assert ours == theirs


def test_a_whole_is_found_by_the_words_of_its_part(asking):
    ours, theirs = asking([Condition("text", "has", word(7))])
    assert ours == theirs == sorted([RECORDS[0].id, RECORDS[7].id])


@given(
    st.builds(
        Condition,
        st.sampled_from(["colour", "text", "tags", "time", "position", "project", "id"]),
        st.sampled_from(["like", "<", "=", "has", "in"]),
        st.sampled_from([1, "x", datetime(2026, 1, 1), [1]]),
    )
)
def test_what_is_refused_in_memory_is_refused_here(condition):
    memory = MemoryVectorStore()

    def outcome(ask):
        try:
            ask()
        except Invalid:
            return True
        return False

    assert outcome(lambda: filters.check([condition])) == outcome(lambda: asyncio.run(memory.count([condition])))


def test_an_index_that_covers_no_row_is_kept_out_of_it(tmp_path):
    async def run():
        connection = await lancedb.connect_async(str(tmp_path))
        table = await connection.create_table("memories", schema=SCHEMA)
        await table.create_index("words", config=lancedb.index.FTS(**TOKENIZER))
        await table.add(pa.Table.from_pylist([row(record("a", "a cache")), row(record("b"))], SCHEMA))
        found = await table.count_rows(await filters.predicate(table, [Condition("text", "has", "caches")]))
        await table.optimize()
        await table.delete("true")
        await table.add(pa.Table.from_pylist([row(record("a", "a cache"))], SCHEMA))
        again = await table.count_rows(await filters.predicate(table, [Condition("text", "has", "caches")]))
        return found, again

    assert asyncio.run(run()) == (1, 1)
