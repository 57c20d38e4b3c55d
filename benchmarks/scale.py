"""How speed, memory, disk and start grow with the memories: `python -m benchmarks.scale [--json | --markdown]`."""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure
from benchmarks.scale_rows import ROWS

MEMORIES = (10_000, 100_000, 1_000_000)

Grown = Mapping[int, Mapping[str, Mapping[str, Any]]]
"""By number of memories, by what was measured, the figure as JSON."""


def one(row: str, folder: Path, memories: int) -> list[dict[str, Any]]:
    """A row in a process of its own: what another one needed is not counted. Raises RuntimeError with its last line."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.scale",
        "--row",
        row,
        "--memories",
        str(memories),
        "--data",
        str(folder),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError((ran.stderr.strip().splitlines() or ["no word why"])[-1])
    figures: list[dict[str, Any]] = json.loads(ran.stdout)
    return figures


def measure(memories: Sequence[int], rows: Sequence[str], data: Path, log: Console) -> tuple[Grown, dict[str, str]]:
    """The figures, and why a row has none. A store that is already in `data` is measured as it is, unless `fill` is a row."""
    grown: dict[int, dict[str, dict[str, Any]]] = {}
    failed: dict[str, str] = {}
    for number in memories:
        figures = grown.setdefault(number, {})
        for row in rows:
            with log.status(f"{number:,}: {row}"):
                try:
                    figures |= {figure["what"]: figure for figure in one(row, data / str(number), number)}
                except RuntimeError as error:
                    failed[f"{row} of {number:,}"] = str(error)
    return grown, failed


def cells(figure: Mapping[str, Any] | None) -> str:
    """A figure as a table shows it: measured, how often its floor, its budget, and whether that is missed.

    >>> cells({"measured": 12.345, "unit": "ms", "ratio": 1.234, "budget": "<= 1x", "ok": False, "floor_is": "scan"})
    '12.3 ms, 1.23x (<= 1x), **over**'
    """
    if figure is None:
        return ""
    measured = figure["measured"]
    shown = f"{measured:,.0f}" if abs(measured) >= 100 else f"{measured:.3g}"
    ratio = "" if figure["ratio"] is None else f", {figure['ratio']:.3g}x"
    budget = f" ({figure['budget']})" if figure["budget"] else ""
    return f"{shown} {figure['unit']}".strip() + ratio + budget + (", **over**" if figure["ok"] is False else "")


def lines(grown: Grown) -> list[list[str]]:
    """What was measured, and a cell for each number of memories."""
    names = dict.fromkeys(what for figures in grown.values() for what in figures)
    return [[what, *(cells(figures.get(what)) for figures in grown.values())] for what in names]


def markdown(grown: Grown) -> str:
    heading = ["", *(f"{number:,}" for number in grown)]
    rows = [heading, ["---"] * len(heading), *lines(grown)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def table(grown: Grown) -> Table:
    shown = Table(title="Scale: memories")
    shown.add_column("")
    for number in grown:
        shown.add_column(f"{number:,}", justify="right")
    for row in lines(grown):
        shown.add_row(*(cell.replace("**over**", "[bold red]over[/]") for cell in row))
    return shown


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    made.add_argument("--json", action="store_true", help="print the figures as JSON")
    made.add_argument("--markdown", action="store_true", help="print the table of docs/figures.md")
    made.add_argument("--memories", default=",".join(map(str, MEMORIES)), help="how many, several by commas")
    made.add_argument("--rows", nargs="+", choices=[*ROWS], metavar="ROW", help=f"only these of {', '.join(ROWS)}")
    made.add_argument(
        "--data", type=Path, help="where the stores are made and stay; without it, they are made for once"
    )
    made.add_argument("--row", choices=[*ROWS], help=argparse.SUPPRESS)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    memories = [int(number) for number in given.memories.split(",")]
    if given.row:
        figures: list[Figure] = asyncio.run(ROWS[given.row](given.data, memories[0]))  # type: ignore[arg-type]
        print(json.dumps([figure.as_json() for figure in figures]))
        return 0
    with tempfile.TemporaryDirectory(prefix="scale-") as made:
        grown, failed = measure(memories, given.rows or [*ROWS], given.data or Path(made), Console(stderr=True))
    if given.json:
        print(json.dumps({"memories": grown, "failed": failed}, indent=2))
    else:
        print(markdown(grown)) if given.markdown else Console().print(table(grown))
    for name, reason in failed.items():
        print(f"The row {name} has no figure: {reason}", file=sys.stderr)
    over = any(figure["ok"] is False for figures in grown.values() for figure in figures.values())
    return int(bool(failed) or over)


if __name__ == "__main__":
    sys.exit(main())
