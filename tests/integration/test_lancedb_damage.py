"""What Lance opens without a word although its files are not as they were written."""

import random
import shutil

import pytest
from session_mgmt_mcp.adapters.lancedb import indexes, syncing
from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
from session_mgmt_mcp.contracts.samples import names, pointing, record
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, Unsupported
from session_mgmt_mcp.ports.vector_store import Condition

pytestmark = pytest.mark.slow


async def filled(folder):
    store = await LanceDBVectorStore.open(str(folder))
    some = [record(f"r{n}", f"some words {n} " * 20, vector=pointing(1, n), model_id="m") for n in range(300)]
    await store.upsert(some)
    await store.upsert([record(f"n{n}", f"other words {n} " * 20) for n in range(50)])
    await store.delete([Condition("id", "=", "r7")])
    await store.close()
    return folder


async def state(folder):
    """All of it is as it was written, or it is said to be damaged."""
    try:
        store = await LanceDBVectorStore.open(str(folder))
    except Corrupt as error:
        assert error.where == folder
        return "damaged"
    try:
        assert await store.verify() == 349
        assert len(await store.search_lexical("words", (), 500)) == 349
        return "whole"
    except Corrupt:
        return "damaged"
    finally:
        await store.close()


def flipped(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 0xFF
    file.write_bytes(data)


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file):
    file.write_bytes(bytes(file.stat().st_size))


def newest(folder, pattern):
    return max(folder.rglob(pattern), key=lambda file: (file.stat().st_mtime_ns, file.name))


async def test_what_is_damaged_is_said_and_left_untouched(tmp_path):
    folder = await filled(tmp_path / "memories")
    file = newest(folder, "data/*.lance")
    flipped(file, file.stat().st_size // 2)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert await state(folder) == "damaged"
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("harm", [cut, emptied, lambda file: file.unlink()])
@pytest.mark.parametrize("pattern", ["data/*.lance", "_deletions/*", "_versions/*.manifest"])
async def test_no_file_of_the_newest_version_goes_missing_unnoticed(tmp_path, harm, pattern):
    folder = await filled(tmp_path / "memories")
    files = sorted(folder.rglob(pattern))
    harm(files[0])  # of manifests the first in order is the newest
    assert await state(folder) == "damaged"


async def test_a_damaged_index_is_made_anew(tmp_path):
    folder = await filled(tmp_path / "memories")
    for file in folder.rglob("_indices/*/*"):
        emptied(file)
    store = await LanceDBVectorStore.open(str(folder))
    assert len(await store.search_lexical("words", (), 500)) == 349
    await indexes.ensure(await store._opened())
    await store.close()


async def test_wherever_a_byte_is_flipped_nothing_wrong_is_answered(tmp_path):
    folder = await filled(tmp_path / "memories")
    chance = random.Random(7)
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        for _ in range(4):
            copy = tmp_path / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(folder, copy)
            flipped(copy / file.relative_to(folder), chance.randrange(file.stat().st_size))
            found.append(await state(copy))
    assert {"whole", "damaged"} == set(found)


async def test_a_changed_text_is_found_when_it_is_read(tmp_path):
    """The sum of a record is of what it says, so it does not matter where the change came from."""
    store = await LanceDBVectorStore.open(str(tmp_path / "memories"))
    await store.upsert([record("a", "the true text"), record("b")])
    await (await store._opened()).update(where="id = 'a'", updates={"text": "a forged text"})
    assert [one.id for one in await store.get(["b"])] == ["b"]
    for reading in (store.get(["a"]), store.scan(()), store.listed((), "newest"), store.backup(tmp_path / "copy")):
        with pytest.raises(Corrupt, match="'a'"):
            await reading
    assert not (tmp_path / "copy").exists()
    await store.close()


@pytest.mark.parametrize("column", ["words", "length", "month", "votes"])
async def test_what_searches_need_beside_a_record_is_verified_too(tmp_path, column):
    store = await LanceDBVectorStore.open(str(tmp_path / "memories"))
    await store.upsert([record("a", "the true text")])
    assert await store.verify() == 1
    other = {"words": "forg", "month": "1999-01"}.get(column, 77)
    await (await store._opened()).update(where="id = 'a'", updates={column: other})
    with pytest.raises(Corrupt, match="'a'"):
        await store.verify()
    await store.close()


async def test_a_changed_vector_is_found_when_it_is_read(tmp_path):
    store = await LanceDBVectorStore.open(str(tmp_path / "memories"))
    await store.upsert([record("a", vector=pointing(1), model_id="m")])
    await (await store._opened()).update(where="id = 'a'", updates={"vector": pointing(0, 1).tolist()})
    for reading in (store.vectors(["a"]), store.verify()):
        with pytest.raises(Corrupt):
            await reading
    await store.close()


async def test_a_newer_schema_and_a_table_of_somebody_else_are_refused(tmp_path):
    import lancedb
    import pyarrow as pa
    from session_mgmt_mcp.adapters.lancedb import schema

    for name, made, error in (
        ("newer", schema.SCHEMA.with_metadata({schema.VERSION_KEY: b"99"}), Unsupported),
        ("other", pa.schema([pa.field("x", pa.int64())]), Invalid),
    ):
        database = await lancedb.connect_async(str(tmp_path / name))
        await database.create_table(schema.TABLE, schema=made)
        with pytest.raises(error):
            await LanceDBVectorStore.open(str(tmp_path / name))


async def test_what_returned_is_on_the_disk_and_what_names_it_came_later(tmp_path, monkeypatch):
    store = await LanceDBVectorStore.open(str(tmp_path / "memories"))
    synced = []
    monkeypatch.setattr(syncing, "sync", lambda path: synced.append(str(path)))
    await store.upsert([record("a")])
    table = tmp_path / "memories" / "memories.lance"
    data, manifest = newest(table, "data/*.lance"), min(table.glob("_versions/*.manifest"))
    assert {str(path) for path in (data, data.parent, manifest, manifest.parent)} <= set(synced)
    assert synced.index(str(data)) < synced.index(str(manifest))
    await store.close()


async def test_files_are_their_owners_only(tmp_path):
    folder = await filled(tmp_path / "memories")
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0}
    store = await LanceDBVectorStore.open(str(folder))
    assert names(await store.latest((), 1)) == ["n0"]
    await store.close()
