"""Which files a run is asked to look at, as arguments that no tool can take for an option."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from session_mgmt_mcp.adapters.pytools.kept_out import FOLDERS
from session_mgmt_mcp.ports.errors import Invalid, Unsupported
from session_mgmt_mcp.ports.git_repository import MOST_CHANGED, GitRepository

SOURCES = (".py", ".pyi")


def targets(folder: Path, paths: Sequence[str], *, tests: bool = False) -> list[str]:
    """`./` and the path, for each of them. Raises Invalid for one that is not there, or not in the project.

    `folder` is the project's, real; `tests`: `::` and the name of a test may follow.
    """
    return [_target(folder, path, tests) for path in paths]


def _target(folder: Path, path: str, tests: bool) -> str:
    file, mark, name = path.partition("::") if tests else (path, "", "")
    wrong = Invalid(f"paths: {path[:200]!r} is no file or folder of the project: give paths from {folder}.")
    if not file or any(ord(character) < 32 for character in path) or Path(file).is_absolute():
        raise wrong
    try:
        real = (folder / file).resolve(strict=True)
        inside = real.relative_to(folder)
    except (OSError, ValueError, RuntimeError):
        raise wrong from None
    if ".git" in inside.parts or ".." in Path(file).parts or (tests and mark and not real.is_file()):
        raise wrong
    return f"./{Path(file).as_posix()}{mark}{name}"


async def changed(git: GitRepository, folder: Path) -> list[str]:
    """The Python files that differ from HEAD, new ones included, as targets; those of them that are still there.

    Raises Unsupported outside of a repository, Invalid when they are too many to be told.
    """
    repository, state = await git.find(folder), await git.state(folder)
    if repository is None or state is None:
        raise Unsupported(f"changed-only needs a git repository, which {folder} is not in: run it without.")
    if len(state.changed) >= MOST_CHANGED:
        raise Invalid(f"changed-only: {MOST_CHANGED} files or more differ from HEAD: run it without.")
    found = []
    for one in state.changed:
        path = repository.root / one.path
        inside = os.path.relpath(path, folder)
        if path.suffix in SOURCES and path.is_file() and not inside.startswith(".."):
            found += targets(folder, [Path(inside).as_posix()])
    return sorted(set(found))


async def places(git: GitRepository, folder: Path) -> list[str]:
    """What of a project lies at its top, less what is hidden, installed, built, or ignored by git; as targets."""
    names = await asyncio.to_thread(_visible, folder)
    ignored = await git.ignored(folder, names)
    return [f"./{name}" for name in names if name not in ignored] or ["."]


def _visible(folder: Path) -> list[str]:
    return sorted(
        one.name
        for one in folder.iterdir()
        if not one.name.startswith(".")
        and one.name not in FOLDERS
        and (one.suffix == ".py" or (one.is_dir() and not (one / "pyvenv.cfg").exists()))
    )


def lies_in(file: str, place: str) -> bool:
    """Whether a target is another one, or in it."""
    return file == place or file.startswith(place.rstrip("/") + "/") or place == "./."
