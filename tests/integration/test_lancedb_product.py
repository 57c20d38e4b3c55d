"""The product with its memories in LanceDB, and with a team's memories beside its own."""

import json

import pytest
from session_mgmt_mcp import doctor, health, memories, restoring
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.contracts.samples import pointing, record
from session_mgmt_mcp.ports.errors import Corrupt, Invalid
from session_mgmt_mcp.settings import load


async def called(client, tool, **arguments):
    return (await client.call_tool(tool, arguments)).structured_content


@pytest.mark.slow
async def test_what_is_stored_in_lancedb_is_found_by_the_next_call_and_the_next_start(product_in, shop):
    async with product_in(shop, vector_store="lancedb") as (app, client):
        await called(client, "store_reflection", content="The shop's cache is reset at midnight.")
        found = await called(client, "reflect_on_past", query="when is the cache reset")
        assert "midnight" in json.dumps(found)
        assert (app.settings.data_dir / "memories.lance").is_dir()
    async with product_in(shop, vector_store="lancedb") as (_, client):
        assert "midnight" in json.dumps(await called(client, "reflect_on_past", query="cache reset"))


async def test_health_says_where_the_memories_and_those_of_the_team_are(product_in, shop, tmp_path):
    team = str(tmp_path / "team")
    async with product_in(shop, vector_store="lancedb", team_store=team) as (app, _):
        await app.team_store.upsert([record("a")])
        said = {check.name: check for check in await health.checks(app)}
        assert said["permissions"].state == "ok"
        assert "memories.lance" in said["memory"].advice
        assert team in said["team memory"].advice and "records: 1" in said["team memory"].advice
        assert await app.store.count(()) == 0


@pytest.mark.parametrize("chosen", [{"vector_store": "duckdb"}, {"vector_store": "lancedb"}])
async def test_without_a_place_of_its_own_the_team_shares_the_own_store(chosen):
    async with open_application(load(embedder="memory", **chosen)) as app:
        assert app.team_store is app.store


async def test_the_own_place_named_again_is_the_same_store(tmp_path):
    place = str(tmp_path / "one")
    async with open_application(
        load(embedder="memory", vector_store="lancedb", lancedb_uri=place, team_store=place)
    ) as app:
        assert app.team_store is app.store


async def test_the_product_starts_while_the_server_of_its_team_is_away(monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_S3_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("SESSION_MGMT_S3_SECRET_ACCESS_KEY", "hidden-secret")
    away = {"s3_endpoint": "http://127.0.0.1:9", "team_store": "s3://bucket/team"}
    async with open_application(load(embedder="memory", **away)) as app:
        [said] = [check for check in await health.checks(app) if check.name == "team memory"]
    assert said.state == "fail" and "s3://bucket/team" in said.advice and "hidden-secret" not in said.advice


@pytest.mark.parametrize(
    "wrong", ["s3://id:secret@bucket/x", "s3://bucket", "gs://bucket/x", "db://cloud", "s3://bucket/x?secret=1"]
)
def test_an_address_of_another_kind_or_with_secrets_is_refused(wrong):
    for name in ("lancedb_uri", "team_store"):
        with pytest.raises(Invalid, match=name) as refused:
            load(**{name: wrong})
        assert "secret@" not in str(refused.value)


async def test_forgetting_everything_leaves_a_backup_that_can_be_restored(product_in, shop):
    async with product_in(shop, vector_store="lancedb") as (app, client):
        await called(client, "store_reflection", content="The shop's cache is reset at midnight.")
        done = await called(client, "reset_reflection_database", confirm=True)
        assert await app.store.count(()) == 0
        folder = app.settings.data_dir
    settings = load(vector_store="lancedb")
    assert await memories.restored(folder / "backups" / done["backup"], settings) > 0
    async with product_in(shop, vector_store="lancedb") as (_, client):
        assert "midnight" in json.dumps(await called(client, "reflect_on_past", query="cache reset"))
    [before] = folder.glob("memories.lance.replaced-*")
    assert await memories.verified(str(before)) == 0


def test_doctor_and_restore_know_lancedb(tmp_path, monkeypatch):
    import asyncio

    monkeypatch.setenv("SESSION_MGMT_VECTOR_STORE", "lancedb")
    assert "Nothing is stored yet" in memory_of(doctor.examine())["advice"]

    async def fill():
        async with open_application(load(embedder="memory")) as app:
            await app.store.upsert([record(f"r{n}", vector=pointing(1, n), model_id="m") for n in range(3)])
            await app.store.backup(tmp_path / "copy")
            return app.settings.data_dir

    folder = asyncio.run(fill())
    assert memory_of(doctor.examine())["advice"].endswith("is whole: 3 records.")
    assert restoring.restore(tmp_path / "copy", yes=True)["records"] == 3
    assert memory_of(doctor.examine())["advice"].endswith("is whole: 3 records.")
    for file in (folder / "memories.lance").rglob("data/*.lance"):
        file.write_bytes(file.read_bytes()[:-40])
    said = memory_of(doctor.examine())
    assert said["state"] == "fail" and "damaged" in said["advice"]


def memory_of(found):
    [check] = [check for check in found["checks"] if check["name"] == "memory"]
    return check


async def test_a_damaged_backup_is_not_restored(tmp_path):
    settings = load(vector_store="lancedb", embedder="memory")
    async with open_application(settings) as app:
        await app.store.upsert([record(f"r{n}", "some text " * 50) for n in range(500)])
        await app.store.backup(tmp_path / "copy")
    whole = (tmp_path / "copy").read_bytes()
    for at in (len(whole) // 3, len(whole) // 2):
        (tmp_path / "bad").write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        with pytest.raises((Corrupt, Invalid)):
            await memories.restored(tmp_path / "bad", settings)
    assert await memories.verified(str(settings.data_dir / "memories.lance")) == 500
