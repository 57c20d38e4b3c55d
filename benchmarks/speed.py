"""The budgets of speed and size, each with its floor measured in the same run: `python -m benchmarks.speed [--json]`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure

Row = Callable[[], Awaitable[list[Figure]]]


def rows(memories: int, projects: Path | None, megabytes: float) -> dict[str, Row]:
    """By name, in the order they run: processes while this one is small, what fills memory last."""
    return {
        "install": _row("install_row", "install"),
        "shim": _row("process_rows", "shim"),
        "hook": _row("process_rows", "hook"),
        "cold": _row("process_rows", "cold"),
        "resident": _row("process_rows", "resident"),
        "writes": _row("writes_row", "writes"),
        "embedding": _row("embedding_rows", "embedding"),
        "store": _row("memory_rows", "store"),
        "import": _row("import_row", "transcripts", projects, megabytes),
        "recall": _row("memory_rows", "recall", memories),
        "worst": _row("memory_rows", "worst_recall", memories),
    }


def _row(module: str, name: str, *arguments: object) -> Row:
    """Imported when it runs: no row pays for another's engines."""

    async def run() -> list[Figure]:
        figures: list[Figure] = await getattr(import_module(f"benchmarks.{module}"), name)(*arguments)
        return figures

    return run


async def measure(chosen: Mapping[str, Row], log: Console) -> tuple[list[Figure], dict[str, str]]:
    """The figures, and why a row has none: one that fails takes no other with it."""
    figures: list[Figure] = []
    failed: dict[str, str] = {}
    for name, row in chosen.items():
        with log.status(f"measuring {name}"):
            try:
                figures += await row()
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}"
    return figures, failed


def table(figures: Sequence[Figure]) -> Table:
    shown = Table(title="Speed and size")
    for heading in ("what", "measured", "floor", "ratio", "budget", ""):
        shown.add_column(heading, justify="left" if heading in ("what", "floor") else "right")
    for figure in figures:
        floor = "" if figure.floor is None else f"{figure.floor:,.3g} {figure.unit} ({figure.floor_is})"
        verdict = {True: "[green]ok", False: "[bold red]over", None: ""}[figure.ok]
        shown.add_row(
            f"{figure.what}\n[dim]{figure.note}" if figure.note else figure.what,
            f"{figure.measured:,.4g} {figure.unit}",
            floor,
            "" if figure.ratio is None else f"{figure.ratio:.2f}x",
            str(figure.budget or ""),
            verdict,
        )
    return shown


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--rows", nargs="+", metavar="ROW", help="only these rows")
    parser.add_argument("--memories", type=int, default=100_000, help="memories to search among (default 100000)")
    parser.add_argument("--projects", type=Path, help="transcripts to import; without it, some are generated")
    parser.add_argument("--megabytes", type=float, default=100, help="of transcripts to generate (default 100)")
    given = parser.parse_args(arguments)
    known = rows(given.memories, given.projects, given.megabytes)
    unknown = set(given.rows or ()) - known.keys()
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}: choose from {', '.join(known)}")
    chosen = {name: row for name, row in known.items() if name in (given.rows or known)}
    figures, failed = asyncio.run(measure(chosen, Console(stderr=True)))
    if given.json:
        print(json.dumps({"figures": [figure.as_json() for figure in figures], "failed": failed}, indent=2))
    else:
        Console().print(table(figures))
        for name, reason in failed.items():
            print(f"The row {name} has no figure: {reason}", file=sys.stderr)
    return int(bool(failed) or any(figure.ok is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
