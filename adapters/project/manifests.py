"""What manifests say: which program reads them, and what runs the tests."""

import configparser
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from session_mgmt_mcp.adapters.project.names import LOCKS, MANIFESTS
from session_mgmt_mcp.ports.project_files import Language, Manifest

Reader = Callable[[str], bytes]
"""The content of a file by its path. Raises OSError."""

_TABLES = ("uv", "poetry", "pdm", "hatch", "flit")
_NO_TESTS = "no test specified"
_CONFIGS: Mapping[str, str] = {
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "conftest.py": "pytest",
    "noxfile.py": "nox",
    ".rspec": "rspec",
    "phpunit.xml": "phpunit",
    "phpunit.xml.dist": "phpunit",
    "cypress.json": "cypress",
}
_CONFIG_STEMS: Mapping[str, str] = {
    "jest.config": "jest",
    "vitest.config": "vitest",
    "karma.conf": "karma",
    ".mocharc": "mocha",
    "playwright.config": "playwright",
    "cypress.config": "cypress",
    "ava.config": "ava",
}
_BUILT_IN: Mapping[str, str] = {"go": "go test", "cargo": "cargo test", "mix": "mix test", "swift": "swift test"}
_BY_BUILD: Mapping[str, str] = {"maven": "maven", "gradle": "gradle", "sbt": "sbt"}
DEEPEST = 2  # folders above a manifest or lock of the project itself: packages/cart/package.json


def manifests(paths: Iterable[str]) -> list[Manifest]:
    """The outermost first; those of fixtures and examples are left out by the caller."""
    found = [
        Manifest(path, *MANIFESTS[name])
        for path in paths
        if (name := path.rpartition("/")[2]) in MANIFESTS and path.count("/") <= DEEPEST
    ]
    projects = [path for path in paths if path.endswith((".csproj", ".fsproj")) and path.count("/") <= DEEPEST]
    found += [Manifest(path, Language.CSHARP, "dotnet") for path in projects]
    return sorted(found, key=lambda manifest: (manifest.path.count("/"), manifest.path))


def managed(
    found: Sequence[Manifest], locks: Sequence[str], read: Reader, problem: Callable[[str, str], None]
) -> list[Manifest]:
    """Each with the program that its lock or its own content names."""
    return [replace(one, manager=_manager(one, locks, read, problem)) for one in found]


def _manager(one: Manifest, locks: Sequence[str], read: Reader, problem: Callable[[str, str], None]) -> str:
    folder = one.path.rpartition("/")[0]
    name = one.path.rpartition("/")[2]
    rivals = {"package.json": ("npm", "yarn", "pnpm", "bun"), "pyproject.toml": ("uv", "poetry", "pdm", "pipenv")}
    for lock in locks:
        if lock.rpartition("/")[0] in (folder, "") and LOCKS.get(lock.rpartition("/")[2]) in rivals.get(name, ()):
            return LOCKS[lock.rpartition("/")[2]]
    try:
        if name == "pyproject.toml":
            tool = _mapping(tomllib.loads(read(one.path).decode()).get("tool"))
            return next((table for table in _TABLES if table in tool), one.manager)
        if name == "package.json":
            said = _mapping(json.loads(read(one.path))).get("packageManager")
            return str(said).partition("@")[0] if said else one.manager
    except (OSError, ValueError, RecursionError) as error:
        problem(one.path, _why(error))
    return one.manager


def test_tools(
    paths: Iterable[str], found: Sequence[Manifest], read: Reader, problem: Callable[[str, str], None]
) -> dict[str, str]:
    """What runs tests, and the file that says so."""
    tools: dict[str, str] = {}
    for path in sorted((p for p in paths if p.count("/") <= DEEPEST), key=lambda path: (path.count("/"), path)):
        name = path.rpartition("/")[2]
        tool = _CONFIGS.get(name) or _CONFIG_STEMS.get(name.rpartition(".")[0]) or _CONFIG_STEMS.get(name)
        if tool:
            tools.setdefault(tool, path)
        elif name in _SECTIONS:
            try:
                for tool in _SECTIONS[name](read(path)):
                    tools.setdefault(tool, path)
            except (OSError, ValueError, RecursionError, configparser.Error) as error:
                problem(path, _why(error))
    for one in found:
        if tool := _BUILT_IN.get(one.manager) or _BY_BUILD.get(one.manager):
            tools.setdefault(tool, one.path)
    return tools


def _of_pyproject(raw: bytes) -> list[str]:
    return ["pytest"] if "pytest" in _mapping(tomllib.loads(raw.decode()).get("tool")) else []


def _of_package(raw: bytes) -> list[str]:
    package = _mapping(json.loads(raw))
    script = str(_mapping(package.get("scripts")).get("test") or "")
    named = [tool for tool in ("jest", "vitest", "mocha", "ava", "tap") if tool in package or tool in script.split()]
    return named or (["npm test"] if script and _NO_TESTS not in script else [])


def _of_ini(raw: bytes) -> list[str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.read_string(raw.decode())
    sections = parser.sections()
    pytest = any(section in ("pytest", "tool:pytest") for section in sections)
    tox = any(section in ("tox", "testenv") for section in sections)
    return ["pytest"] * pytest + ["tox"] * tox


_SECTIONS: Mapping[str, Callable[[bytes], list[str]]] = {
    "pyproject.toml": _of_pyproject,
    "package.json": _of_package,
    "setup.cfg": _of_ini,
    "tox.ini": _of_ini,
}


def all_pinned(raw: bytes) -> bool:
    """Whether a requirements.txt names one version of everything, so that it locks.

    >>> all_pinned(b"flask==3.1.0\\njinja2==3.1.6  # via flask\\n"), all_pinned(b"flask>=3\\n")
    (True, False)
    """
    lines = [line.partition("#")[0].strip() for line in raw.decode(errors="replace").splitlines()]
    named = [line for line in lines if line and not line.startswith("-")]
    return bool(named) and all("==" in line or " @ " in line for line in named)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return "It cannot be read."
    return "It does not parse."
