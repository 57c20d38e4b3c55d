"""`make demo`: import, ask three questions, show what is found; nothing stays behind."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.domain.answers import Found
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.vector_store import Condition
from session_mgmt_mcp.settings import load

SAMPLE_QUESTIONS = (
    "why did the checkout test fail only sometimes?",
    "stale prices after a deploy",
    "which port does the staging proxy listen on?",
)
OWN_BYTES = 20_000_000  # of the user's own transcripts, the newest so many: a demo should take seconds


def main() -> None:
    console = Console(highlight=False)
    own = _own_transcripts(Path(os.environ.get("CLAUDE_CONFIG_DIR") or "~/.claude").expanduser() / "projects")
    with tempfile.TemporaryDirectory(prefix="session-mgmt-demo-") as folder:
        if own:
            console.print(f"Reading your newest {len(own)} transcripts; nothing of them stays behind.")
            asyncio.run(_show(console, own, Path(folder), ()))
        else:
            console.print("No transcripts of Claude Code here yet: reading samples of our own.")
            with as_file(files("session_mgmt_mcp") / "samples") as samples:
                # Copied, because an editable install links them and an import follows no link out of its folder.
                shutil.copytree(samples, Path(folder) / "samples")
            asyncio.run(_show(console, [Path(folder) / "samples"], Path(folder), SAMPLE_QUESTIONS))
    console.print("The temporary data directory is gone again.")


def _own_transcripts(root: Path) -> list[Path]:
    """The newest transcripts, up to OWN_BYTES together."""
    found = [path for path in root.glob("*/*.jsonl") if path.is_file()] if root.is_dir() else []
    chosen: list[Path] = []
    size = 0
    for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True):
        size += path.stat().st_size
        if chosen and size > OWN_BYTES:
            break
        chosen.append(path)
    return chosen


async def _show(console: Console, roots: Sequence[Path], folder: Path, questions: Sequence[str]) -> None:
    async with open_application(load(data_dir=folder / "data", log_dir=folder / "logs")) as app:
        await _import(console, app, roots)
        for question in questions or await _asked_before(app):
            started = time.perf_counter()
            result = await app.memory.search(question, Scope(), limit=2, half_life_days=180)
            took = (time.perf_counter() - started) * 1e3
            console.print(
                Panel(_hits(result.hits), title=f"[bold]{question}[/] [dim]{took:.0f} ms[/]", title_align="left")
            )


async def _import(console: Console, app: Application, roots: Sequence[Path]) -> None:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        console=console,
    ) as bars:
        reading = bars.add_task("reading, redacting", total=None)
        report = await app.capture.import_paths(
            roots, lambda now: bars.update(reading, completed=now.files_done, total=now.files_total)
        )
        waiting = max(1, (await app.embedding.progress()).pending)
        making = bars.add_task("making vectors", total=waiting)
        await app.embedding.wait_idle(lambda now: bars.update(making, completed=max(0, waiting - now.pending)))
        bars.update(making, completed=waiting)
    console.print(f"{report.entries} things said and done, from {report.files} transcripts.\n")


async def _asked_before(app: Application) -> list[str]:
    """Three things the user once asked, from different sessions."""
    page = await app.store.scan([Condition("kind", "=", Kind.TURN), Condition("role", "=", "user")], limit=2_000)
    first = {record.session: " ".join(record.text.split())[:120] for record in reversed(page.records)}
    return [text for text in first.values() if len(text) > 20][:3] or list(SAMPLE_QUESTIONS)


def _hits(hits: Sequence[Found]) -> str:
    lines = [
        f"[green]{hit.score:.2f}[/] [cyan]{hit.record.project}[/] {hit.record.time:%Y-%m-%d} {hit.record.role}: "
        + hit.snippet.replace("[", r"\[")
        for hit in hits
    ]
    return "\n".join(lines) or "Nothing found."


if __name__ == "__main__":
    main()
