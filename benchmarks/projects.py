"""Scores of real open-source projects: `python -m benchmarks.projects [--keep DIR] [--only NAME ...] [--json]`.

Fetches their source distributions from PyPI, npm and Debian, through pip, npm and apt-get as they are set up on this machine.
"""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.adapters.project.files import FolderProjectFiles
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.quality.scoring import Component, Score, added_up, score
from session_mgmt_mcp.domain.quality.service import QualityService
from session_mgmt_mcp.domain.quality.stack import stack_of


@dataclass(frozen=True, slots=True)
class Project:
    registry: Literal["pypi", "npm", "debian"]
    name: str
    version: str = ""  # of Debian: the one that it has


PROJECTS = (
    Project("pypi", "flask", "3.1.0"),
    Project("pypi", "httpx", "0.28.1"),
    Project("pypi", "attrs", "25.1.0"),
    Project("pypi", "pytest", "8.3.4"),
    Project("npm", "express", "5.1.0"),
    Project("npm", "fastify", "5.2.1"),
    Project("npm", "commander", "13.1.0"),
    Project("npm", "rxjs", "7.8.1"),
    Project("debian", "golang-github-spf13-cobra"),
    Project("debian", "golang-github-gin-gonic-gin"),
    Project("debian", "golang-testify"),
    Project("debian", "rust-ripgrep"),
    Project("debian", "rust-fd-find"),
    Project("debian", "libcommons-lang3-java"),
    Project("debian", "junit5"),
    Project("debian", "jackson-core"),
)


@dataclass(frozen=True, slots=True)
class Scored:
    project: Project
    version: str
    language: str
    files: int
    score: Score


def archive(project: Project, folder: Path) -> Path:
    """Fetches the source distribution, unless it is there already. Raises CalledProcessError."""
    place = folder / f"{project.registry}-{project.name}-{project.version or 'current'}"
    if not place.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            _FETCH[project.registry](project, Path(unfinished))
            shutil.copytree(unfinished, place)
    return max((path for path in place.iterdir() if ".orig-" not in path.name), key=lambda path: path.stat().st_size)


def _from_pypi(project: Project, folder: Path) -> None:
    pinned = f"{project.name}=={project.version}"
    _run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", project.name, pinned, cwd=folder)


def _from_npm(project: Project, folder: Path) -> None:
    _run("npm", "pack", "--silent", "--ignore-scripts", f"{project.name}@{project.version}", cwd=folder)


def _from_debian(project: Project, folder: Path) -> None:
    """With the machine's own sources, asked for source packages; nothing of the system's is changed."""
    lists = folder.parent / "apt"
    options = [
        f"-oDir::Etc::sourcelist={lists / 'none'}",
        f"-oDir::Etc::sourceparts={lists}",
        f"-oDir::State::lists={lists / 'lists'}",
    ]
    if not lists.is_dir():
        (lists / "lists" / "partial").mkdir(parents=True)
        for file in Path("/etc/apt/sources.list.d").glob("*.sources"):
            said = file.read_text().replace("Types: deb\n", "Types: deb-src\n")
            (lists / file.name).write_text(said)
        _run("apt-get", *options, "-qq", "update", cwd=folder)
    _run("apt-get", *options, "-qq", "source", "--download-only", "--tar-only", project.name, cwd=folder)


_FETCH = {"pypi": _from_pypi, "npm": _from_npm, "debian": _from_debian}


def _run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, timeout=300, stdout=subprocess.DEVNULL)


def unpacked(file: Path, folder: Path) -> Path:
    """The project's top folder in an archive."""
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
    inside = [path for path in folder.iterdir() if path.is_dir()]
    return inside[0] if len(inside) == 1 and len(list(folder.iterdir())) == 1 else folder


async def scored(project: Project, file: Path, top: Path) -> Scored:
    """Without what only the repository would tell, which a distribution does not hold."""
    git = SubprocessGitRepository()
    projects = ProjectService(git, MemoryImportLedger())
    service = QualityService(FolderProjectFiles(), git, MemorySessionStorage(), projects, FixedClock())
    found = await service.gather(top)
    survey = replace(found.survey, version_control="git")
    whole = score(replace(found, survey=survey, history=None))
    version = project.version or file.name.split("_")[1].split(".orig")[0]
    language = str(stack_of(survey).language)
    return Scored(project, version, language, survey.files, added_up(list(map(_packed, whole.components)), whole.at))


def _packed(one: Component) -> Component:
    """The times in an archive are those of whoever packed it."""
    return replace(one, points=None, unknown="a clone") if one.name == "lock freshness" else one


def table(rows: Sequence[Scored]) -> str:
    """As it stands in docs/quality.md."""
    shown = ("packaging", "tests", "docs", "CI", "hygiene")
    head = ["project", "from", "language", "files", "score", "known", *shown, "unknown"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    everywhere = set.intersection(*({one.name for one in row.score.unknown} for row in rows))
    for row in rows:
        points = {one.name: one.points for one in row.score.components}
        cells = [f"{row.project.name} {row.version}", row.project.registry, row.language, f"{row.files:,}"]
        cells += [f"{row.score.total}", f"{row.score.known:g}"]
        cells += ["-" if points[name] is None else f"{points[name]:g}" for name in shown]
        others = [one.name for one in row.score.unknown if one.name not in everywhere]
        lines.append(f"| {' | '.join([*cells, ', '.join(others) or 'as all'])} |")
    return "\n".join([*lines, "", f"Unknown in all of them: {', '.join(sorted(everywhere))}."])


async def measure(projects: Sequence[Project], folder: Path) -> list[Scored]:
    rows = []
    for project in projects:
        with tempfile.TemporaryDirectory() as place:
            try:
                file = archive(project, folder)
            except subprocess.CalledProcessError:
                print(f"{project.registry} does not serve {project.name}: left out.", file=sys.stderr)
                continue
            rows.append(await scored(project, file, unpacked(file, Path(place))))
    return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--keep", type=Path, help="keep what was fetched in this folder")
    arguments.add_argument("--only", nargs="+", metavar="NAME")
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    projects = [one for one in PROJECTS if options.only is None or one.name in options.only]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        rows = asyncio.run(measure(projects, folder))
    print(json.dumps([asdict(row) for row in rows], indent=2, default=str) if options.json else table(rows))


if __name__ == "__main__":
    main()
