"""Which tools a command stands for in a project, and which options."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from session_mgmt_mcp.adapters.pytools.bandit import BANDIT
from session_mgmt_mcp.adapters.pytools.complexipy import COMPLEXIPY
from session_mgmt_mcp.adapters.pytools.mypy import MYPY
from session_mgmt_mcp.adapters.pytools.pyright import PYRIGHT
from session_mgmt_mcp.adapters.pytools.pytest import COVERAGE, PYTEST, WORKERS
from session_mgmt_mcp.adapters.pytools.ruff import FORMATTING, LINTING
from session_mgmt_mcp.adapters.pytools.steps import Tool
from session_mgmt_mcp.adapters.pytools.toolbox import Found
from session_mgmt_mcp.ports.quality_runner import Command, Option

EXTRA = "pip install 'session-mgmt-mcp[quality]'"
PROGRAMS = ("ruff", "mypy", "pyright", "bandit", "complexipy", "pytest")
_FILES = frozenset({Option.PATHS, Option.CHANGED_ONLY})
_TESTS = frozenset({Option.PATHS, Option.FAIL_FAST, Option.WORKERS})
_SECTIONS = {"mypy": ("mypy.ini", ".mypy.ini"), "pyright": ("pyrightconfig.json",)}


def configuration(folder: Path) -> Mapping[str, Any]:
    """[tool] of pyproject.toml; empty where there is none. Raises ValueError when it cannot be read."""
    try:
        text = (folder / "pyproject.toml").read_bytes().decode()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ValueError(error.strerror) from error
    tool = tomllib.loads(text).get("tool", {})
    if not isinstance(tool, dict):
        raise ValueError("[tool] is no table")
    return {name: value for name, value in tool.items() if isinstance(value, dict)}


def tools(command: Command, folder: Path, config: Mapping[str, Any], present: Iterable[str]) -> Sequence[Tool]:
    """In the order in which they run, the quick ones first; also those that are not present."""
    types = _types(folder, config, set(present))
    match command:
        case Command.TEST:
            return [PYTEST]
        case Command.LINT:
            return [LINTING]
        case Command.CHECK:
            return [types]
        case Command.FORMAT:
            return [FORMATTING]
        case Command.SECURITY:
            return [BANDIT]
        case Command.COMPLEXITY:
            return [COMPLEXIPY]
        case Command.ALL:
            return [LINTING, FORMATTING, types, BANDIT, COMPLEXIPY, PYTEST]


def programs(command: Command) -> Sequence[str]:
    """Which may be asked; which checker of types it is depends on those that are there."""
    step = {tool.program for tool in tools(command, Path(), {}, ())}
    return sorted(step | ({MYPY.program, PYRIGHT.program} if MYPY.program in step else set()))


def options(command: Command, present: Mapping[str, Found], in_git: bool) -> frozenset[Option]:
    match command:
        case Command.TEST:
            offered = _TESTS
        case Command.ALL:
            offered = _TESTS - {Option.PATHS}
        case _:
            offered = _FILES
    workers = "pytest" in present and WORKERS in present["pytest"].plugins
    kept = {Option.WORKERS: workers, Option.CHANGED_ONLY: in_git}
    return frozenset(option for option in offered if kept.get(option, True))


def missing(tool: Tool) -> str:
    return f"{tool.package} is not installed: install it into the project's environment, or beside us by {EXTRA}."


def lacking(folder: Path, config: Mapping[str, Any], present: Mapping[str, Found]) -> Sequence[str]:
    """What would be there with more tools, a sentence each."""
    absent = [tool for tool in tools(Command.ALL, folder, config, present) if tool.program not in present]
    sentences = list(dict.fromkeys(missing(tool) for tool in absent))
    if "pytest" in present and COVERAGE not in present["pytest"].plugins:
        where = present["pytest"].program.parent
        sentences.append(f"{COVERAGE} is not installed beside pytest in {where}: without it, coverage is not measured.")
    return sentences


def _types(folder: Path, config: Mapping[str, Any], present: set[str]) -> Tool:
    """The checker that the project configures, else the one that is there; mypy before pyright."""
    both = (MYPY, PYRIGHT)
    wanted = [tool for tool in both if _configures(tool.program, folder, config)]
    return next((tool for tool in (*wanted, *both) if tool.program in present), MYPY)


def _configures(program: str, folder: Path, config: Mapping[str, Any]) -> bool:
    if program in config or any((folder / name).is_file() for name in _SECTIONS[program]):
        return True
    setup = folder / "setup.cfg"
    return program == "mypy" and setup.is_file() and "[mypy]" in setup.read_text(errors="replace")
