"""`/start`, `/checkpoint` and `/end` without the plugin's name: three files in the user's own commands folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from session_mgmt_mcp import registration
from session_mgmt_mcp.adapters.claude_code import settings
from session_mgmt_mcp.commands import OURS, SHORTCUTS, Command, shortcut_page
from session_mgmt_mcp.ports.errors import Conflict, Unavailable
from session_mgmt_mcp.registration import Change


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What became of one file: written (it was absent, or an older one of ours), current, theirs and left alone, or failed."""

    name: str
    file: Path
    state: Literal["written", "current", "theirs", "failed"]
    why: str = ""  # it failed


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """`commands` beside the client's settings; `CLAUDE_CONFIG_DIR` moves it."""
    return settings.client_files("user", Path(), environ).hooks.parent / "commands"


def install_shortcuts(environ: Mapping[str, str] = os.environ) -> list[Shortcut]:
    """Writes each that is absent or ours. What cannot be written fails by itself, and says why."""
    return [_installed(command, environ) for command in SHORTCUTS]


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
    failed = dict.fromkeys(f"Not written: {s.why}" for s in shortcuts if s.state == "failed")
    return " ".join([*(f"{said}: {', '.join(names)}." for said, names in by_state.items() if names), *failed])


def _installed(command: Command, environ: Mapping[str, str]) -> Shortcut:
    try:
        shortcut, change = _looked(command, environ)
        if change is not None:
            registration.apply([change])
    except (Unavailable, Conflict) as error:
        return Shortcut(command.name, _file(command, environ), "failed", str(error))
    return shortcut


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
