"""What `pip install session-mgmt-mcp` puts on a disk: the closure of the base requirements, without dev and extras."""

import marshal
import re
from importlib import metadata
from importlib.util import cache_from_source
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.figures import Budget, Figure

PACKAGE = "session-mgmt-mcp"
HEADER = 16  # of a .pyc


async def install() -> list[Figure]:
    closure = _closure(PACKAGE)
    files = {name: [Path(str(file.locate())) for file in metadata.files(name) or ()] for name in closure}
    sizes = {name: sum(file.stat().st_size for file in some if _unpacked(file)) for name, some in files.items()}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:5]
    note = f"{len(closure)} packages; " + ", ".join(f"{name} {sizes[name] / 1e6:.0f}" for name in largest)
    unpacked = sum(sizes.values())
    compiled = sum(_bytecode(file) for some in files.values() for file in some if file.suffix == ".py")
    torch = "torch" in closure
    budget = Budget("<=", 420, "value")
    return [
        Figure("install, base", unpacked / 1e6, "MB", budget, note=note),
        Figure("install, base, with the bytecode that pip makes", (unpacked + compiled) / 1e6, "MB", budget),
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


def _unpacked(file: Path) -> bool:
    return file.is_file() and file.suffix != ".pyc"


def _bytecode(file: Path) -> int:
    """Bytes of its compiled form, whether or not this environment has it; none of what does not compile."""
    if not file.is_file():
        return 0
    cached = Path(cache_from_source(str(file)))
    if cached.is_file():
        return cached.stat().st_size
    try:
        return HEADER + len(marshal.dumps(compile(file.read_bytes(), str(file), "exec", dont_inherit=True)))
    except SyntaxError:
        return 0


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
