"""Which folders below a root are to be watched."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.file_watcher import Ignored

MOST_FOLDERS = 50_000
NEVER = frozenset({".git", ".hg", ".svn", ".jj"})


async def below(root: Path, starts: Sequence[str], ignored: Ignored) -> tuple[list[str], list[str]]:
    """Folders from `starts` on, without what is ignored, and the files in them; paths from the root.

    Links are not followed. A repository within the root is another project, and left out. Raises Unavailable when there
    are more than MOST_FOLDERS.
    """
    folders: list[str] = []
    files: list[str] = []
    level = list(starts)
    while level:
        folders += level
        if len(folders) > MOST_FOLDERS:
            raise Unavailable(
                f"{root} has more than {MOST_FOLDERS:,} folders that git does not ignore: watch a folder in it."
            )
        inner, found = await asyncio.to_thread(_inside, root, level)
        files += found
        unwanted = await ignored(inner) if inner else ()
        level = [path for path in inner if path not in unwanted]
    return folders, files


def git_folder(root: Path) -> Path | None:
    """Where the worktree at `root` has its HEAD: its `.git`, or the folder that a file of that name leads to."""
    place = root / ".git"
    try:
        if place.is_file():
            said = place.read_text(encoding="utf-8", errors="surrogateescape")[:4_096]
            if not said.startswith("gitdir:"):
                return None
            place = root / said.removeprefix("gitdir:").strip()
        return Path(os.path.realpath(place)) if (place / "HEAD").is_file() else None
    except (OSError, ValueError):
        return None


def _inside(root: Path, folders: Sequence[str]) -> tuple[list[str], list[str]]:
    inner: list[str] = []
    files: list[str] = []
    for folder in folders:
        try:
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if not entry.is_dir(follow_symlinks=False):
                        files.append(path)
                    elif entry.name not in NEVER and not os.path.lexists(os.path.join(entry.path, ".git")):  # noqa: PTH118
                        inner.append(path)
        except OSError:
            continue  # gone, or not ours to read
    return inner, files
