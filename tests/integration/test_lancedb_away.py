"""An S3 server that is away, hangs, refuses, or comes back."""

import time

import pytest
from session_mgmt_mcp.adapters.lancedb import connection, store
from session_mgmt_mcp.adapters.lancedb.connection import place_of, s3_options
from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
from session_mgmt_mcp.contracts.samples import all_ids, record
from session_mgmt_mcp.ports.errors import Invalid, Unavailable

pytestmark = pytest.mark.slow


def options_of(server, **other):
    given = {"endpoint": server.endpoint, "region": server.region, "key_id": server.access_key_id}
    return s3_options(**{**given, "secret": server.secret_access_key, **other})


def test_an_address_without_keys_asks_nobody_for_any():
    with pytest.raises(Invalid, match="S3_ACCESS_KEY_ID"):
        place_of("s3://bucket/memories", {})


def test_a_place_shows_no_key():
    place = place_of("s3://bucket/memories", s3_options("", "eu-west-1", "hidden-id", "hidden-secret"))
    assert "hidden" not in f"{place} {place!r}"


@pytest.mark.parametrize("wrong", ["s3://", "gs://bucket/x", "db://cloud", "s3://id:key@bucket/x"])
def test_another_address_is_refused(wrong):
    with pytest.raises(Invalid):
        place_of(wrong, {})


def test_a_folder_may_be_called_like_an_address_of_lances_cloud(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place_of("db1", None).folder == tmp_path / "db1"


async def test_nobody_there_is_said_in_one_sentence_and_soon():
    away = s3_options("http://127.0.0.1:9", "us-east-1", "hidden-id", "hidden-secret")
    began = time.monotonic()
    with pytest.raises(Unavailable) as error:
        await LanceDBVectorStore.open("s3://bucket/memories", away)
    assert time.monotonic() - began < 15
    assert "s3://bucket/memories does not answer" in str(error.value) and "hidden" not in str(error.value)


async def test_who_asks_again_at_once_does_not_wait_again():
    async def options():
        return s3_options("http://127.0.0.1:9", "us-east-1", "id", "secret")

    away = LanceDBVectorStore.later("s3://bucket/memories", options)
    with pytest.raises(Unavailable):
        await away.count(())
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await away.count(())
    assert time.monotonic() - began < 0.5
    await away.close()


async def test_wrong_keys_and_a_missing_bucket_are_said(s3):
    with pytest.raises(Unavailable, match="credentials") as error:
        await LanceDBVectorStore.open(f"s3://{s3.bucket}/x", options_of(s3, secret="wrong-secret"))
    assert "wrong-secret" not in str(error.value)


async def test_what_was_written_before_the_server_died_is_there_when_it_is_back(monkeypatch):
    from tests.services import s3_server

    monkeypatch.setattr(store, "PATIENCE", 8.0)
    monkeypatch.setattr(
        connection, "NETWORK_OPTIONS", {**connection.NETWORK_OPTIONS, "timeout": "2s", "client_retry_timeout": "4"}
    )
    with s3_server() as (server, program):
        opened = await LanceDBVectorStore.open(f"s3://{server.bucket}/memories", options_of(server))
        await opened.upsert([record(f"r{n}") for n in range(5)])
        with program.hanging():
            began = time.monotonic()
            with pytest.raises(Unavailable, match="does not answer"):
                await opened.upsert([record("hung"), record("hung too")])
            assert time.monotonic() - began < 40
        program.kill()
        for call in (opened.count(()), opened.upsert([record("lost"), record("lost too")])):
            with pytest.raises(Unavailable, match="does not answer"):
                await call
        program.start()
        await opened.upsert([record("after")])
        found = set(await all_ids(opened))
        assert {f"r{n}" for n in range(5)} | {"after"} <= found
        assert len(found & {"hung", "hung too"}) in (0, 2) and len(found & {"lost", "lost too"}) in (0, 2)
        await opened.close()
