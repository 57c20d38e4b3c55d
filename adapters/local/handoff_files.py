"""HandoffFiles below a folder of the owner."""

import asyncio
import re
from hashlib import sha256
from pathlib import Path

from session_mgmt_mcp.adapters.local import files
from session_mgmt_mcp.ports.errors import Invalid

SUFFIX = ".md"
MOST_BYTES = 4_000_000
_PLAIN = re.compile(r"[a-z0-9_-][a-z0-9_.-]{0,99}")
_CHECKED = re.compile(r".*-[0-9a-f]{10}")
_STRANGE = re.compile(r"[^a-z0-9_-]+")


class LocalHandoffFiles:
    """HandoffFiles. A name that a file system could mistake for another gets a checksum."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, project: str, session: str, text: str) -> Path:
        path = self.where(project, session)
        await asyncio.to_thread(_write, path, text.encode("utf-8", "replace"))
        return path

    async def read(self, project: str, session: str) -> str | None:
        data = await asyncio.to_thread(_read, self.where(project, session))
        return None if data is None else data.decode("utf-8", "replace")

    async def remove(self, project: str, session: str) -> bool:
        return await asyncio.to_thread(_remove, self.where(project, session))

    def where(self, project: str, session: str) -> Path:
        if not project or not session:
            raise Invalid("project and session: give the names of both.")
        return self._folder / file_name(project) / (file_name(session) + SUFFIX)


def file_name(name: str) -> str:
    """The name itself where it is made of small letters, digits and `_.-`; else what is left of it, and a checksum.

    >>> file_name("shop-1a2b3c"), file_name("../Shop")
    ('shop-1a2b3c', 'shop-5a8f7c2c3a')
    """
    if _PLAIN.fullmatch(name) and not _CHECKED.fullmatch(name):
        return name
    left = _STRANGE.sub("-", name.lower()).strip("-")[:60]
    return f"{left}-{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}".lstrip("-")


def _write(path: Path, data: bytes) -> None:
    try:
        files.make_folder(path.parent)
        with files.locked(path.parent / ".lock"):
            files.replace(path, path.parent / ".unfinished", data)
    except OSError as error:
        raise files.translated(error, path) from error


def _read(path: Path) -> bytes | None:
    try:
        return files.read(path, MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise files.translated(error, path) from error


def _remove(path: Path) -> bool:
    try:
        path.unlink()
        files.sync_folder(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise files.translated(error, path) from error
    return True
