"""What teams on S3 would cost and wait for: `python -m benchmarks.growth_estimate [POINTS.json]`.

Goes on from the measured points of `benchmarks.growth` (those of docs/architecture/0041 unless others are given). Beyond
them requests and bytes grow as between the last two points: an upper bound, since candidates are capped.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

MEASURED = Path(__file__).with_name("growth_points.json")
ROUND_TRIP = 0.02  # seconds a request travels
ONE_AFTER_ANOTHER, AT_ONCE = 10, 22
"""A search waits for 10 requests, and for one more of every 22 it makes: what the delays of all four points come to."""
BANDWIDTH = 100e6  # bytes a second
GET, PUT, STORED = (
    0.4e-6,
    5e-6,
    0.023,
)  # Amazon's list prices in us-east-1: dollars a request, a request, a GB and month
SEARCHES, WRITES = 50 * 22, 20 * 22  # of one person in a month
MEMORIES = 100_000  # of one person


@dataclass(frozen=True, slots=True)
class Search:
    """In a table of so many memories."""

    memories: int
    requests: float
    bytes: float
    seconds: float


def search(memories: int, points: Sequence[Mapping[str, Any]]) -> Search:
    """Between two points, and beyond the last, along a power of the size."""
    requests, kilobytes, near = (_at(memories, points, name) for name in ("requests", "kilobytes", "near_ms"))
    waits = (ONE_AFTER_ANOTHER + requests / AT_ONCE) * ROUND_TRIP
    return Search(memories, requests, kilobytes * 1e3, near / 1e3 + waits + kilobytes * 1e3 / BANDWIDTH)


def dollars(users: int, of_one_table: int, points: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """A month of `users`, each with MEMORIES, whose tables hold `of_one_table` each."""
    writing = points[-1]["write"]["requests"]
    return {
        "searches": users * SEARCHES * search(of_one_table, points).requests * GET,
        "writes": users * WRITES * writing * PUT,
        "storage": users * MEMORIES * points[-1]["bytes_a_memory"] / 1e9 * STORED,
    }


def _at(memories: int, points: Sequence[Mapping[str, Any]], name: str) -> float:
    known = [(point["memories"], point["search"][name]) for point in points]
    around = (pair for pair in pairwise(known) if memories <= pair[1][0])
    (left, low), (right, high) = next(around, (known[-2], known[-1]))
    power = math.log(high / low) / math.log(right / left)
    return float(high * (memories / right) ** power)


def main() -> int:
    points = json.loads((Path(sys.argv[1]) if sys.argv[1:] else MEASURED).read_text())
    console = Console()
    sizes = Table(title="One search, by the size of its table")
    for heading in ("memories", "requests", "MB", "seconds", "dollars a 1,000"):
        sizes.add_column(heading, justify="right")
    for memories in (10_000, 100_000, 300_000, 1_000_000, 10_000_000, 100_000_000):
        one = search(memories, points)
        figures = (f"{one.requests:,.0f}", f"{one.bytes / 1e6:,.0f}", f"{one.seconds:,.1f}")
        sizes.add_row(f"{memories:,}", *figures, f"{one.requests * GET * 1e3:.2f}")
    console.print(sizes)
    months = Table(title="A month in dollars")
    for heading in ("users", "memories", "tables", "searches", "writes", "storage"):
        months.add_column(heading, justify="right")
    for users in (10, 100, 1_000):
        for of_one_table, name in ((users * MEMORIES, "one"), (10 * MEMORIES, "a team of ten"), (MEMORIES, "a person")):
            costs = dollars(users, of_one_table, points)
            months.add_row(f"{users:,}", f"{users * MEMORIES:,}", name, *(f"{cost:,.0f}" for cost in costs.values()))
    console.print(months)
    return 0


if __name__ == "__main__":
    sys.exit(main())
