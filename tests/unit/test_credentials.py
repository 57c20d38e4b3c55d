"""Secrets come from the environment, else from the keyring, and show nowhere."""

import pytest
from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.credentials import Credentials, Secret, s3_access
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.settings import Settings, load

KEYS = {"SESSION_MGMT_S3_ACCESS_KEY_ID": "AKIAOFENVIRONMENT", "SESSION_MGMT_S3_SECRET_ACCESS_KEY": "hush-environment"}


@pytest.fixture
def ring():
    return MemorySecretStore()


def credentials(ring, environment=None):
    return Credentials(ring, lambda: environment or {})


async def test_the_environment_wins_over_the_keyring(ring):
    await ring.set(Secret.REDIS_PASSWORD, "of the keyring")
    assert await credentials(ring).get(Secret.REDIS_PASSWORD) == "of the keyring"
    told = credentials(ring, {"SESSION_MGMT_REDIS_PASSWORD": "told"})
    assert await told.get(Secret.REDIS_PASSWORD) == "told"


async def test_a_machine_without_a_keyring_still_has_its_environment():
    nowhere = MemorySecretStore(there=False)
    assert await credentials(nowhere).get(Secret.REDIS_PASSWORD) is None
    assert (await s3_access(load(), credentials(nowhere, KEYS))).access_key_id == "AKIAOFENVIRONMENT"


async def test_the_keys_of_s3_come_from_one_place(ring):
    await ring.set(Secret.S3_ACCESS_KEY_ID, "id of the keyring")
    await ring.set(Secret.S3_SECRET_ACCESS_KEY, "key of the keyring")
    await ring.set(Secret.S3_SESSION_TOKEN, "token of the keyring")
    assert (await s3_access(load(), credentials(ring))).session_token == "token of the keyring"
    assert (await s3_access(load(), credentials(ring, KEYS))).session_token is None
    with pytest.raises(Invalid, match="SESSION_MGMT_S3_SECRET_ACCESS_KEY"):
        await s3_access(load(), credentials(ring, {"SESSION_MGMT_S3_ACCESS_KEY_ID": "alone"}))


async def test_what_is_missing_is_named(ring):
    with pytest.raises(Invalid, match="ACCESS_KEY_ID and SESSION_MGMT_S3_SECRET_ACCESS_KEY") as caught:
        await s3_access(load(), credentials(ring))
    assert "\n" not in str(caught.value)


async def test_nothing_that_is_printed_holds_a_key(ring):
    access = await s3_access(load(), credentials(ring, {**KEYS, "SESSION_MGMT_S3_SESSION_TOKEN": "hush-token"}))
    assert access.session_token == "hush-token"
    for shown in (repr(access), str(access), repr(credentials(ring, KEYS))):
        assert "hush" not in shown and "AKIA" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hush@host/0",
        "redis://me:hush@host",
        "rediss://host?password=hush",
        "unix:///run/redis.sock?password=hush",
        "redis://:@host",
    ],
)
def test_a_password_in_the_address_of_redis_is_refused_without_a_word_of_it(url, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_REDIS_URL", url)
    with pytest.raises(Invalid, match="SESSION_MGMT_REDIS_PASSWORD") as caught:
        load()
    assert "hush" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://key:hush@host", "https://hush@host", "http://host/?token=hush"])
def test_keys_in_the_address_of_s3_are_refused_without_a_word_of_them(url):
    with pytest.raises(Invalid, match="SESSION_MGMT_S3_SECRET_ACCESS_KEY") as caught:
        load(s3_endpoint=url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "setting",
    [
        {"redis_url": "http://host"},
        {"redis_url": "host:6379"},
        {"redis_url": "redis://host:port"},
        {"redis_url": "redis://[::1"},
        {"redis_url": "unix://"},
        {"redis_namespace": "a b"},
        {"redis_namespace": ""},
        {"s3_bucket": "No Bucket"},
        {"s3_prefix": "/absolute"},
        {"s3_prefix": "up/../there"},
        {"s3_prefix": "ends/"},
        {"s3_endpoint": "ftp://host"},
        {"s3_region": ""},
        {"shared_storage": "mongo"},
    ],
)
def test_what_is_no_place_is_refused_by_its_name(setting):
    with pytest.raises(Invalid, match=next(iter(setting))):
        load(**setting)


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:7000/3", "rediss://me@redis.example.com:6380", "unix:///run/redis.sock"]
)
def test_an_address_without_secrets_is_taken(url):
    assert load(redis_url=url).redis_url == url


def test_no_setting_has_room_for_a_secret():
    assert not [name for name in Settings.model_fields if any(word in name for word in ("password", "secret", "key"))]
