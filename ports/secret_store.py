"""Passwords and keys, kept where the operating system keeps them: never in a file of ours."""

from typing import Protocol


class SecretStore(Protocol):
    """Secrets by name, as `redis-password`. No method ever puts a secret into a message or a log.

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
