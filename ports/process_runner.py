"""Runs a program to its end, and leaves nothing of it behind."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeAlias

Printed: TypeAlias = Callable[[str], Awaitable[None]]
"""Is told what a program prints, as whole lines, several at once; the program waits while it is being told."""

MOST_PRINTED = 512_000_000
"""Bytes after which a program that does not stop printing is ended."""


class Cause(StrEnum):
    """Why a program came to its end."""

    EXITED = "exited"
    SIGNALLED = "signalled"  # somebody killed it, or it crashed
    TIMED_OUT = "timed out"
    PRINTED_TOO_MUCH = "printed too much"


@dataclass(frozen=True, slots=True)
class Ended:
    """`code`: what it exited with, or the number of the signal. `left`: processes that it left behind, ended as well."""

    cause: Cause
    code: int
    seconds: float
    printed: int  # bytes
    left: int = 0


class ProcessRunner(Protocol):
    """A fixed list of words, no shell, no standard input, an environment without the user's keys.

    >>> (await processes.run(["ruff", "--version"], folder, timeout=10, printed=told)).code
    0
    """

    async def run(
        self,
        argv: Sequence[str],
        folder: Path,
        *,
        timeout: float,
        printed: Printed,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Ended:
        """Runs it in `folder`; `environment` is added to the few variables that it inherits.

        Whatever it started is gone when this returns, or raises, also when it is cancelled, and what has left its process group.
        Raises NotFound when there is no such program, Unavailable when it cannot be started.
        """

    async def end_left_behind(self) -> int:
        """Ends what a runner that was killed in the middle has left running on this machine; how many processes."""

    def which(self, program: str, folders: Sequence[Path] = ()) -> Path | None:
        """The program of that name in one of `folders`, else on the PATH."""
