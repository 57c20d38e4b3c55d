"""Where a project's tools are: in its own environment, else on the PATH, else beside our own interpreter."""

import asyncio
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.process_runner import Cause, ProcessRunner

PATIENCE = 15.0
"""Seconds that a tool may take to say its version."""

_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")
_PLUGIN = re.compile(r"^\s+([\w.-]+?)-(\d[\w.+-]*) at ", re.MULTILINE)
_MOST_SAID = 20_000
_KEPT = 256
Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A program that said its version; `plugins` are those of pytest, by name."""

    program: Path
    version: str
    plugins: Mapping[str, str] = field(default_factory=dict)


class Toolbox:
    """Finds programs and asks them for their version, once as long as neither they nor their packages change."""

    def __init__(self, processes: ProcessRunner, beside: Path | None = None) -> None:
        self._processes = processes
        self._beside = beside or Path(sys.executable).parent
        self._asked: dict[tuple[Path, Stamp], Found | None] = {}

    async def find(self, programs: Sequence[str], folder: Path) -> dict[str, Found]:
        """Those that are there, by name."""
        answers = await asyncio.gather(*(self._find(program, folder) for program in programs))
        return {program: found for program, found in zip(programs, answers, strict=True) if found}

    async def python(self, found: Sequence[Found], folder: Path) -> str:
        """The interpreter of the project's own environment, or of one of its tools, else ours; its version in brackets."""
        beside = (each.program.parent / "python" for each in found)
        for path in (project_python(folder), *beside, Path(sys.executable)):
            if path and path.exists() and (answer := await self._asked_once(path, ["--version"], folder)):
                return f"{path} ({answer.version})"
        return f"{sys.executable} ({sys.version.split()[0]})"

    async def _find(self, program: str, folder: Path) -> Found | None:
        arguments = ["--version", "--version"] if program == "pytest" else ["--version"]
        for path in self._candidates(program, folder):
            if answer := await self._asked_once(path, arguments, folder):
                return answer
        return None

    def _candidates(self, program: str, folder: Path) -> Iterator[Path]:
        seen = set()
        for places in (environments(folder), (), (self._beside,)):
            path = self._processes.which(program, places)
            if path and path not in seen:
                seen.add(path)
                yield path

    async def _asked_once(self, path: Path, arguments: Sequence[str], folder: Path) -> Found | None:
        try:
            key = (path, _stamp(path))
        except OSError:
            return None
        if key in self._asked:
            return self._asked[key]
        found, certain = await self._ask(path, arguments)
        if certain:
            while len(self._asked) >= _KEPT:
                self._asked.pop(next(iter(self._asked)), None)
            self._asked[key] = found
        return found

    async def _ask(self, path: Path, arguments: Sequence[str]) -> tuple[Found | None, bool]:
        """And whether it would say the same again; who was too late may have had little of a busy machine."""
        said: list[str] = []

        async def told(text: str) -> None:
            if sum(map(len, said)) < _MOST_SAID:
                said.append(text[:_MOST_SAID])

        try:
            # In its own folder: the project's configuration has no say in what a version is.
            ended = await self._processes.run([str(path), *arguments], path.parent, timeout=PATIENCE, printed=told)
        except PortError:
            return None, False
        text = "".join(said)
        version = _VERSION.search(text)
        if ended.cause is not Cause.EXITED or ended.code != 0 or version is None:
            return None, ended.cause is Cause.EXITED
        return Found(path, version.group(), dict(_PLUGIN.findall(text))), True


def environments(folder: Path) -> Sequence[Path]:
    """The folders of programs that the project itself has; of a part of a repository also those further up in it."""
    around = [folder, *folder.parents]
    top = next((place for place in around if (place / ".git").exists()), folder)
    places = around[: around.index(top) + 1]
    return [programs for place in places for name in (".venv", "venv") if (programs := place / name / "bin").is_dir()]


def project_python(folder: Path) -> Path | None:
    return next((python for place in environments(folder) if (python := place / "python").exists()), None)


def _stamp(path: Path) -> Stamp:
    """Changes when the program does, or what is installed beside it."""
    packages = sorted(path.parent.parent.glob("lib/python*/site-packages"))
    return (path.stat().st_mtime_ns, *(place.stat().st_mtime_ns for place in packages))
