"""Every retrieval set that is at hand, with baselines and bars: `python -m benchmarks.bench`, or `make bench`."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console
from rich.progress import Progress

from benchmarks.formats import read_questions, read_set, selected
from benchmarks.progress import progress
from benchmarks.recall import Outcome, over_conversations, over_transcripts, table

HERE = Path(__file__).resolve().parent
Bars: TypeAlias = Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Part:
    """Some conversations of a set, and what must be reached on them, in percent by level and metric."""

    title: str
    conversations: str | None
    bars: Bars


SETS: Mapping[str, Sequence[Part]] = {
    "bench/locomo.json": (
        Part("LoCoMo, chats 6 to 10", "6-10", {("turn", "R@5"): 74, ("turn", "R@10"): 82, ("turn", "nDCG@10"): 65}),
        Part("LoCoMo, all chats", None, {("session", "hit@5"): 94.5}),
    ),
    "bench/beam-100k-a.json": (
        Part("BEAM 100K", None, {("turn", "R@5"): 55, ("turn", "R@10"): 65, ("turn", "nDCG@10"): 55}),
    ),
}
TRANSCRIPTS = "claude-code/real-projects"


def missed(figures: Mapping[str, Any], bars: Bars) -> list[str]:
    """A sentence for each figure below its bar."""
    return [
        f"{level} {metric} is {figures[level][metric]}, the bar is {bar:g}"
        for (level, metric), bar in bars.items()
        if figures[level][metric] < bar
    ]


async def of_set(file: Path, parts: Sequence[Part], bar: Progress) -> dict[str, tuple[Mapping[str, Any], Bars]]:
    document = read_set(file)
    outcome: Outcome = await over_conversations(document.name, document.conversations, True, bar)
    return {
        part.title: (
            outcome.among({one.id for one in selected(document.conversations, part.conversations)}).figures(),
            part.bars,
        )
        for part in parts
    }


async def of_transcripts(folder: Path, bar: Progress) -> dict[str, tuple[Mapping[str, Any], Bars]]:
    name, questions = read_questions(HERE / "coding_questions.json")
    return {name: ((await over_transcripts(folder, questions, True, bar)).figures(), {})}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    beside = os.environ.get("SESSION_MGMT_SHARED") or HERE.parent.parent / "shared"
    parser.add_argument("--sets", type=Path, default=Path(beside), metavar="DIR", help="where the sets lie")
    parser.add_argument("--json", action="store_true", help="figures as JSON, in percent")
    given = parser.parse_args(arguments)
    results: dict[str, tuple[Mapping[str, Any], Bars]] = {}
    with progress() as bar:
        for name, parts in SETS.items():
            if (given.sets / name).exists():
                results |= asyncio.run(of_set(given.sets / name, parts, bar))
        if (given.sets / TRANSCRIPTS).exists():
            results |= asyncio.run(of_transcripts(given.sets / TRANSCRIPTS, bar))
    if not results:
        print(f"No set lies in {given.sets}: see benchmarks/README.md for where to get them.", file=sys.stderr)
        return 2
    low = [f"{title}: {sentence}." for title, (figures, bars) in results.items() for sentence in missed(figures, bars)]
    if given.json:
        print(json.dumps({title: figures for title, (figures, _) in results.items()}, indent=2))
    else:
        for title, (figures, bars) in results.items():
            Console(width=110).print(table(title, figures, bars))
    print(*low, sep="\n", file=sys.stderr, end="\n" if low else "")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
