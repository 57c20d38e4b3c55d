"""Teams over real engines, each machine with connections of its own."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.lancedb.connection import s3_options
from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.redis.session_storage import RedisSessionStorage
from session_mgmt_mcp.adapters.s3.session_storage import S3SessionStorage
from session_mgmt_mcp.domain.teams.knowledge import Asked
from session_mgmt_mcp.domain.teams.roles import Role
from session_mgmt_mcp.ports.errors import NotFound

from tests.unit.teams.worlds import Hub, core

PROXY = "The proxy listens on port 8081 because nginx has 8080"
Open = Callable[[], Awaitable[tuple[Any, Any]]]


def duckdb(request, tmp_path) -> Open:
    """One machine: both of its services share the one process that may open the file."""
    stores: list[DuckDBVectorStore] = []

    async def opened() -> tuple[Any, Any]:
        if not stores:
            stores.append(await DuckDBVectorStore.open(tmp_path / "data" / "memories.duckdb"))
        return LocalSessionStorage(tmp_path / "documents"), stores[0]

    return opened


def redis_and_folder(request, tmp_path) -> Open:
    server, namespace = request.getfixturevalue("redis"), secrets.token_hex(4)

    async def opened() -> tuple[Any, Any]:
        store = await LanceDBVectorStore.open(str(tmp_path / "team.lance"))
        return RedisSessionStorage(server.url, server.password, namespace), store

    return opened


def s3_alone(request, tmp_path) -> Open:
    server, prefix = request.getfixturevalue("s3"), secrets.token_hex(4)
    keys = {"access_key_id": server.access_key_id, "secret_access_key": server.secret_access_key}

    async def opened() -> tuple[Any, Any]:
        options = s3_options(server.endpoint, server.region, server.access_key_id, server.secret_access_key)
        store = await LanceDBVectorStore.open(f"s3://{server.bucket}/{prefix}/memories", options)
        return S3SessionStorage(server.bucket, f"{prefix}/documents", server.endpoint, **keys), store

    return opened


ENGINES = [duckdb, redis_and_folder, pytest.param(s3_alone, marks=pytest.mark.slow)]


@pytest.fixture(params=ENGINES, ids=lambda made: made.__name__)
async def machines(request, tmp_path):
    """Two of them, and the team `core`."""
    open_one = request.param(request, tmp_path)
    opened = [await open_one() for _ in range(2)]
    hubs = [Hub(storage, store) for storage, store in opened]
    await core(hubs[0])
    yield hubs
    for storage, store in opened:
        await storage.close()
        await store.close()


async def test_what_one_machine_shares_the_other_finds_at_once_and_loses_at_once(machines):
    one, two = machines
    shared = await one.sharing.share(await one.remember(PROXY * 40, tags=("ops",)), "core", "mia")
    known = await two.knowledge.search("vera", Asked("which port has the proxy", tags=("ops",)))
    [(record, shown, score)] = known.hits
    assert record.id == shared.id and "8081" in shown and score > 0.5
    assert (await two.knowledge.show(shared.id, "vera")).text == PROXY * 40
    await two.teams.remove("core", "vera", "ann")
    assert await one.found("vera", "proxy") == [] == await two.found("vera", "proxy")
    await two.sharing.unshare(shared.id, "core", "adam")
    assert await one.found("mia", "proxy") == [] and await one.store.count([]) == 0


async def test_votes_of_eight_members_at_once_on_two_machines_are_all_counted(machines):
    one, two = machines
    shared = await one.sharing.share(await one.remember(PROXY), "core", "mia")
    users = [f"u{n}" for n in range(8)]
    await asyncio.gather(*(machines[n % 2].teams.add("core", user, Role.MEMBER, "ann") for n, user in enumerate(users)))
    assert len((await two.teams.get("core", "ann")).members) == 12
    for votes in ([1] * 8, [1, -1, 1, 0, 1, -1, 1, 1]):
        cast = zip(users, votes, strict=True)
        said = [machines[n % 2].voting.vote(shared.id, user, vote, own=False) for n, (user, vote) in enumerate(cast)]
        await asyncio.gather(*said)
        told = await one.knowledge.statistics("core", "ann")
        assert (told.votes, told.top[0].metadata["votes"]) == (sum(votes), sum(votes))
    record = await two.knowledge.show(shared.id, "ann")
    assert record.text == PROXY and record.id in await two.store.vectors([record.id])


async def test_both_machines_share_the_same_at_once_and_it_is_one(machines):
    ids = [await hub.remember(PROXY * 40) for hub in machines]
    asked = zip(machines, ids, ("mia", "ann"), strict=True)
    shared = await asyncio.gather(*(hub.sharing.share(memory, "core", user) for hub, memory, user in asked))
    assert len({one.id for one in shared}) == 1
    told = await machines[0].knowledge.statistics("core", "vera")
    assert told.shared == 1 and sum(told.by_member.values()) == 1


async def test_a_team_is_deleted_with_all_it_shared_while_others_search_it(machines):
    one, two = machines
    for n in range(6):
        await one.sharing.share(await one.remember(f"{PROXY} number {n}"), "core", "mia")

    async def searched() -> int:
        return len(await two.found("vera", "proxy"))

    gone, *seen = await asyncio.gather(one.sharing.delete_team("core", "ann"), *(searched() for _ in range(6)))
    assert gone == 6 and set(seen) <= set(range(7))
    assert await two.found("vera", "proxy") == [] and await two.store.count([]) == 0
    with pytest.raises(NotFound):
        await two.knowledge.statistics("core", "ann")
    _, new = await two.teams.create("core", "", "", "otto")
    assert new and await two.found("otto", "proxy") == []
