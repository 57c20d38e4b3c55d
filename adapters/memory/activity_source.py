"""ActivitySource of programs that are named, for tests."""

from collections.abc import Collection


class MemoryActivitySource:
    """ActivitySource."""

    def __init__(self, *programs: str) -> None:
        self.running = set(programs)

    async def programs(self) -> Collection[str]:
        return set(self.running)
