"""Grants: who may do what, where, since when."""

import asyncio
from datetime import UTC, datetime

import pytest
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.grants import ALL, MEANING, Grant, Grants, Operation
from session_mgmt_mcp.ports.errors import Invalid

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Noon:
    def now(self) -> datetime:
        return NOON


@pytest.fixture
def storage() -> MemorySessionStorage:
    return MemorySessionStorage()


@pytest.fixture
def grants(storage) -> Grants:
    return Grants(storage, Noon())


async def test_nothing_is_allowed_until_somebody_says_so(grants):
    assert await grants.of("shop-1") == []
    for operation in Operation:
        with pytest.raises(
            Invalid, match=rf"{operation} is not allowed in shop-1: .*action=trust.*operation={operation}"
        ):
            await grants.require(operation, "shop-1")


async def test_a_grant_holds_in_its_project_alone_and_says_who_and_when(grants):
    given = await grants.trust(Operation.GIT_COMMIT, "shop-1", "Ada")
    assert given == Grant(Operation.GIT_COMMIT, "shop-1", "Ada", NOON)
    assert await grants.require(Operation.GIT_COMMIT, "shop-1") == given
    for operation, project in ((Operation.GIT_COMMIT, "shop-2"), (Operation.REPO_WRITE, "shop-1")):
        with pytest.raises(Invalid):
            await grants.require(operation, project)


async def test_a_grant_for_all_holds_everywhere_and_survives_revoking_a_project(grants):
    await grants.trust(Operation.GIT_COMMIT, ALL, "Ada")
    assert (await grants.require(Operation.GIT_COMMIT, "größe und mehr-1")).project == ALL
    assert not await grants.revoke(Operation.GIT_COMMIT, "größe und mehr-1")
    assert await grants.require(Operation.GIT_COMMIT, "größe und mehr-1")
    assert await grants.revoke(Operation.GIT_COMMIT, ALL)
    with pytest.raises(Invalid):
        await grants.require(Operation.GIT_COMMIT, "größe und mehr-1")


async def test_what_is_revoked_is_no_longer_allowed(grants):
    for operation in (Operation.REPO_WRITE, Operation.GIT_COMMIT):
        await grants.trust(operation, "shop-1", "Ada")
    assert await grants.revoke(Operation.GIT_COMMIT, "shop-1")
    assert not await grants.revoke(Operation.GIT_COMMIT, "shop-1")
    assert [grant.operation for grant in await grants.of("shop-1")] == [Operation.REPO_WRITE]
    assert await grants.revoke_all("shop-1") == [Operation.REPO_WRITE]
    assert await grants.revoke_all("shop-1") == [] == await grants.of("shop-1")


async def test_who_allowed_it_first_stays(grants):
    await grants.trust(Operation.GIT_COMMIT, "shop-1", "Ada")
    assert (await grants.trust(Operation.GIT_COMMIT, "shop-1", "Grace")).who == "Ada"


async def test_words_that_come_at_once_all_hold(grants):
    await asyncio.gather(*(grants.trust(operation, "shop-1", "Ada") for operation in Operation))
    assert {grant.operation for grant in await grants.of("shop-1")} == set(Operation)


class Late(MemorySessionStorage):
    """Somebody else always writes between a reading and the writing after it, three times."""

    times = 3

    async def put(self, collection, id, body, *, expected_version=None, expires=None):
        if self.times:
            self.times -= 1
            other = {**body, "granted": {f"later_{self.times}": {"who": "x", "when": NOON.isoformat()}}}
            await super().put(collection, id, other)
        return await super().put(collection, id, body, expected_version=expected_version, expires=expires)


async def test_a_word_that_comes_late_takes_nothing_from_the_one_before(storage):
    storage = Late()
    grants = Grants(storage, Noon())
    await grants.trust(Operation.GIT_COMMIT, ALL, "Ada")
    document = await storage.get("grants", "all")
    assert set(document.body["granted"]) == {"git_commit", "later_0"}
    assert [grant.operation for grant in await grants.of("shop-1")] == [Operation.GIT_COMMIT]


async def test_a_name_that_holds_a_secret_is_kept_without_it(grants):
    given = await grants.trust(Operation.GIT_COMMIT, ALL, "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8")
    assert "redacted" in given.who


def test_each_operation_is_explained():
    assert set(MEANING) == set(Operation)
