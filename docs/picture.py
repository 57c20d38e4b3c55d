"""Takes the README's picture: runs `make demo` in a real terminal (tmux) and draws its screen as SVG.

python docs/picture.py
"""

import io
import subprocess
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, LINES = 112, 40
DONE = "The temporary data directory is gone again."


def screen_of(command: str, until: str, home: str) -> str:
    """The terminal's screen, colours included, once `until` stands on it."""
    session = f"picture-{time.monotonic_ns()}"
    size = ["-x", str(COLUMNS), "-y", str(LINES)]
    shell = f"clear; cd '{ROOT}' && HOME='{home}' TERM=xterm-256color {command}; sleep 600"
    subprocess.run(["tmux", "-L", session, "new-session", "-d", *size, "sh", "-c", shell], check=True)
    try:
        for _ in range(600):
            time.sleep(0.5)
            shown = subprocess.run(
                ["tmux", "-L", session, "capture-pane", "-p", "-e"], check=True, capture_output=True, text=True
            ).stdout
            if until in shown:
                return shown
    finally:
        subprocess.run(["tmux", "-L", session, "kill-server"], check=False)
    raise TimeoutError(f"{command} did not print {until!r}")


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        shown = screen_of("make demo", DONE, home)
        console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
        console.print(Text("$ make demo"))
        console.print(Text.from_ansi(shown.rstrip()))
        # No web font: the picture must not fetch anything when it is looked at.
        svg = console.export_svg(title="make demo", code_format=_without_web_fonts())
    (ROOT / "docs" / "demo.svg").write_text(svg)


def _without_web_fonts() -> str:
    from rich._export_format import CONSOLE_SVG_FORMAT

    head, _, rest = CONSOLE_SVG_FORMAT.partition("    @font-face")
    return head + rest[rest.index("    .{unique_id}-matrix") :]


if __name__ == "__main__":
    main()
