import json
from datetime import UTC, datetime, timedelta

import pytest
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.access_tokens import COLLECTION, Tokens, lifetime
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.ports.errors import Invalid, NotFound


class Clock:
    def __init__(self):
        self.time = datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC)

    def now(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def storage(clock):
    return MemorySessionStorage(clock.now)


@pytest.fixture
def tokens(storage, clock):
    import secrets

    return Tokens(storage, clock, secrets.token_bytes)


async def test_whoever_has_the_token_is_known_by_it(tokens):
    made, secret = await tokens.create("bob", Role.MEMBER, timedelta(days=90), "laptop")
    assert await tokens.holder(secret) == made
    assert (made.user, made.role, made.name) == ("bob", Role.MEMBER, "laptop")
    for wrong in (secret[:-1], secret[:-1] + ("0" if secret[-1] != "0" else "1"), "", "sessmgmt_", secret.upper()):
        assert await tokens.holder(wrong) is None


async def test_a_token_has_256_random_bits_and_is_not_stored(tokens, storage):
    made, secret = await tokens.create("bob", Role.MEMBER, None)
    assert len(bytes.fromhex(secret.rpartition("_")[2])) == 32
    document = await storage.get(COLLECTION, made.id)
    assert secret not in json.dumps(dict(document.body))
    assert secret.rpartition("_")[2] not in json.dumps(dict(document.body))


async def test_the_entropy_is_what_was_asked_for(storage, clock):
    asked = []
    tokens = Tokens(storage, clock, lambda count: asked.append(count) or bytes(range(len(asked), len(asked) + count)))
    await tokens.create("bob", Role.MEMBER, None)
    assert asked == [6, 32]


async def test_it_ends_when_it_expires(tokens, clock):
    _, secret = await tokens.create("bob", Role.MEMBER, timedelta(hours=1))
    clock.time += timedelta(minutes=59)
    assert await tokens.holder(secret)
    assert await tokens.any_valid()
    clock.time += timedelta(minutes=1)
    assert await tokens.holder(secret) is None
    assert not await tokens.any_valid()
    assert [token.user for token in await tokens.list()] == ["bob"], "a list still shows what expired lately"
    clock.time += timedelta(days=31)
    assert await tokens.list() == []


async def test_it_ends_when_it_is_revoked(tokens):
    made, secret = await tokens.create("bob", Role.OWNER, None)
    assert (await tokens.revoke(made.id)).user == "bob"
    assert await tokens.holder(secret) is None
    with pytest.raises(NotFound, match="token list"):
        await tokens.revoke(made.id)
    with pytest.raises(NotFound):
        await tokens.revoke("../x")


async def test_last_use_is_noted_to_the_hour_and_once_an_hour(tokens, storage, clock):
    made, secret = await tokens.create("bob", Role.MEMBER, timedelta(days=1))
    await tokens.note_use(made)
    used = await tokens.holder(secret)
    assert used.used == datetime(2026, 11, 22, 12, tzinfo=UTC)
    before = (await storage.get(COLLECTION, made.id)).version
    await tokens.note_use(used)
    assert (await storage.get(COLLECTION, made.id)).version == before
    clock.time += timedelta(hours=1)
    await tokens.note_use(used)
    assert (await tokens.holder(secret)).used == datetime(2026, 11, 22, 13, tzinfo=UTC)


async def test_noting_its_use_does_not_bring_a_revoked_token_back(tokens, storage, clock):
    made, secret = await tokens.create("bob", Role.MEMBER, None)
    got = storage.get

    async def revoked_in_between(collection, id):
        document = await got(collection, id)
        await storage.delete(collection, id)
        return document

    storage.get = revoked_in_between
    await tokens.note_use(made)
    storage.get = got
    assert await tokens.holder(secret) is None


@pytest.mark.parametrize("user", ["", "../x", "a b", ".hidden", "x" * 201])
async def test_a_user_is_a_name_that_a_document_may_have(tokens, user):
    with pytest.raises(Invalid, match="user"):
        await tokens.create(user, Role.MEMBER, None)


async def test_what_a_token_is_for_is_redacted(tokens):
    made, _ = await tokens.create("bob", Role.MEMBER, None, "for ghp_" + "WURexfkIt48vxIOerFqTH6g86B4HbFss23rr")
    assert "WURexf" not in made.name


async def test_a_token_in_a_conversation_is_redacted(tokens):
    _, secret = await tokens.create("bob", Role.MEMBER, None)
    for text in (secret, f"Bearer {secret}.", f"x{secret}", f"cut off: {secret[:50]}"):
        assert secret[10:40] not in redact(text).text, text
    assert redact("tokens begin with sessmgmt_ and an id").text == "tokens begin with sessmgmt_ and an id"


@pytest.mark.parametrize("text", ["", "90", "0d", "d", "-1d", "9999999d", "1m", "90 d", "Never"])
def test_a_lifetime_that_is_none_is_refused_with_examples(text):
    with pytest.raises(Invalid, match="12h, 90d or 2w"):
        lifetime(text)


def test_lifetimes():
    assert [lifetime(text) for text in ("12h", "90d", "2w", "never")] == [
        timedelta(hours=12),
        timedelta(days=90),
        timedelta(days=14),
        None,
    ]
