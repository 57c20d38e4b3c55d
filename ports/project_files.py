"""What a project's folder holds, as facts. Nothing here judges."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias


class Language(StrEnum):
    """What source files are written in. A closed set: others are no source files here."""

    PYTHON = "python"
    JAVASCRIPT = "javascript"
    TYPESCRIPT = "typescript"
    GO = "go"
    RUST = "rust"
    JAVA = "java"
    KOTLIN = "kotlin"
    SCALA = "scala"
    CSHARP = "csharp"
    C = "c"
    CPP = "c++"
    RUBY = "ruby"
    PHP = "php"
    SWIFT = "swift"
    ELIXIR = "elixir"
    SHELL = "shell"


class Check(StrEnum):
    """What a tool that reports findings looks at."""

    LINT = "lint"
    TYPES = "types"
    SECURITY = "security"


@dataclass(frozen=True, slots=True)
class Found:
    """A file, and when its content last changed on this disk (aware)."""

    path: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file that names a package and what it needs; `manager` is the program that reads it."""

    path: str
    language: Language
    manager: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """Lines (or statements) that tests ran, of those that could run."""

    path: str
    time: datetime
    covered: int
    total: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What a tool found in how many different files; notes are neither errors nor warnings and not counted."""

    path: str
    time: datetime
    check: Check
    tool: str
    errors: int
    warnings: int
    files: int


@dataclass(frozen=True, slots=True)
class TestResults:
    """What became of a run of tests; an error counts as failed."""

    __test__ = False  # no test of pytest's

    path: str
    time: datetime
    run: int
    failed: int
    skipped: int


Report: TypeAlias = Coverage | Findings | TestResults
"""What a tool left on the disk."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that could not be read, and why, in one sentence without the path."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was seen in a folder. Paths are from the folder, with `/`; hidden, vendored and built files are left out."""

    files: int = 0  # that were looked at
    capped: bool = False  # there are more than were looked at
    sources: Mapping[Language, int] = field(default_factory=dict)  # files in each language, most first
    manifests: Sequence[Manifest] = ()  # the outermost first
    locks: Sequence[Found] = ()
    test_tools: Mapping[str, str] = field(default_factory=dict)  # what runs tests -> the file that says so
    test_files: int = 0
    readme: str = ""
    pages: int = 0  # of documentation, below docs/ or doc/
    pipelines: Sequence[tuple[str, str]] = ()  # (system, path)
    ignore_files: Sequence[str] = ()
    env_files: Sequence[str] = ()  # that may hold secrets: examples and templates are left out
    texts: Sequence[str] = ()  # that may be read for secrets
    reports: Sequence[Report] = ()
    problems: Sequence[Problem] = ()
    version_control: str = ""  # git, hg, ... whose mark stands in the folder or above it


@dataclass(frozen=True, slots=True)
class Text:
    """A file's content; `whole` is False when it was cut."""

    path: str
    text: str
    whole: bool = True


class ProjectFiles(Protocol):
    """Looks at a project's files in bounded time. Never follows a link out of the folder, and writes nothing.

    >>> survey = await files.survey(Path("/home/you/shop"))
    >>> survey.manifests[0].manager, survey.sources
    ('uv', {<Language.PYTHON: 'python'>: 128})
    """

    async def survey(self, folder: Path, tracked: Sequence[str] | None = None) -> Survey:
        """`tracked`: the files that count, as git names them; None: all below `folder`, up to a limit.

        Reports and files of secrets are looked for beside them, since nobody tracks those. Raises NotFound when the folder is gone.
        """

    def read(self, folder: Path, paths: Sequence[str]) -> AsyncGenerator[Text, None]:
        """The text files among `paths`, in order, up to a limit in all; what is binary, linked or unreadable is left out."""
