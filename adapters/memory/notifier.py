"""A desktop that remembers what it was shown."""

from session_mgmt_mcp.ports.errors import Unavailable


class MemoryNotifier:
    """Notifier for tests; set `there` to False and the desktop is gone."""

    def __init__(self) -> None:
        self.there = True
        self.shown: list[tuple[str, str]] = []

    async def desktop(self) -> str:
        if not self.there:
            raise Unavailable("There is no desktop here: due reminders wait for a session.")
        return "memory"

    async def notify(self, title: str, text: str) -> None:
        await self.desktop()
        self.shown.append((title, text))
