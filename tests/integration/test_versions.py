"""Data directories of every version there was, opened by today's code: nothing is missing."""

import json
import re
import tarfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from session_mgmt_mcp.adapters.duckdb import backups, row_store, schema, snapshot
from session_mgmt_mcp.adapters.duckdb.ledger import DuckDBImportLedger
from session_mgmt_mcp.adapters.duckdb.query_log import DuckDBQueryLog
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.contracts.samples import all_ids, names
from session_mgmt_mcp.ports import sealed_documents
from session_mgmt_mcp.ports.query_log import Searches
from session_mgmt_mcp.ports.transcript_source import Cursor
from session_mgmt_mcp.ports.vector_store import Condition, Record

from tests.fixtures.schemas import write

FOLDER = Path(write.__file__).parent
FIXTURES = sorted(file.name.removesuffix(".tar.xz") for file in FOLDER.glob("*.tar.xz"))
FIELDS = {field.name for field in fields(Record)} - {"vector"}


def version_of(fixture: str, what: str) -> int:
    found = re.search(rf"{what}(\d+)", fixture)
    return int(found[1]) if found else 0


@pytest.fixture(params=FIXTURES)
def fixture(request, tmp_path):
    """Its name; its files are in `tmp_path`."""
    with tarfile.open(FOLDER / f"{request.param}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return request.param


@pytest.fixture
def database(fixture, tmp_path):
    return tmp_path / "reflection.duckdb"


def plain(record):
    whole = {name: getattr(record, name) for name in FIELDS}
    return {**whole, "metadata": json.loads(json.dumps(whole["metadata"])), "files": sorted(record.files)}


async def assert_everything_is_there(store, version):
    expected = [Record(**one) for one in write.records(FIELDS | {"vector"})]
    found = {record.id: record for record in await store.get([one.id for one in expected])}
    assert sorted(await all_ids(store)) == [one.id for one in expected]
    assert [plain(found[one.id]) for one in expected] == [plain(one) for one in expected]
    vectors = await store.vectors(list(found))
    assert set(vectors) == {one.id for one in expected if one.vector is not None}
    for one in expected:
        if one.vector is not None:
            assert np.array_equal(vectors[one.id], one.vector)
            assert (await store.search_dense(one.vector, (), 1))[0].id == one.id
    assert sorted(names(await store.search_lexical("cashiers", (), 99))) == [one.id for one in expected]
    assert names(await store.search_lexical("7", (), 9)) == ["memory07"]
    assert await store.facets("facts", ()) == {"tool:Edit": 2, "tool:Bash": 2, "outcome:failed": 2}
    assert await store.count([Condition("files", "has", "docs/é.md")]) == 2
    assert (await store.stats()).schema_version == schema.VERSION
    ledger = DuckDBImportLedger(store)
    path = Path(write.FOLDER) / "s0.jsonl"
    assert await ledger.cursor(path) == Cursor(7, 4_096, 12, '{"format": 1}')
    assert await ledger.project_of(write.FOLDER) == "shop"
    searches = await DuckDBQueryLog(store).totals(Searches())
    assert searches.searches == (1 if version >= 3 else 0)


async def test_a_file_of_any_version_is_opened_and_nothing_is_missing(fixture, database):
    for _ in range(2):  # brought up to date, and then as it is
        store = await DuckDBVectorStore.open(database)
        await assert_everything_is_there(store, version_of(fixture, "schema"))
        await store.close()


async def test_a_backup_of_any_version_is_restored(fixture, database, tmp_path):
    snapshot.discard(database)
    database.rename(tmp_path / "old backup")
    assert await backups.restore(tmp_path / "old backup", tmp_path / "new" / "reflection.duckdb") == 12
    store = await DuckDBVectorStore.open(tmp_path / "new" / "reflection.duckdb")
    await assert_everything_is_there(store, version_of(fixture, "schema"))
    await store.close()


async def test_documents_of_any_version_are_read(fixture, tmp_path):
    if "rows" not in fixture:
        return  # written before there were documents
    storage = LocalSessionStorage(tmp_path / "sessions")
    for (collection, id), body in write.DOCUMENTS.items():
        found = await storage.get(collection, id)
        assert found is not None
        assert (found.body, found.version, found.updated) == (body, 2, write.START)
    await storage.close()


def test_every_schema_has_its_file():
    """Fails where the version was raised and nobody kept a file of it: tests/fixtures/schemas/README.md says how."""
    assert {version_of(name, "schema") for name in FIXTURES} == set(range(1, schema.VERSION + 1))


@pytest.mark.parametrize(("what", "version"), [("index", snapshot.FORMAT), ("rows", int(row_store.FORMAT))])
def test_what_is_derived_has_a_file_of_every_older_format(what, version):
    assert {version_of(name, what) for name in FIXTURES} >= set(range(1, version))


def test_the_format_of_documents_has_its_file():
    assert sealed_documents.FORMAT == 1


def test_the_page_beside_them_lists_each():
    page = (FOLDER / "README.md").read_text()
    assert re.findall(r"^\| (schema\S+) \|", page, re.MULTILINE) == FIXTURES
