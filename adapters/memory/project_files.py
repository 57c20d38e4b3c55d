"""ProjectFiles over texts in this process: knows Python's files by their names, for tests."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.project_files import Found, Language, Manifest, Survey, Text


class MemoryProjectFiles:
    """ProjectFiles. `folders` holds, by folder, each file's content; all of it was written at `time`."""

    def __init__(
        self, folders: Mapping[Path, Mapping[str, bytes]], time: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    ) -> None:
        self._folders = folders
        self._time = time

    async def survey(self, folder: Path, tracked: Sequence[str] | None = None) -> Survey:
        if folder not in self._folders:
            raise NotFound(f"{folder} is no folder: name one that exists.")
        names = sorted(self._folders[folder] if tracked is None else tracked)
        sources = [name for name in names if name.endswith(".py")]
        return Survey(
            files=len(names),
            sources={Language.PYTHON: len(sources)} if sources else {},
            manifests=[Manifest(name, Language.PYTHON, "uv") for name in names if name == "pyproject.toml"],
            locks=[Found(name, self._time) for name in names if name == "uv.lock"],
            test_tools={"pytest": "pytest.ini"} if "pytest.ini" in names else {},
            test_files=sum(name.rpartition("/")[2].startswith("test_") for name in sources),
            readme=next((name for name in names if name.lower() == "readme.md"), ""),
            pages=sum(name.startswith("docs/") and name.endswith(".md") for name in names),
            pipelines=[("github", name) for name in names if name.startswith(".github/workflows/")],
            ignore_files=[name for name in self._folders[folder] if name == ".gitignore"],
            env_files=[name for name in self._folders[folder] if name == ".env"],
            texts=[name for name in names if name.endswith((".py", ".toml", ".ini"))],
        )

    async def read(self, folder: Path, paths: Sequence[str]) -> AsyncGenerator[Text, None]:
        files = self._folders.get(folder, {})
        for path in sorted(path for path in paths if b"\0" not in files.get(path, b"\0")):
            yield Text(path, files[path].decode("utf-8", "replace"))
