"""FileDigests on the file system."""

import asyncio
import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

LARGEST = 8_000_000  # bytes; of a larger file its size and times stand for the content


class LocalFileDigests:
    """FileDigests by BLAKE2 over the content."""

    async def read(self, root: Path, paths: Sequence[str]) -> Mapping[str, str]:
        return await asyncio.to_thread(_read, root, paths)


def _read(root: Path, paths: Sequence[str]) -> dict[str, str]:
    try:
        real = Path(os.path.realpath(root))
    except (OSError, ValueError):
        return {}
    found = ((path, _digest(real, path)) for path in paths)
    return {path: digest for path, digest in found if digest}


def _digest(root: Path, path: str) -> str:
    try:
        file = root / path
        if not Path(os.path.realpath(file.parent)).is_relative_to(root):
            return ""
        state = file.lstat()
        if not stat.S_ISREG(state.st_mode):
            return ""
        if state.st_size > LARGEST:
            return f"{state.st_size}-{state.st_mtime_ns}"
        with os.fdopen(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as content:
            return hashlib.blake2b(content.read(), digest_size=16).hexdigest()
    except (OSError, ValueError):
        return ""
