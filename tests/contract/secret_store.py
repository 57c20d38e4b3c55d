"""What every SecretStore does."""

import logging
import traceback

import pytest
from session_mgmt_mcp.ports.errors import Invalid, Unavailable
from session_mgmt_mcp.ports.secret_store import MOST_CHARACTERS, SecretStore

SECRET = "correct horse, Über-größe 日本 \U0001f600 'quoted' \\ \"twice\" $HOME %s"


class SecretStoreContract:
    """Subclass it and give fixtures: an empty `secrets`, and `nowhere` of a machine on which nothing can be kept."""

    async def test_what_is_set_is_got(self, secrets: SecretStore) -> None:
        await secrets.set("redis-password", SECRET)
        assert await secrets.get("redis-password") == SECRET

    async def test_the_last_one_set_counts(self, secrets: SecretStore) -> None:
        await secrets.set("redis-password", "first")
        await secrets.set("redis-password", "second")
        assert await secrets.get("redis-password") == "second"

    async def test_each_name_has_its_own(self, secrets: SecretStore) -> None:
        await secrets.set("s3-access-key-id", "who")
        await secrets.set("s3-secret-access-key", "what")
        assert await secrets.get("s3-access-key-id") == "who"
        assert await secrets.get("s3-secret-access-key") == "what"

    async def test_what_was_never_set_is_none(self, secrets: SecretStore) -> None:
        assert await secrets.get("redis-password") is None

    async def test_what_is_deleted_is_gone_and_only_once(self, secrets: SecretStore) -> None:
        await secrets.set("redis-password", SECRET)
        assert await secrets.delete("redis-password")
        assert await secrets.get("redis-password") is None
        assert not await secrets.delete("redis-password")

    async def test_the_longest_secret_fits(self, secrets: SecretStore) -> None:
        await secrets.set("redis-password", "ß" * MOST_CHARACTERS)
        assert await secrets.get("redis-password") == "ß" * MOST_CHARACTERS

    @pytest.mark.parametrize("secret", ["", "x" * (MOST_CHARACTERS + 1), "half \ud800", "nul \0"])
    async def test_what_is_no_secret_is_refused_without_a_word_of_it(self, secrets: SecretStore, secret: str) -> None:
        with pytest.raises(Invalid, match="redis-password") as caught:
            await secrets.set("redis-password", secret)
        assert not secret or secret not in str(caught.value)

    @pytest.mark.parametrize("name", ["", "Redis", "a b", "../x", "a_b", "-a", "a--b", "x" * 101, "ü"])
    async def test_what_is_no_name_is_refused(self, secrets: SecretStore, name: str) -> None:
        for asked in (secrets.get(name), secrets.set(name, "s"), secrets.delete(name)):
            with pytest.raises(Invalid):
                await asked

    async def test_where_nothing_can_be_kept_there_is_none(self, nowhere: SecretStore) -> None:
        assert await nowhere.get("redis-password") is None

    async def test_where_nothing_can_be_kept_the_variable_to_set_is_named(
        self, nowhere: SecretStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with pytest.raises(Unavailable, match="SESSION_MGMT_REDIS_PASSWORD") as caught:
            await nowhere.set("redis-password", SECRET)
        with pytest.raises(Unavailable, match="SESSION_MGMT_S3_ACCESS_KEY_ID"):
            await nowhere.delete("s3-access-key-id")
        assert SECRET not in "".join(traceback.format_exception(caught.value)) + caplog.text

    async def test_no_log_holds_a_secret(self, secrets: SecretStore, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        await secrets.set("redis-password", SECRET)
        await secrets.get("redis-password")
        await secrets.delete("redis-password")
        assert SECRET not in caplog.text and SECRET not in repr(secrets)
