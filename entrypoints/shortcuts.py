"""`/start`, `/checkpoint` and `/end` without the plugin's name: three files in the user's own commands folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from session_mgmt_mcp import registration
from session_mgmt_mcp.adapters.claude_code import settings
from session_mgmt_mcp.commands import OURS, SHORTCUTS, Command, shortcut_page
from session_mgmt_mcp.registration import Change


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What became of one file: written (it was absent, or an older one of ours), current, or theirs and left alone."""

    name: str
    file: Path
    state: Literal["written", "current", "theirs"]


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """`commands` beside the client's settings; `CLAUDE_CONFIG_DIR` moves it."""
    return settings.client_files("user", Path(), environ).hooks.parent / "commands"


def install_shortcuts(environ: Mapping[str, str] = os.environ) -> list[Shortcut]:
    """Writes each that is absent or ours. Raises Unavailable where the folder cannot be written."""
    found = [_looked(command, environ) for command in SHORTCUTS]
    registration.apply([change for _, change in found if change is not None])
    return [shortcut for shortcut, _ in found]


def planned(environ: Mapping[str, str] = os.environ) -> list[Change]:
    """What `install_shortcuts` would write."""
    return [change for command in SHORTCUTS if (change := _looked(command, environ)[1]) is not None]


def planned_removal(environ: Mapping[str, str] = os.environ) -> list[Change]:
    """Those that are ours, taken away."""
    files = (_file(command, environ) for command in SHORTCUTS)
    known = ((file, registration.read(file)) for file in files)
    return [Change(file, content, None) for file, content in known if content is not None and _is_ours(content)]


def summary(shortcuts: Sequence[Shortcut]) -> str:
    """One sentence about what became of them.

    >>> summary([Shortcut("start", Path("start.md"), "written"), Shortcut("end", Path("end.md"), "theirs")])
    'Written: /start. Left alone, because they are not ours: /end.'
    """
    words = {"written": "Written", "current": "Already there", "theirs": "Left alone, because they are not ours"}
    by_state = {said: [f"/{s.name}" for s in shortcuts if s.state == state] for state, said in words.items()}
    return " ".join(f"{said}: {', '.join(names)}." for said, names in by_state.items() if names)


def _looked(command: Command, environ: Mapping[str, str]) -> tuple[Shortcut, Change | None]:
    file, page = _file(command, environ), shortcut_page(command).encode()
    there = registration.read(file)
    if there is not None and not _is_ours(there):
        return Shortcut(command.name, file, "theirs"), None
    if there == page:
        return Shortcut(command.name, file, "current"), None
    return Shortcut(command.name, file, "written"), Change(file, there, page)


def _file(command: Command, environ: Mapping[str, str]) -> Path:
    return folder(environ) / f"{command.name}.md"


def _is_ours(content: bytes) -> bool:
    return OURS.encode() in content.splitlines()
