"""HandoffFiles in this process, for tests and for trying things out."""

from pathlib import Path

from session_mgmt_mcp.ports.errors import Invalid


class MemoryHandoffFiles:
    """HandoffFiles. `pages` are what was written, by project and session."""

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str], str] = {}

    async def write(self, project: str, session: str, text: str) -> Path:
        path = self.where(project, session)
        self.pages[project, session] = text
        return path

    def where(self, project: str, session: str) -> Path:
        if not project or not session:
            raise Invalid("project and session: give the names of both.")
        return Path(project) / session

    async def read(self, project: str, session: str) -> str | None:
        self.where(project, session)
        return self.pages.get((project, session))

    async def remove(self, project: str, session: str) -> bool:
        self.where(project, session)
        return self.pages.pop((project, session), None) is not None
