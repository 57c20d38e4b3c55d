"""Writes a starting layout into a project: only when asked to, over nothing that is there, all of it or nothing."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp.domain.templates import Layout, layout
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound, Unavailable


@dataclass(frozen=True, slots=True)
class Plan:
    """`files` would be written; `kept` are there already and stay as they are."""

    folder: Path
    layout: Layout
    files: Sequence[str]
    kept: Sequence[str]


def planned(folder: str | Path, language: str) -> Plan:
    """What `apply` would write. Raises Invalid, NotFound, and Conflict where something is in the way."""
    project = _project(Path(folder))
    chosen = layout(language, project.name)
    there = [path for path in chosen.files if _there(project, path)]
    in_the_way = [path for path in there if path not in chosen.shared]
    if in_the_way:
        raise Conflict(f"{project} has {', '.join(in_the_way)} already: nothing was written, and nothing will be.", 0)
    return Plan(project, chosen, [path for path in chosen.files if path not in there], there)


def apply(folder: str | Path, language: str, confirm: bool) -> list[str]:
    """The files it wrote, by their paths in the project. Without `confirm` raises Invalid and names what it would write.

    What `planned` raises, and Unavailable where writing fails; then nothing is left of it.
    """
    plan = planned(folder, language)
    if not confirm:
        raise Invalid(f"This would write {', '.join(plan.files)} into {plan.folder}: confirm it, and it is done.")
    made: list[Path] = []
    try:
        for path in plan.files:
            _write(plan.folder, path, plan.layout.files[path], made)
    except BaseException as error:
        _undo(made)
        if isinstance(error, FileExistsError):
            raise Conflict(f"{error.filename} came meanwhile: nothing was written; try again.", 0) from None
        if isinstance(error, OSError):
            raise Unavailable(f"{error.filename}: {error.strerror}: nothing was written; mend that first.") from error
        raise
    return list(plan.files)


def _project(folder: Path) -> Path:
    if not folder.is_absolute():
        raise Invalid(f"{folder} is not absolute: give the project's whole path.")
    if not folder.is_dir():
        raise NotFound(f"{folder} is no folder: make it first.")
    project = folder.resolve()
    if project in (Path.home().resolve(), Path(project.anchor)):
        raise Invalid(f"{project} is no project's folder: make one and name that.")
    return project


def _there(project: Path, path: str) -> bool:
    """Something of that name, a broken link or a file in the place of one of its folders. Raises Invalid for a link on the way."""
    for place in reversed([project / path, *(project / path).parents]):
        if not place.is_relative_to(project) or place == project:
            continue
        if place.is_symlink() and place != project / path:
            raise Invalid(f"{place} is a link: a layout is only written into real folders.")
        if place.is_symlink() or (place.exists() and (place == project / path or not place.is_dir())):
            return True
    return False


def _write(project: Path, path: str, text: str, made: list[Path]) -> None:
    file = project / path
    for folder in reversed(file.relative_to(project).parents[:-1]):
        with contextlib.suppress(FileExistsError):
            (project / folder).mkdir()
            made.append(project / folder)
    with file.open("x", encoding="utf-8", newline="\n") as stream:
        made.append(file)
        stream.write(text)


def _undo(made: Sequence[Path]) -> None:
    for place in reversed(made):
        with contextlib.suppress(OSError):
            place.rmdir() if place.is_dir() else place.unlink()
