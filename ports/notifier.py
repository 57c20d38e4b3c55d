"""Notifications on the desktop of whoever sits at this machine."""

from typing import Protocol


class Notifier(Protocol):
    """Shows short messages. Where there is no desktop it says so, and nothing is shown.

    >>> await notifier.notify("Call Bob", "due Monday 2026-11-23 09:00")
    """

    async def desktop(self) -> str:
        """Which program shows them. Raises Unavailable where none does, with a sentence that says why."""

    async def notify(self, title: str, text: str) -> None:
        """Returns once it was handed to the desktop. Text is shown as it is: it holds no markup. Raises Unavailable."""
