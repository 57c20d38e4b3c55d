"""FileDigests of files that are named, for tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path


class MemoryFileDigests:
    """FileDigests. `files` holds contents by path."""

    def __init__(self, files: Mapping[Path, str] | None = None) -> None:
        self.files = dict(files or {})

    async def read(self, root: Path, paths: Sequence[str]) -> Mapping[str, str]:
        return {path: self.files[root / path] for path in paths if root / path in self.files}
