"""Secrets: the keyring adapter over a real Secret Service, on a bus that nobody else is on."""

import asyncio
import threading
import time
import uuid

import keyring.backend
import pytest
from session_mgmt_mcp.adapters.keyring.secret_store import KeyringSecretStore
from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.contracts.secret_store import SecretStoreContract
from session_mgmt_mcp.ports.errors import Unavailable


@pytest.fixture
def secrets(secret_service, monkeypatch):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", secret_service)
    return KeyringSecretStore(f"test-{uuid.uuid4().hex}")


class TestKeyring(SecretStoreContract):
    @pytest.fixture
    def secrets(self, secrets):
        return secrets

    @pytest.fixture
    def nowhere(self, monkeypatch):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/dev/null")
        return KeyringSecretStore()


class TestMemory(SecretStoreContract):
    @pytest.fixture
    def secrets(self):
        return MemorySecretStore()

    @pytest.fixture
    def nowhere(self):
        return MemorySecretStore(there=False)


async def test_another_process_of_the_user_finds_it(secrets, secret_service):
    await secrets.set("redis-password", "kept")
    assert await KeyringSecretStore(secrets._service).get("redis-password") == "kept"


async def test_a_keyring_that_arrives_later_is_found(secret_service, monkeypatch):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/dev/null")
    vars(keyring.backend.get_all_keyring).pop("saved_result", None)  # as in a process that has not looked yet
    secrets = KeyringSecretStore(f"test-{uuid.uuid4().hex}")
    assert await secrets.get("redis-password") is None
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", secret_service)
    await secrets.set("redis-password", "kept")
    assert await secrets.get("redis-password") == "kept"


async def test_a_keyring_that_was_switched_off_keeps_nothing_and_says_so(monkeypatch):
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    with pytest.raises(Unavailable, match="SESSION_MGMT_REDIS_PASSWORD"):
        await KeyringSecretStore().set("redis-password", "lost")


class Waiting:  # no subclass of keyring's: those are all looked up
    """A keyring that asks its user, who is not there."""

    def __init__(self):
        self.answered = threading.Event()
        self.asked = 0

    def get_password(self, service, username):
        self.asked += 1
        self.answered.wait(30)
        return "late"

    set_password = delete_password = get_password


async def test_a_keyring_that_waits_for_its_user_holds_nobody_up(monkeypatch):
    monkeypatch.setattr("session_mgmt_mcp.adapters.keyring.secret_store.ANSWER_SECONDS", 0.1)
    waiting = Waiting()
    secrets = KeyringSecretStore(backend=waiting)
    began = time.monotonic()
    assert await secrets.get("redis-password") is None
    assert await secrets.get("redis-password") is None  # nor is it asked a second time meanwhile
    assert time.monotonic() - began < 5 and waiting.asked == 1
    with pytest.raises(Unavailable, match="waits for its user"):
        await secrets.set("redis-password", "s3cret")
    waiting.answered.set()
    async with asyncio.timeout(10):
        while secrets._waits:
            await asyncio.sleep(0.01)
    assert await secrets.get("redis-password") == "late"


async def test_two_who_ask_at_once_are_both_answered(secrets):
    await secrets.set("redis-password", "kept")
    assert await asyncio.gather(*(secrets.get("redis-password") for _ in range(5))) == ["kept"] * 5


class Quoting:
    def get_password(self, service, username):
        return None

    def set_password(self, service, username, password):
        raise RuntimeError(f"cannot keep {password}")


async def test_what_a_keyring_says_of_its_failure_is_not_passed_on():
    with pytest.raises(Unavailable) as caught:
        await KeyringSecretStore(backend=Quoting()).set("redis-password", "s3cret")
    assert "s3cret" not in str(caught.value) and caught.value.__suppress_context__
