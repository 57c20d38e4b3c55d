"""Files of the product that this one replaces."""

from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest
from session_mgmt_mcp.adapters.duckdb import original
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.samples import all_ids, names
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition

CONVERSATIONS = """create table conversations(
    id varchar primary key, content text not null, embedding float[384], project varchar, timestamp timestamp, metadata json)"""
REFLECTIONS = """create table reflections(
    id varchar primary key, content text not null, embedding float[384], tags varchar[], timestamp timestamp, metadata json)"""


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "reflection.duckdb"


def written(path, *statements):
    with duckdb.connect(str(path)) as raw:
        for statement in statements:
            raw.execute(statement)


@pytest.fixture
def of_the_original(path):
    written(
        path,
        CONVERSATIONS,
        REFLECTIONS,
        "insert into conversations values ('c1', 'password=hunter2 in the shop', null, 'shop', '2025-05-01 10:00:00', '{\"a\": 1}')",
        "insert into conversations values ('c2', 'emoji 🧀', null, null, null, null)",
        "insert into reflections values ('r1', 'use postgres', null, ['db', 'decision'], '2025-06-01 10:00:00', null)",
        "insert into reflections select 'bulk' || i, 'bulk reflection ' || i, null, [], now()::timestamp, null from range(2500) t(i)",
    )
    return path


def redacted(record):
    return [replace(record, text=record.text.replace("hunter2", "[secret]"))]


async def test_its_rows_become_records_through_the_cleaner(of_the_original):
    store = await DuckDBVectorStore.open(of_the_original, adopt=redacted)
    assert await store.facets("kind", ()) == {"reflection": 2501, "turn": 2}
    [hit] = await store.search_lexical("shop", (), 5)
    [record] = await store.get([hit.id])
    assert record.text == "password=[secret] in the shop"
    assert (record.project, record.time) == ("shop", datetime(2025, 5, 1, 10, tzinfo=UTC))
    assert record.metadata == {"source": "original", "original": {"a": 1}}
    assert await store.search_lexical("hunter2", (), 5) == []
    [decision] = await store.get(names(await store.search_lexical("postgres", [Condition("tags", "has", "db")], 5)))
    assert decision.tags == ("db", "decision")
    await store.close()
    assert b"hunter2" not in of_the_original.read_bytes()


async def test_the_file_is_backed_up_first_and_the_backup_opens(of_the_original):
    await (await DuckDBVectorStore.open(of_the_original, adopt=redacted)).close()
    [backup] = of_the_original.parent.glob("*.original-*")
    assert backup.stat().st_mode & 0o777 == 0o600
    with duckdb.connect(str(backup), read_only=True) as raw:
        assert raw.execute("select count(*) from reflections").fetchone() == (2501,)
    assert sorted(one.name for one in of_the_original.parent.iterdir() if not one.name.endswith(".index")) == [
        of_the_original.name,
        backup.name,
    ]


async def test_opening_again_takes_nothing_over_twice(of_the_original):
    store = await DuckDBVectorStore.open(of_the_original, adopt=redacted)
    found = await all_ids(store, 1000)
    await store.close()
    store = await DuckDBVectorStore.open(of_the_original, adopt=redacted)
    assert await all_ids(store, 1000) == found
    await store.close()
    assert len(list(of_the_original.parent.glob("*.original-*"))) == 1


async def test_ids_are_the_same_however_often_a_file_is_taken_over(of_the_original, tmp_path):
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(of_the_original.read_bytes())
    found = []
    for path in (of_the_original, copy):
        store = await DuckDBVectorStore.open(path, adopt=redacted)
        found.append(await all_ids(store, 1000))
        await store.close()
    assert found[0] == found[1]


async def test_killed_half_way_it_is_done_again(of_the_original, monkeypatch):
    before = of_the_original.read_bytes()
    for name in ("build", "publishable", "sync_folder"):
        with monkeypatch.context() as patch:
            patch.setattr(original, name, die)
            with pytest.raises(KeyboardInterrupt):
                await DuckDBVectorStore.open(of_the_original, adopt=redacted)
    store = await DuckDBVectorStore.open(of_the_original, adopt=redacted)
    assert await store.count(()) == 2503
    await store.close()
    assert [one.read_bytes() for one in of_the_original.parent.glob("*.original-*")] == [before]


def die(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "statements",
    [
        ["create table conversations(id varchar, content text)", "insert into conversations values ('a', 'needle')"],
        [
            "create table reflections(id integer, content text, tags varchar[], timestamp varchar)",
            "insert into reflections values (1, 'needle', null, '2025-01-02T03:04:05'), (null, 'lost', [], ''), (3, null, [], '')",
        ],
        [
            CONVERSATIONS.replace("timestamp timestamp", "timestamp double"),
            "insert into conversations values ('a', 'needle', null, 'p', 1750000000.5, null)",
        ],
    ],
)
async def test_missing_columns_and_odd_values_stop_nothing(path, statements):
    written(path, *statements)
    store = await DuckDBVectorStore.open(path, adopt=redacted)
    assert len(await store.search_lexical("needle", (), 5)) == 1
    assert await store.count(()) == 1
    await store.close()


async def test_an_empty_file_of_its_is_taken_over_too(path):
    written(path, CONVERSATIONS, REFLECTIONS)
    store = await DuckDBVectorStore.open(path, adopt=redacted)
    assert await store.count(()) == 0
    await store.close()


async def test_a_row_may_become_parts_or_nothing(path):
    written(
        path,
        CONVERSATIONS,
        "insert into conversations values ('a', 'alpha', null, '', null, null)",
        "insert into conversations values ('b', 'beta', null, '', null, null)",
    )

    def adopt(record):
        return [record, replace(record, id=record.id + ".1", parent=record.id)] if record.text == "alpha" else []

    store = await DuckDBVectorStore.open(path, adopt=adopt)
    assert len(await store.search_lexical("alpha", (), 5)) == 2
    assert await store.count(()) == 2
    await store.close()


async def test_without_a_cleaner_it_is_refused_and_left_as_it_is(of_the_original):
    before = of_the_original.read_bytes()
    with pytest.raises(Invalid, match="adopt"):
        await DuckDBVectorStore.open(of_the_original)
    assert of_the_original.read_bytes() == before
