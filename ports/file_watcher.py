"""Files told of as they change."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias


class Change(StrEnum):
    ADDED = "added"  # new there, or put in the place of what was there
    MODIFIED = "modified"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class FileChange:
    """`path` is from the watched root, with `/`."""

    path: str
    change: Change


@dataclass(frozen=True, slots=True)
class Burst:
    """What changed within a moment: each file once, by path; folders are not told."""

    files: Sequence[FileChange] = ()  # at most MOST_FILES
    more: int = 0  # files that are not among them
    head: bool = False  # a branch or commit was checked out: `.git/HEAD` was written


MOST_FILES = 1_000

Ignored: TypeAlias = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Those of some paths, from the root, that nobody wants to hear of; of a folder: nor of anything in it."""


class Watch(Protocol):
    """One root being watched, from before it was returned until it is closed."""

    @property
    def folders(self) -> int:
        """How many folders the system watches for it."""

    def bursts(self) -> AsyncGenerator[Burst, None]:
        """What changes, each burst after it has settled; ends when the root is gone. Raises Unavailable.

        What changed before it was asked for comes too. Only one at a time may ask.
        """

    async def close(self) -> None:
        """Idempotent. Nothing is watched afterwards."""


class FileWatcher(Protocol):
    """Watches below a folder; follows no link, and of `.git` looks at HEAD alone.

    >>> watch = await watcher.watch(Path("/home/you/shop"), ignored)
    >>> async for burst in watch.bursts(): ...
    """

    async def watch(self, root: Path, ignored: Ignored) -> Watch:
        """Raises NotFound when there is no such folder, Unavailable when the system can watch no more."""
