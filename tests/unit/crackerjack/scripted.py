"""A crackerjack that prints what a test says."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.process_runner import Cause, Ended, Printed
from session_mgmt_mcp.ports.test_recorder import Tested

from tests.unit.crackerjack import printed

TESTS_HELP = "  --workers  -n  <int>\n  --coverage  --no-coverage\n  --verbose  -v\n"


@dataclass
class Scripted:
    """ProcessRunner. `said`: by the words after the program; what it does not know it does not understand."""

    program: Path | None
    said: dict[str, tuple[str, Ended]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)

    def says(self, words: str, text: str, code: int = 0, cause: Cause = Cause.EXITED) -> None:
        self.said[words] = text, Ended(cause, code, 1.0, len(text))

    async def run(
        self,
        argv: Sequence[str],
        folder: Path,
        *,
        timeout: float,
        printed: Printed,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Ended:
        if argv[0].endswith("python"):
            await printed("Python 3.13.7\n")
            return Ended(Cause.EXITED, 0, 0.1, 14)
        words = " ".join(argv[1:])
        self.ran.append(words)
        self.environments.append(environment)
        text, ended = self.said.get(words, ("No such option: " + words, Ended(Cause.EXITED, 2, 1.0, 0)))
        await printed(text)
        return ended

    def which(self, program: str, folders: Sequence[Path] = ()) -> Path | None:
        if program == "crackerjack":
            return self.program
        found = shutil.which(program, path=":".join(map(str, folders)))
        return Path(found) if found else None


@dataclass
class Recorded:
    """TestRecorder and its recording: pytest came to `tested`."""

    tested: Tested = field(default_factory=lambda: Tested(whole=True))
    environment: Mapping[str, str] = field(default_factory=lambda: {"PYTEST_ADDOPTS": "-p recorder"})
    __test__ = False

    absent: bool = False

    @contextmanager
    def recording(self, *, coverage: bool) -> Iterator["Recorded"]:
        if self.absent:
            raise Unavailable("There is no recorder: install it.")
        yield self

    def counted(self) -> tuple[int, int | None]:
        return len(self.tested.cases), None

    def read(self, folder: Path) -> Tested:
        return self.tested


def new_program(folder: Path, python: str = "/opt/cj/bin/python") -> Path:
    """The script of an installed crackerjack."""
    program = folder / "crackerjack"
    program.write_text(f"#!{python}\nfrom crackerjack.__main__ import cli\n")
    return program


def new_crackerjack(folder: Path, run_help: str = printed.HELP) -> Scripted:
    """Version 0.74.4, with what it prints when it is asked for help."""
    processes = Scripted(new_program(folder))
    processes.says("--version", "Crackerjack v0.74.4\n")
    processes.says("run --help", run_help)
    processes.says("run-tests --help", TESTS_HELP)
    return processes
