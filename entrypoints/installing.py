"""`setup` and `uninstall`: shown, asked, done."""

import contextlib
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer
from session_mgmt_mcp import asking, paths, places, registration, shortcuts
from session_mgmt_mcp.adapters.claude_code import settings
from session_mgmt_mcp.adapters.claude_code.settings import Scope
from session_mgmt_mcp.registration import Change

OFFER = "Make /start, /checkpoint and /end short names as well (three files in the commands folder)?"
NOT_OFFERED = "The short names /start, /checkpoint and /end come with `setup --shortcuts`."
LOGS = ("hub.log*", "hub.stderr.log")
DATA = (
    "reflection.duckdb*",
    "memories.lance",
    "backups/before-*",
    "settings.toml",
    "machine",
    "sessions",
    "shared",
    "handoffs",
)
WORKING = ("hub.lock", "closed", "spool", "client-settings", ".reflection.duckdb.*")
"""In the data directory, but no data: what only a running installation needs."""


def setup(scope: Scope, dry_run: bool, yes: bool, quiet: bool, with_shortcuts: bool | None = None) -> dict[str, Any]:
    """What was registered, or would be; with_shortcuts None: the person is asked, and where nobody can be, without."""
    changes = registration.planned_setup(scope, Path.cwd())
    offered = [] if with_shortcuts is False else shortcuts.planned()
    silent = dry_run or yes or quiet
    wanted = with_shortcuts or bool(offered and not silent and typer.confirm(OFFER, err=True))
    changes += offered if wanted else []
    report = {
        "changes": _shown(changes, quiet),
        "applied": False,
        "client": str(client) if (client := settings.find_client()) else None,
        "notes": [*_notes(scope), *([NOT_OFFERED] if offered and silent and not wanted else [])],
    }
    if changes and not dry_run and _agreed("Write this?", yes):
        registration.keep_backups(changes)
        registration.apply(changes)
        report["applied"] = True
    return report


def uninstall(purge: bool, dry_run: bool, yes: bool, quiet: bool) -> dict[str, Any]:
    """What was taken away, or would be."""
    planned = [change for scope in settings.SCOPES for change in registration.planned_uninstall(scope, Path.cwd())]
    planned += shortcuts.planned_removal()
    changes = list(
        {change.path.resolve(): change for change in planned}.values()
    )  # in the home folder both scopes meet
    leftovers = _existing(_leftovers(purge))
    report = {"changes": _shown(changes, quiet), "removed": [str(path) for path in leftovers], "applied": False}
    if not quiet:
        for path in leftovers:
            typer.echo(f"remove {path}")
    what = "Take all this away, the memories as well?" if purge else "Take this away?"
    if (changes or leftovers) and not dry_run and _agreed(what, yes):
        registration.apply(changes)
        asking.hub_stop()
        _remove(_existing(_leftovers(purge)))
        report["applied"] = True
    report["notes"] = _plugin_note("Remove the plugin, too: `claude plugin uninstall session-mgmt@session-mgmt`.")
    return report


def plugin_enabled() -> bool:
    """Whether the client loads our plugin as well."""
    try:
        hooks = settings.client_files("user", Path.cwd()).hooks
        enabled = json.loads(hooks.read_text()).get("enabledPlugins", {})
        return any(on and name.split("@")[0] == settings.SERVER for name, on in enabled.items())
    except (OSError, ValueError, AttributeError):
        return False


def _notes(scope: Scope) -> list[str]:
    notes = _plugin_note("The plugin session-mgmt is enabled as well: one of the two is enough.")
    if settings.find_client() is None:
        notes.append("Claude Code was not found here; it will read this when it is installed.")
    if scope == "project":
        notes.append("Claude Code asks once in this project before it starts the server.")
    return notes


def _plugin_note(sentence: str) -> list[str]:
    return [sentence] if plugin_enabled() else []


def _shown(changes: Sequence[Change], quiet: bool) -> list[dict[str, str]]:
    shown = [{"file": str(change.path), "diff": registration.diff(change)} for change in changes]
    if not quiet:
        for change in shown:
            typer.echo(change["diff"])
    return shown


def _agreed(question: str, yes: bool) -> bool:
    return yes or typer.confirm(question, abort=True, err=True)


def _leftovers(purge: bool) -> Iterable[Path]:
    data = paths.data_dir()
    for pattern in (*WORKING, *(DATA if purge else ())):
        yield from data.glob(pattern)
    for pattern in LOGS:
        yield from paths.log_dir().glob(pattern)
    yield Path(places.hub_socket(places.data_dir()))


def _existing(leftovers: Iterable[Path]) -> list[Path]:
    return [path for path in leftovers if path.exists() or path.is_symlink()]


def _remove(leftovers: Sequence[Path]) -> None:
    for path in leftovers:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for folder in sorted({path.parent for path in leftovers}, reverse=True):  # the inner ones first
        with contextlib.suppress(OSError):  # others' files are in it: it stays
            folder.rmdir()
