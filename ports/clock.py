"""What time it is."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The domain's only source of time, so that tests can set it."""

    def now(self) -> datetime:
        """Aware, in UTC."""
