"""Where a secret comes from: the environment, else the keyring. None is ever logged, answered with, or written to a file."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from session_mgmt_mcp.ports.errors import Invalid, PortError
from session_mgmt_mcp.ports.secret_store import SecretStore, variable_of
from session_mgmt_mcp.settings import Settings

Name = TypeVar("Name", bound=str)


class Secret(StrEnum):
    """Every secret of the product, by the name that the keyring knows it by."""

    REDIS_PASSWORD = "redis-password"  # noqa: S105 (a name)
    S3_ACCESS_KEY_ID = "s3-access-key-id"
    S3_SECRET_ACCESS_KEY = "s3-secret-access-key"  # noqa: S105
    S3_SESSION_TOKEN = "s3-session-token"  # noqa: S105
    ANTHROPIC_API_KEY = "anthropic-api-key"
    OPENAI_API_KEY = "openai-api-key"
    GEMINI_API_KEY = "gemini-api-key"
    OLLAMA_API_KEY = "ollama-api-key"

    @property
    def variable(self) -> str:
        """Of the environment: SESSION_MGMT_REDIS_PASSWORD."""
        return variable_of(self)


@dataclass(frozen=True, slots=True)
class S3Access:
    """Who asks which S3 server. Its repr names no key."""

    endpoint: str  # empty: Amazon's
    region: str
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


class Credentials:
    """The secrets of this user. `store`: the keyring; the environment wins over it."""

    def __init__(self, store: SecretStore, environment: Callable[[], Mapping[str, str]] = lambda: os.environ) -> None:
        self.keyring = store
        self.environment = environment

    async def get(self, secret: Secret) -> str | None:
        """None when it is nowhere."""
        return self.in_environment(secret) or await self.keyring.get(secret)

    def in_environment(self, secret: Secret) -> str | None:
        return self.environment().get(secret.variable) or None


async def s3_access(settings: Settings, credentials: Credentials) -> S3Access:
    """For the bucket of the settings. Raises Invalid, naming what is missing, when a key is nowhere.

    Keys come in one piece from one place: an id of the environment is not combined with a key of the keyring.
    """
    names = (Secret.S3_ACCESS_KEY_ID, Secret.S3_SECRET_ACCESS_KEY, Secret.S3_SESSION_TOKEN)
    found = [credentials.in_environment(name) for name in names]
    if not any(found):
        found = [await credentials.keyring.get(name) for name in names]
    access_key_id, secret_access_key, session_token = found
    if not access_key_id or not secret_access_key:
        missing = " and ".join(name.variable for name, value in zip(names[:2], found, strict=False) if not value)
        raise Invalid(
            f"The S3 storage needs {missing} in the environment of the hub, or both keys in the keyring: "
            "configure_serverless_storage puts them there."
        )
    return S3Access(settings.s3_endpoint, settings.s3_region, access_key_id, secret_access_key, session_token)


@asynccontextmanager
async def kept(ring: SecretStore, hidden: Mapping[Name, str]) -> AsyncIterator[None]:
    """The secrets are in the keyring; those of before again when the block raises. Raises Unavailable."""
    before: dict[Name, str | None] = {}
    try:
        for secret, value in hidden.items():
            before[secret] = await ring.get(secret)
            await ring.set(secret, value)
        yield
    except BaseException:
        for secret, known in before.items():
            try:
                await (ring.delete(secret) if known is None else ring.set(secret, known))
            except PortError:
                continue  # the first error says more
        raise
