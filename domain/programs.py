"""Programs that tell how somebody works, by the name of their process. All others are nobody's business."""

from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

Category: TypeAlias = Literal["editor", "browser", "terminal", "assistant", "database", "container"]

_NAMES: Mapping[Category, str] = {
    "editor": "code code-oss codium code-insiders cursor windsurf zed zeditor subl sublime_text atom vim nvim gvim vi "
    "emacs emacs-gtk emacs-nox helix hx kak micro nano gedit kate idea pycharm webstorm goland clion rider rubymine "
    "phpstorm datagrip rustrover android-studio studio xcode devenv fleet notepad++ jupyter-lab jupyter-notebook",
    "browser": "firefox firefox-esr firefox-bin chrome google-chrome chromium chromium-browser brave brave-browser "
    "msedge microsoft-edge safari opera vivaldi vivaldi-bin arc librewolf epiphany",
    "terminal": "gnome-terminal gnome-terminal-server konsole xterm alacritty kitty wezterm wezterm-gui foot ghostty "
    "iterm2 terminal windowsterminal tilix terminator xfce4-terminal tmux tmux-server screen zellij",
    "assistant": "claude codex gemini aider ollama",
    "database": "postgres mysqld mariadbd redis-server mongod psql mysql sqlite3 duckdb",
    "container": "dockerd docker podman containerd kubectl minikube",
}
_CATEGORIES: Mapping[str, Category] = {name: kind for kind, names in _NAMES.items() for name in names.split()}


def category(name: str) -> Category | None:
    """What a process of that name is for; None for what is not looked at.

    >>> category("Code.exe"), category("bash")
    ('editor', None)
    """
    plain = name.lower().removesuffix(".exe").partition(":")[0].strip()
    return _CATEGORIES.get(plain)


def telling(names: Collection[str]) -> dict[str, Category]:
    """Those of `names` that tell something, as one writes them without their ending."""
    found = ((name.removesuffix(".exe"), category(name)) for name in names)
    return {name: kind for name, kind in sorted(found) if kind is not None}
