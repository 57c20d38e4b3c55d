"""The one exception tree of all ports.

PortError
├── Invalid        the caller's fault: says which argument, and what would do
├── NotFound
├── Conflict       somebody else wrote first: carries the current version
├── Unavailable    try again later: carries retry_after
├── Corrupt        quarantined: carries where
└── Unsupported    this adapter never will: says which one does
"""

from pathlib import Path


class PortError(Exception):
    """Whatever went wrong behind a port. `str(error)` is one sentence that says what to do."""


class Invalid(PortError):
    """The caller's fault: the message names the argument and what would do."""


class NotFound(PortError):
    """There is nothing under that name."""


class Conflict(PortError):
    """Somebody else wrote first."""

    def __init__(self, message: str, version: int) -> None:
        super().__init__(message)
        self.version = version


class Unavailable(PortError):
    """Not now: try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Corrupt(PortError):
    """The stored bytes are damaged; what was found stands untouched at `where`: a file, or a key of a remote store."""

    def __init__(self, message: str, where: Path | str) -> None:
        super().__init__(message)
        self.where = where


class Unsupported(PortError):
    """This adapter never will; the message says which one does."""
