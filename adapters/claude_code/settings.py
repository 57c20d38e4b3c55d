"""Claude Code's own settings: where they are, what of ours stands in them, and the text with or without it.

The server is registered in `~/.claude.json` (scope user) or `.mcp.json` (scope project), the hooks in `settings.json`
of `~/.claude` or of the project's `.claude`. `CLAUDE_CONFIG_DIR` moves both user files into one folder.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal, TypeAlias

from session_mgmt_mcp.adapters.claude_code import json_text
from session_mgmt_mcp.ports.errors import Invalid

Scope: TypeAlias = Literal["user", "project"]
SCOPES: tuple[Scope, ...] = ("user", "project")

SERVER = "session-mgmt"
PROGRAM = "session-mgmt-mcp"
HOOK_EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PostToolUse",
    "PostToolUseFailure",
    "PreCompact",
    "PostCompact",
    "Stop",
    "SubagentStop",
    "SessionEnd",
)
HOOK_TIMEOUT = 10  # seconds; a hook takes milliseconds, one that starts the hub at most 8 seconds


@dataclass(frozen=True, slots=True)
class ClientFiles:
    servers: Path
    hooks: Path


def client_files(scope: Scope, project: Path, environ: Mapping[str, str] = os.environ) -> ClientFiles:
    if scope == "project":
        return ClientFiles(project / ".mcp.json", project / ".claude" / "settings.json")
    home = Path("~").expanduser()
    moved = environ.get("CLAUDE_CONFIG_DIR")
    if moved:
        return ClientFiles(Path(moved) / ".claude.json", Path(moved) / "settings.json")
    return ClientFiles(home / ".claude.json", home / ".claude" / "settings.json")


def find_client(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The client's executable: on the PATH, else where its installers put it."""
    if found := shutil.which("claude", path=environ.get("PATH")):
        return Path(found)
    home = Path("~").expanduser()
    usual = (home / ".local/bin/claude", home / ".claude/local/claude", Path("/usr/local/bin/claude"))
    return next((place for place in usual if os.access(place, os.X_OK)), None)


def client_version(client: Path, timeout: float = 10) -> str | None:
    try:
        done = subprocess.run([client, "--version"], capture_output=True, text=True, timeout=timeout, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.split()[0] if done.stdout.split() else None


def parse(text: str, path: Path) -> dict[str, Any]:
    """The settings in `text`; empty text has none. Raises Invalid for what the client could not read either."""
    try:
        settings = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{path} is not valid JSON ({error}): repair it and run this again.") from error
    objects = (
        [settings, *(settings.get(key, {}) for key in ("mcpServers", "hooks"))]
        if isinstance(settings, dict)
        else [None]
    )
    if not all(isinstance(one, dict) for one in objects):
        raise Invalid(f"{path} holds something else where Claude Code expects an object: repair it and run this again.")
    groups = settings.get("hooks", {}).values()
    if not all(isinstance(group, list) and all(isinstance(one, dict) for one in group) for group in groups):
        raise Invalid(f"{path} has hooks in a form Claude Code does not know: repair them and run this again.")
    return dict(settings)


def is_our_server(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    command, args = entry.get("command"), entry.get("args") or []
    return (isinstance(command, str) and PurePath(command).name == PROGRAM) or "session_mgmt_mcp.server" in args


def is_our_hook(hook: Any) -> bool:
    """Whatever path it runs from: an old registration is ours, too."""
    try:
        words = shlex.split(hook.get("command", "")) + [str(arg) for arg in hook.get("args") or ()]
    except (AttributeError, ValueError):
        return False
    programs = (PROGRAM, "session_mgmt_mcp.server")
    return any(PurePath(word).name in programs and "hook" in words[n + 1 : n + 2] for n, word in enumerate(words))


def hook_command(program: Path, event: str, environment: Mapping[str, str]) -> str:
    """For the client's shell; the form without a shell is younger than some clients."""
    given = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return " ".join([*given, shlex.quote(str(program)), "hook", event])


def our_hooks(settings: Mapping[str, Any]) -> dict[str, list[tuple[Sequence[str | int], dict[str, Any]]]]:
    """By event: each hook of ours and the path that leads to it."""
    found: dict[str, list[tuple[Sequence[str | int], dict[str, Any]]]] = {}
    for event, groups in settings.get("hooks", {}).items():
        for g, group in enumerate(groups):
            for h, hook in enumerate(group.get("hooks") or ()):
                if is_our_hook(hook):
                    found.setdefault(event, []).append((("hooks", event, g, "hooks", h), hook))
    return found


def with_server(text: str, path: Path, program: Path, environment: Mapping[str, str]) -> str:
    """`text` with the server registered. What the user added to the entry stays; a stranger of its name is replaced."""
    known = parse(text, path).get("mcpServers", {}).get(SERVER)
    text = text if text.strip() else "{}\n"
    place = ("mcpServers", SERVER)
    if not is_our_server(known):
        whole = {"type": "stdio", "command": str(program), "args": [], "env": dict(environment)}
        return json_text.put(text, place, whole)
    if known.get("command") != str(program):
        text = json_text.put(text, (*place, "command"), str(program))
        text = json_text.put(text, (*place, "args"), [])
    env = {**(known.get("env") or {}), **environment}
    if env != (known.get("env") or {}):
        text = json_text.put(text, (*place, "env"), env)
    return text


def with_hooks(text: str, path: Path, program: Path, environment: Mapping[str, str]) -> str:
    """`text` with one hook of ours an event, at the end of what the user has there."""
    text = text if text.strip() else "{}\n"
    for event in HOOK_EVENTS:
        command = hook_command(program, event, environment)
        ours = our_hooks(parse(text, path)).get(event, [])
        for place, _ in reversed(ours[1:]):
            text = json_text.remove(text, place)
        if not ours:
            hook = {"type": "command", "command": command, "timeout": HOOK_TIMEOUT}
            text = json_text.append(text, ("hooks", event), {"hooks": [hook]})
        elif ours[0][1].get("command") != command:
            text = json_text.put(text, (*ours[0][0], "command"), command)
    return text


def without_ours(text: str, path: Path, before: Mapping[str, Any] | None = None) -> str:
    """`text` without the server and the hooks of ours, and without containers that only we had filled.

    `before` is what stood there before us: what was empty then stays, empty.
    """
    settings = parse(text, path)
    emptied: dict[Sequence[str | int], None] = {}
    for event, ours in our_hooks(settings).items():
        for place, _ in reversed(ours):
            text = json_text.remove(text, place)
            emptied[place[:3]] = None
        emptied[("hooks", event)] = emptied[("hooks",)] = None
    if is_our_server(settings.get("mcpServers", {}).get(SERVER)):
        text = json_text.remove(text, ("mcpServers", SERVER))
        emptied[("mcpServers",)] = None
    for place in sorted(emptied, key=len, reverse=True):
        if _is_empty(parse(text, path), place) and not _is_empty(before or {}, place):
            text = json_text.remove(text, place)
    return text


def _is_empty(settings: Any, place: Sequence[str | int]) -> bool:
    """There is something at `place`, and nothing in it; a group of hooks is empty without hooks, whatever its matcher."""
    for step in place:
        try:
            settings = settings[step]
        except (KeyError, IndexError):
            return False
    return not (settings.get("hooks") if len(place) == 3 else settings)
