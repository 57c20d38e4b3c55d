"""Which programs somebody works with."""

from collections.abc import Collection
from typing import Protocol


class ActivitySource(Protocol):
    """The programs that run for the user of this process, by name alone: no window titles, no arguments, no history.

    >>> await source.programs()
    {'bash', 'code', 'firefox', 'node'}
    """

    async def programs(self) -> Collection[str]:
        """Their names as the system has them. Raises Unavailable."""
