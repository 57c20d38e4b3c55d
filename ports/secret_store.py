"""Passwords and keys, kept where the operating system keeps them: never in a file of ours."""

import re
from typing import Protocol

from session_mgmt_mcp.ports.errors import Invalid

MOST_CHARACTERS = 1_000
"""Of a secret: what every keyring takes (that of Windows 2,560 bytes, as UTF-16)."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+){0,9}")


class SecretStore(Protocol):
    """Secrets by name, as `redis-password`. No method ever puts a secret into a message or a log.

    Names are lower-case words with hyphens between them, secrets 1 to 1,000 characters: else Invalid.

    >>> await secrets.set("redis-password", "...")
    >>> await secrets.get("redis-password") is not None
    True
    """

    async def get(self, name: str) -> str | None:
        """None when there is none, also where nothing can be kept at all."""

    async def set(self, name: str, secret: str) -> None:
        """Replaces the one before. Raises Unavailable where nothing can be kept (no keyring, a locked one)."""

    async def delete(self, name: str) -> bool:
        """Whether there was one. Raises Unavailable as `set`."""


def variable_of(name: str) -> str:
    """The environment variable that holds the secret where no keyring does.

    >>> variable_of("redis-password")
    'SESSION_MGMT_REDIS_PASSWORD'
    """
    return f"SESSION_MGMT_{name.upper().replace('-', '_')}"


def check_secret_name(name: str) -> None:
    """Raises Invalid for what cannot name a secret."""
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise Invalid("name of a secret: give lower-case words with hyphens between them, as redis-password.")


def check_secret(name: str, secret: str) -> None:
    """Raises Invalid, without the secret, for what no keyring keeps."""
    if not 0 < len(secret) <= MOST_CHARACTERS or "\0" in secret or not _is_text(secret):
        raise Invalid(f"{name}: give 1 to {MOST_CHARACTERS:,} characters of text.")


def _is_text(secret: str) -> bool:
    return all(not 0xD800 <= ord(character) < 0xE000 for character in secret)
