"""What `pip install session-mgmt-mcp` puts on a disk: the closure of the base requirements, without dev and extras."""

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.figures import Budget, Figure

PACKAGE = "session-mgmt-mcp"


async def install() -> list[Figure]:
    closure = _closure(PACKAGE)
    sizes = {name: _bytes_of(name) for name in closure}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    note = f"{len(closure)} packages; " + ", ".join(f"{name} {sizes[name] / 1e6:.0f}" for name in largest)
    torch = "torch" in closure
    return [
        Figure("install, base", sum(sizes.values()) / 1e6, "MB", Budget("<=", 420, "value"), note=note),
        Figure("install, base: torch", float(torch), "packages", Budget("<=", 0, "value")),
    ]


def _closure(root: str) -> set[str]:
    found: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(root, frozenset())]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found.add(name)
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if _wanted(requirement, extras):
                waiting.append((_canonical(requirement.name), frozenset(requirement.extras)))
    return found


def _wanted(requirement: Requirement, extras: frozenset[str]) -> bool:
    return requirement.marker is None or any(
        requirement.marker.evaluate({"extra": extra}) for extra in (extras or frozenset({""}))
    )


def _bytes_of(name: str) -> int:
    """As installed by pip, compiled files included. The package itself is measured at its sources: here it is a link tree."""
    files = [Path(str(file.locate())) for file in metadata.files(name) or ()]
    return sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc") + sum(
        cached.stat().st_size
        for file in files
        if file.suffix == ".py"
        for cached in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc")
    )


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
