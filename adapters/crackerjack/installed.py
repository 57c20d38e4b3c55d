"""A crackerjack that is installed: where it stands, what it runs with, and what its help says that it can do."""

import asyncio
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp.adapters.crackerjack.help import options_in, version_in
from session_mgmt_mcp.ports.errors import NotFound, Unavailable
from session_mgmt_mcp.ports.process_runner import Cause, ProcessRunner

HOW = "install it with `uv tool install --python 3.13 'crackerjack>=0.74'`"
PLUGINS = {"pytest": "pytest", "xdist": "pytest-xdist", "pytest_cov": "pytest-cov", "pytest_timeout": "pytest-timeout"}
"""What `run-tests` calls pytest with: by the name of its module, the name to install it by."""

_PROBED_WITHIN = 120.0  # seconds: each start takes four on an idle machine
_WIDE = {"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb", "PYTHONIOENCODING": "utf-8"}
_SHEBANG = re.compile(r"#!\s*(/\S*python\S*)|'''exec'\s+\"?(/[^\"\n]*?python[\d.]*)\"?\s")
_CONFIGURED = re.compile(r"^version(?:_info)?\s*=\s*(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Installed:
    """`programs`: the folder of what was installed along with it, None where a launcher chooses it."""

    command: tuple[str, ...]
    version: str
    interpreter: str
    programs: Path | None
    run: frozenset[str]  # options of `run`; empty: it has no such command
    run_tests: frozenset[str]  # of `run-tests`


def find(processes: ProcessRunner, folder: Path, command: Sequence[str] | None, home: Path) -> tuple[str, ...]:
    """The configured command line, else the project's own, else that of the PATH, else uv's. Raises Unavailable."""
    if command:
        path = Path(command[0]).expanduser()
        program = path if path.is_absolute() and path.is_file() else processes.which(command[0])
        if program is None:
            raise Unavailable(f"There is no {command[0]}, which is set to run crackerjack: correct it, or {HOW}.")
        return str(program), *command[1:]
    tools = Path(os.environ.get("UV_TOOL_DIR") or home / ".local" / "share" / "uv" / "tools")
    program = processes.which("crackerjack", [folder / ".venv" / "bin"]) or processes.which(
        "crackerjack", [home / ".local" / "bin", tools / "crackerjack" / "bin"]
    )
    if program is None:
        raise Unavailable(f"crackerjack is not installed: {HOW}, which needs Python 3.13 or newer.")
    return (str(program),)


async def probe(processes: ProcessRunner, command: tuple[str, ...]) -> Installed:
    """Asks it for its version and its help, three starts side by side. Raises Unavailable for one that is too old."""
    questions = (["--version"], ["run", "--help"], ["run-tests", "--help"])
    with tempfile.TemporaryDirectory(prefix="sm-crackerjack-") as elsewhere:
        asked = (_answer(processes, [*command, *words], Path(elsewhere)) for words in questions)
        version, run, run_tests = await asyncio.gather(*asked)
    options, test_options = options_in(run or ""), options_in(run_tests or "")
    told = version_in(version or "")
    if not options & {"--fast", "--comp", "--run-tests"}:
        raise Unavailable(
            f"crackerjack {told or 'of an unknown version'} at {command[0]} has no command `run` as 0.74 has: {HOW}."
        )
    interpreter, programs = await _interpreter(processes, command)
    return Installed(command, told or "unknown", interpreter, programs, options, test_options)


def project_programs(folder: Path) -> Path | None:
    """The programs of the project's own environment, None where it has none."""
    programs = folder / ".venv" / "bin"
    return programs if programs.is_dir() else None


def plugins_lacking(programs: Path) -> list[str]:
    """What `run-tests` needs and an environment has not, by the names to install it by."""
    places = [*programs.parent.glob("lib/python3*/site-packages")]
    there = {
        module
        for module in PLUGINS
        if any((place / f"{module}.py").is_file() or (place / module).is_dir() for place in places)
    }
    if not (programs / "pytest").is_file():
        there.discard("pytest")
    return [name for module, name in PLUGINS.items() if module not in there]


async def _answer(processes: ProcessRunner, argv: Sequence[str], folder: Path) -> str | None:
    """What it prints; None: it did not understand."""
    lines: list[str] = []

    async def told(text: str) -> None:
        lines.append(text)

    try:
        ended = await processes.run(argv, folder, timeout=_PROBED_WITHIN, printed=told, environment=_WIDE)
    except NotFound as missing:
        raise Unavailable(f"{argv[0]} cannot be run: {HOW}.") from missing
    if ended.cause is Cause.TIMED_OUT:
        raise Unavailable(f"`{' '.join(argv)}` did not answer within {_PROBED_WITHIN:.0f} s: try again.", 30.0)
    return "".join(lines) if (ended.cause, ended.code) == (Cause.EXITED, 0) else None


async def _interpreter(processes: ProcessRunner, command: tuple[str, ...]) -> tuple[str, Path | None]:
    """The Python in the first lines of a script, with its version; a launcher such as uv chooses one itself."""
    head = _head_of(Path(command[0]))
    found = _SHEBANG.search(head) if head.startswith("#!") else None
    if found is None or len(command) > 1:
        return f"{' '.join(command)} (its own choice)", None
    python = Path(found[1] or found[2])
    configured = python.parent.parent / "pyvenv.cfg"
    said = _CONFIGURED.search(configured.read_text(errors="replace")) if configured.is_file() else None
    version = said[1] if said else version_in(await _answer(processes, [str(python), "--version"], python.parent) or "")
    return f"{python} ({version or 'unknown'})", python.parent


def _head_of(script: Path) -> str:
    with script.open("rb") as lines:
        return lines.read(1_000).decode(errors="replace")
